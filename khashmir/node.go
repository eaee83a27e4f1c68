package khashmir

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

// Node is a running participant. Its methods are safe for concurrent use;
// Close and Abort must not be called from one of its callbacks.
type Node struct {
	// What every question and every answer touches lies together, and first: of a
	// hundred thousand simulated nodes next to none is in the processor's cache.
	mu        sync.Mutex // guards closed to hot, but for what cannot change; never held over I/O or a callback
	closed    bool
	saved     atomic.Bool // the contacts were, since Open
	holds     atomic.Bool // there may be an entry in the store
	table     ktable.Table
	clock     Clock
	transport Transport
	after     []func()  // what code under the lock left to run without it
	answered  time.Time // when anybody last answered us
	silence   int       // questions to contacts in the table unanswered since then
	late      lateness
	counts    counts
	tokens    tokens
	pings     []kad.ID       // whom we have asked for a sign of life: few
	calls     []*call        // in progress, in the order in which they began
	running   sync.WaitGroup // functions the clock or a context will run, or runs
	lives     lives          // how long contacts live

	opened       time.Time
	pingedSpare  time.Time // when a stranger was pinged back whom the table is not short of
	chores       [chores]chore
	alarm        alarm
	leaving      leaving
	meeting      func() bool // stops the timer that ends the waiting for those whom we were started with; nil: it is over
	neighbours   neighbours  // who else holds it
	checked      checks      // what others have found to be the same here: one's round spares the others theirs
	told         checks      // what neighbours took us for a holder of, maybe because they know who is dead, and we do not
	lost         lost        // contacts that fell silent
	reuniting    bool        // one of them has answered
	corrections  int         // of what others hold, under way
	republishing bool        // kept values are being stored again
	density      density
	cache        cache
	hot          hot

	config  Config
	self    kad.Contact
	store   Store
	key     ed25519.PrivateKey
	seq     atomic.Int64 // the highest given to an entry
	log     *slog.Logger
	life    context.Context // ends when Close begins
	endLife context.CancelFunc
	gone    chan struct{} // closed when it returns
}

// Open starts a node. It does not wait for the network.
func Open(config Config) (*Node, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	n := &Node{
		config:    config,
		transport: config.Transport,
		store:     config.Store,
		clock:     config.Clock,
		log:       config.Logger,
		gone:      make(chan struct{}),
	}
	n.life, n.endLife = context.WithCancel(context.Background())
	if n.store == nil {
		opened, err := store.Open(config.Path, store.Config{
			Limits:    config.limits(),
			PowerSafe: config.PowerSafe,
			Warn:      func(message string, err error) { n.log.Warn(message, "path", config.Path, "err", err) },
		})
		if err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
		n.store = opened
	}
	if err := n.start(); err != nil {
		n.endLife()
		if n.transport != nil {
			n.transport.Close()
		}
		n.store.Close()
		return nil, fmt.Errorf("open: %w", err)
	}
	return n, nil
}

func (n *Node) start() error {
	key, err := n.identity()
	if err != nil {
		return err
	}
	public := kad.PublicKeyOf(key)
	n.key, n.self, n.lives = key, kad.NewContact(public), newLives(n.config.ReplicateInterval)
	n.opened = n.clock.Now()
	n.tokens = newTokens(n.clock, n.config.TokenInterval)
	n.table = *ktable.New(n.self.ID, ktable.Config{
		K:               n.config.K,
		Wide:            n.config.WideBuckets,
		MaxFailures:     n.config.MaxFailures,
		MinPingInterval: n.config.MinPingInterval,
	})
	saved, err := n.store.Contacts()
	if err != nil {
		n.log.Warn("saved contacts could not be read", "err", err)
	}
	held, err := n.store.Stats()
	n.holds.Store(err != nil || held.Entries > 0)
	if n.transport == nil {
		listen, err := listenAddr(n.config.Listen)
		if err != nil {
			return err
		}
		n.transport = transport.NewQUIC(transport.QUICConfig{
			Listen:         listen,
			MaxConnections: n.config.MaxConnections,
		})
	}
	n.mu.Lock() // questions wait until the node is whole
	defer n.unlock()
	handle := n.answer
	if n.config.Observer.Served != nil {
		handle = n.watched
	}
	if err := n.transport.Serve(key, handle); err != nil {
		return err
	}
	n.self = n.self.WithAddr(n.transport.Addr())
	n.startHousekeeping(saved)
	return nil
}

// listenAddr reads Config.Listen; the zero AddrPort leaves the choice to the
// transport.
func listenAddr(listen string) (netip.AddrPort, error) {
	if listen == "" {
		return netip.AddrPort{}, nil
	}
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen at %q: %w", listen, err)
	}
	at := addr.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// identity is the configured key or the one kept in the store, made on the
// first start.
func (n *Node) identity() (ed25519.PrivateKey, error) {
	if n.config.Key != nil {
		return n.config.Key, n.store.SetIdentity(n.config.Key)
	}
	key, ok, err := n.store.Identity()
	if err != nil || ok {
		return key, err
	}
	if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return nil, fmt.Errorf("make identity: %w", err)
	}
	return key, n.store.SetIdentity(key)
}

// ID is the node's own.
func (n *Node) ID() ID { return n.self.ID }

// Contact is how others may know this node. Its address is missing while the
// node listens on all addresses and cannot tell which one others reach.
func (n *Node) Contact() Contact { return n.self }

// Addr is the UDP address the node listens at.
func (n *Node) Addr() netip.AddrPort { return n.transport.Addr() }

// unlock releases the lock and then runs what was left to be done without it.
func (n *Node) unlock() {
	after := n.after
	n.after = nil
	n.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// leave is unlock for callers of the public API: what was left to be done runs
// on the clock's goroutine, since theirs may hold locks that a callback wants.
func (n *Node) leave() {
	after := n.after
	n.after = nil
	run := func() {
		for _, f := range after {
			f()
		}
	}
	switch {
	case len(after) == 0:
	case n.closed: // nothing of the node is touched any more, and nobody waits
		n.clock.AfterFunc(0, run)
	default:
		n.afterFunc(0, run)
	}
	n.mu.Unlock()
}

// afterFunc is the clock's, counted so that Close can wait. f runs without the lock,
// and the node may be closed by then. Call it under the lock.
func (n *Node) afterFunc(d time.Duration, f func()) (stop func() bool) {
	n.running.Add(1)
	stopTimer := n.clock.AfterFunc(d, func() {
		defer n.running.Done()
		f()
	})
	return func() bool {
		stopped := stopTimer()
		if stopped {
			n.running.Done()
		}
		return stopped
	}
}
