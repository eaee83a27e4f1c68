package mainline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// Node is a running node of BitTorrent's DHT. Its methods are safe for
// concurrent use; Close must not be called from one of its callbacks.
type Node struct {
	config Config
	log    *slog.Logger
	sides  []*side // IPv4's in front
	shelf  *shelf
	keeper *keeper
	store  *store.SQLite // nil without a file
	seed   [32]byte      // what the IDs come from

	life      context.Context // ends when Close begins
	endLife   context.CancelFunc
	running   sync.WaitGroup
	gone      chan struct{} // closed when Close returns
	callbacks callbacks

	mu        sync.Mutex // guards what follows and the sides' tables; never held over I/O or a callback
	closed    bool
	searches  map[*search]struct{}
	timers    map[int]func() bool // that were set and have not fired
	lastTimer int
	after     []func() // what code under the lock left to run without it
	counts    counts
}

// Open starts a node. It does not wait for the network.
func Open(config Config) (*Node, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	n := &Node{
		config:   config,
		log:      config.Logger,
		shelf:    newShelf(config.limits()),
		gone:     make(chan struct{}),
		searches: make(map[*search]struct{}),
		timers:   make(map[int]func() bool),
	}
	n.life, n.endLife = context.WithCancel(context.Background())
	n.keeper = newKeeper(n)
	if err := n.open(); err != nil {
		n.endLife()
		for _, s := range n.sides {
			s.udp.Close()
		}
		if n.store != nil {
			n.store.Close()
		}
		return nil, fmt.Errorf("open: %w", err)
	}
	n.callbacks.start(&n.running)
	n.running.Go(n.keeper.run)
	n.join()
	return n, nil
}

// ID is the node's own: by IPv4, if it listens there. It changes once others
// have told where the node is, so that it fits that address (BEP 42).
func (n *Node) ID() kad.ID { return *n.sides[0].self.Load() }

// IDs are the node's own, in the order of Addrs.
func (n *Node) IDs() []kad.ID {
	ids := make([]kad.ID, len(n.sides))
	for i, s := range n.sides {
		ids[i] = *s.self.Load()
	}
	return ids
}

// Addr is where the node listens: by IPv4, if it does.
func (n *Node) Addr() netip.AddrPort { return n.sides[0].udp.Addr() }

// Addrs is where the node listens, IPv4 in front.
func (n *Node) Addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(n.sides))
	for i, s := range n.sides {
		addrs[i] = s.udp.Addr()
	}
	return addrs
}

// sideOf is the side that can ask at addr; nil if there is none.
func (n *Node) sideOf(addr netip.Addr) *side {
	for _, s := range n.sides {
		if s.six == (addr.Is6() && !addr.Is4In6()) {
			return s
		}
	}
	return nil
}

// unlock releases the lock and then runs what was left to be done without it.
func (n *Node) unlock() {
	after := n.after
	n.after = nil
	n.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// afterFunc runs f without the lock, unless the node is closed before. Call it
// under the lock.
func (n *Node) afterFunc(d time.Duration, f func()) {
	if n.closed {
		return
	}
	n.lastTimer++
	number := n.lastTimer
	n.running.Add(1)
	n.timers[number] = n.config.Clock.AfterFunc(max(d, 1), func() {
		defer n.running.Done()
		n.mu.Lock()
		delete(n.timers, number)
		n.mu.Unlock()
		f()
	})
}

// Close ends every call in progress with ErrClosed, saves the contacts and
// returns when every goroutine is gone. A second Close waits for the first and
// says ErrClosed.
func (n *Node) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		<-n.gone
		return ErrClosed
	}
	defer close(n.gone)
	n.closed = true
	n.endLife()
	for number, stop := range n.timers {
		if stop() {
			n.running.Done()
		}
		delete(n.timers, number)
	}
	n.endSearches(ErrClosed)
	contacts := n.contactsToSave()
	waiting := n.emptyOutboxes()
	n.unlock()
	for _, e := range waiting {
		e.then(nil, ErrClosed)
	}
	var errs []error
	for _, s := range n.sides {
		errs = append(errs, s.udp.Close())
	}
	n.callbacks.end()
	n.running.Wait()
	if n.store != nil {
		errs = append(errs, n.saveContacts(contacts), n.store.Close())
	}
	return errors.Join(errs...)
}

func (n *Node) emptyOutboxes() (waiting []errand) {
	for _, s := range n.sides {
		waiting = append(waiting, s.outbox...)
		s.outbox = nil
	}
	return waiting
}
