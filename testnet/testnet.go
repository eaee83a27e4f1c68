// Package testnet builds a network of many nodes in one process and puts it
// through what Khashmir's own script did: each node is given a few random
// contacts and finds its neighbours; then random nodes find each other, and
// each other's values.
//
// It owns the nodes it builds and the directory they live in. It uses them
// through their public API alone and prints nothing.
package testnet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// The kinds of parts a network may be built from.
const (
	QUIC   = "quic"   // a socket a peer, on loopback
	Mem    = "mem"    // messages passed in process
	SQLite = "sqlite" // a file a peer
	Memory = "memory" // nothing is kept
)

// Config is what to build and what to do with it. Each zero field means the
// default named.
type Config struct {
	Peers     int    // 50
	Contacts  int    // 3 random ones each
	Finds     int    // 10
	Stores    int    // 10
	Readers   int    // 3 a store
	ValueSize int    // 100 bytes
	Callers   int    // 1 find or store at once
	Seed      uint64 // 0 is a seed like any other
	Transport string // QUIC
	Store     string // SQLite
	Dir       string // a temporary directory, removed at the end

	// Progress, when set, hears how far each stage is. It is called from many
	// goroutines.
	Progress func(stage Stage, done, total int)
}

// Stage is a part of the run, named as a person would.
type Stage string

// The stages in order.
const (
	Building Stage = "building peers"
	Meeting  Stage = "giving contacts"
	Joining  Stage = "finding close nodes"
	Finding  Stage = "finding peers"
	Storing  Stage = "storing and reading values"
	Closing  Stage = "closing peers"
)

// Default is the script as Khashmir shipped it.
func Default() Config {
	return Config{
		Peers: 50, Contacts: 3, Finds: 10, Stores: 10, Readers: 3,
		ValueSize: 100, Callers: 1, Transport: QUIC, Store: SQLite,
	}
}

// Check says in words what cannot be run.
func (c Config) Check() error {
	switch {
	case c.Peers < 2:
		return fmt.Errorf("a network needs at least 2 peers, not %d", c.Peers)
	case c.Contacts < 1:
		return fmt.Errorf("each peer needs at least 1 contact, not %d", c.Contacts)
	case c.Finds < 0 || c.Stores < 0 || c.Readers < 0:
		return errors.New("finds, stores and readers cannot be negative")
	case c.Callers < 1:
		return fmt.Errorf("at least 1 caller is needed, not %d", c.Callers)
	case c.ValueSize < 8:
		return fmt.Errorf("a value needs 8 bytes to differ from the others, not %d", c.ValueSize)
	case c.Transport != QUIC && c.Transport != Mem:
		return fmt.Errorf("transport is %s or %s, not %q", QUIC, Mem, c.Transport)
	case c.Store != SQLite && c.Store != Memory:
		return fmt.Errorf("store is %s or %s, not %q", SQLite, Memory, c.Store)
	}
	return nil
}

// Network is a number of nodes in one process.
type Network struct {
	Nodes  []*khashmir.Node
	config Config
	dir    string
	ours   bool // the directory is to be removed
}

// workers is how many peers are opened, introduced and closed at once.
const workers = 8

// Start builds the peers. They do not know each other yet.
func Start(ctx context.Context, config Config) (*Network, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	n := &Network{config: config, dir: config.Dir, Nodes: make([]*khashmir.Node, config.Peers)}
	if err := n.makeDir(); err != nil {
		return nil, err
	}
	inProcess := transport.NewNetwork(config.Seed)
	err := n.each(ctx, Building, config.Peers, workers, func(i int) error {
		c := khashmir.Config{Listen: "127.0.0.1:0", Path: filepath.Join(n.dir, fmt.Sprintf("peer-%04d.db", i))}
		if config.Transport == Mem {
			c.Transport = inProcess.Transport()
		}
		if config.Store == Memory {
			c.Store = khashmir.NewMemoryStore()
		}
		node, err := khashmir.Open(c)
		if err != nil {
			return fmt.Errorf("peer %d: %w", i, err)
		}
		n.Nodes[i] = node
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Network) makeDir() (err error) {
	switch {
	case n.config.Store == Memory:
	case n.dir == "":
		n.dir, err = os.MkdirTemp("", "khashmir-testnet-")
		n.ours = true
	default:
		err = os.MkdirAll(n.dir, 0o700)
	}
	return err
}

// Close closes the peers and removes what was made for them.
func (n *Network) Close() error {
	err := n.each(context.Background(), Closing, len(n.Nodes), workers, func(i int) error {
		if n.Nodes[i] == nil {
			return nil
		}
		return n.Nodes[i].Close()
	})
	if n.ours {
		err = errors.Join(err, os.RemoveAll(n.dir))
	}
	return err
}

// Join gives every peer its random contacts and has it find its neighbours.
func (n *Network) Join(ctx context.Context) error {
	err := n.each(ctx, Meeting, len(n.Nodes), workers, func(i int) error {
		random := n.random(Meeting, i)
		for range min(n.config.Contacts, len(n.Nodes)-1) {
			other := n.Nodes[others(random, len(n.Nodes), i)]
			if _, err := n.Nodes[i].AddContact(ctx, other.Addr().String()); err != nil {
				return fmt.Errorf("peer %d: %w", i, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return n.each(ctx, Joining, len(n.Nodes), workers, func(i int) error {
		if _, err := n.Nodes[i].FindCloseNodes(ctx); err != nil {
			return fmt.Errorf("peer %d: find close nodes: %w", i, err)
		}
		return nil
	})
}

// others draws a peer that is not i.
func others(random *rand.Rand, n, i int) int { return (i + 1 + random.IntN(n-1)) % n }

// random is the source of choices for the i-th part of a stage, so that a seed
// repeats them however the parts interleave.
func (n *Network) random(stage Stage, i int) *rand.Rand {
	salt := uint64(i)<<8 | uint64(len(stage))
	return rand.New(rand.NewPCG(n.config.Seed, salt))
}

// each runs f for 0 to total-1, some at once, and stops at the first error.
func (n *Network) each(ctx context.Context, stage Stage, total, atOnce int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done atomic.Int64
	finished := make(chan struct{})
	n.progress(stage, 0, total)
	for range min(atOnce, total) {
		go func() {
			defer func() { finished <- struct{}{} }()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				if err := f(i); err != nil {
					cancel(err)
				}
				n.progress(stage, int(done.Add(1)), total)
			}
		}()
	}
	for range min(atOnce, total) {
		<-finished
	}
	return context.Cause(ctx)
}

func (n *Network) progress(stage Stage, done, total int) {
	if n.config.Progress != nil {
		n.config.Progress(stage, done, total)
	}
}
