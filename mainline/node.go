package mainline

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
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

func (n *Node) open() error {
	rand.Read(n.seed[:]) // never fails: it ends the program instead
	saved, err := n.openStore()
	if err != nil {
		return err
	}
	sockets, err := listen(n.config)
	if err != nil {
		return err
	}
	for _, udp := range sockets {
		n.sides = append(n.sides, n.newSide(udp))
	}
	if len(n.sides) == 2 {
		n.sides[0].other, n.sides[1].other = n.sides[1], n.sides[0]
	}
	for _, s := range n.sides {
		if err := s.udp.Serve(s); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.startHousekeeping(saved)
	return nil
}

// openStore opens the file, if there is to be one, and takes from it what there
// is. It returns the saved contacts.
func (n *Node) openStore() ([]kad.Contact, error) {
	if n.config.Path == "" {
		return nil, nil
	}
	var err error
	n.store, err = store.Open(n.config.Path, store.Config{
		Warn: func(message string, err error) { n.log.Warn(message, "path", n.config.Path, "err", err) },
	})
	if err != nil {
		return nil, err
	}
	if err := n.identify(); err != nil {
		return nil, err
	}
	n.loadItems()
	saved, err := n.store.Contacts()
	if err != nil {
		n.log.Warn("saved contacts could not be read", "err", err)
	}
	return saved, nil
}

// identify takes the seed of the IDs from the identity in the file, made on the
// first start. Nobody sees the key itself.
func (n *Node) identify() error {
	key, ok, err := n.store.Identity()
	if err != nil {
		return err
	}
	if !ok {
		if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return fmt.Errorf("make an identity: %w", err)
		}
		if err := n.store.SetIdentity(key); err != nil {
			return err
		}
	}
	n.seed = sha256.Sum256(append([]byte("mainline id "), key.Seed()...))
	return nil
}

// firstID is the side's until others have told where it is: one that fits the
// address it listens at, if that is one that the world can see.
func (n *Node) firstID(ip netip.Addr) kad.ID {
	if !n.config.ID.IsZero() {
		return n.config.ID
	}
	random := kad.ID(n.seed[:kad.IDSize])
	if exempt(ip) {
		return random
	}
	return SecureID(ip, random)
}

// listen opens the sockets: one a family, on the same port if nothing else is
// said.
func listen(c Config) (sockets []*transport.UDP, err error) {
	open := func(at netip.AddrPort) error {
		udp, err := transport.NewUDP(transport.UDPConfig{Listen: at, Logger: c.Logger})
		if err == nil {
			sockets = append(sockets, udp)
		}
		return err
	}
	if c.Listen.IsValid() || c.Listen6.IsValid() {
		for _, at := range []netip.AddrPort{netip.AddrPortFrom(c.Listen.Addr().Unmap(), c.Listen.Port()), c.Listen6} {
			if err == nil && at.IsValid() {
				err = open(at)
			}
		}
	} else if err = open(netip.AddrPortFrom(netip.IPv4Unspecified(), 0)); err == nil {
		if err := open(netip.AddrPortFrom(netip.IPv6Unspecified(), sockets[0].Addr().Port())); err != nil {
			c.Logger.Info("no socket for IPv6", "err", err)
		}
	}
	if err != nil {
		for _, udp := range sockets {
			udp.Close()
		}
		return nil, err
	}
	return sockets, nil
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

// resolve turns "host:port" into addresses that the node could ask at.
func (n *Node) resolve(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port", addr)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("%q has no port number", addr)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("host %q is not known: %w", host, err)
	}
	var addrs []netip.AddrPort
	for _, ip := range ips {
		if ip = ip.Unmap(); n.sideOf(ip) != nil && n.asksAt(ip) {
			addrs = append(addrs, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%q has no address to ask at", addr)
	}
	return addrs, nil
}
