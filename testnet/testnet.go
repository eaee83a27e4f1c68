// Package testnet builds a network of many nodes on one machine and puts it
// through what Khashmir's own script did: each node is given a few random
// contacts and finds its neighbours; then random nodes find each other, and
// each other's values. Then, if wanted, it goes through faults: a cut between
// two halves, crashes, kill -9 of every node. After each, whatever was
// acknowledged is looked for.
//
// It owns the nodes it builds, the processes of those that have one each, and
// the directory they live in. It uses them through their public API alone and
// prints nothing.
//
// Run does all of it. Start, Join, Play and Close are its steps, for who wants
// to do something to the network in between. With Config.Live it stays as long
// as one wants it to, and whoever watches it does the faults: Kill, Revive, Cut
// and Heal.
//
// To read on: run.go is the script, partition.go, kill.go and restart.go are
// its faults, live.go the watcher's, process.go and serve.go the two ends of a peer that is a process.
package testnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// Network is a number of nodes on one machine.
type Network struct {
	Nodes []*khashmir.Node // those in this process: all, or none

	config    Config
	peers     []peer
	dir       string
	ours      bool               // the directory is to be removed
	inProcess *transport.Network // what peers over Mem talk on
	cut       cut

	begun moment
	boot  usage // until every peer had its neighbours

	mu     sync.Mutex
	joined int // peers that found their close nodes
	faults faults

	// A living network's (live.go). Only one thing is done to it at once; what
	// is below it is guarded by mu.
	changing      sync.Mutex
	down          []bool
	sides         []int // of the cut, by peer; nil: there is none
	cuts, revived int   // so many drew at random
}

// workers is how many peers are opened, introduced and closed at once.
const workers = 8

// Start builds the peers. They do not know each other yet.
func Start(ctx context.Context, config Config) (*Network, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	if err := enoughFiles(config); err != nil {
		return nil, err
	}
	n := &Network{
		config:    config,
		peers:     make([]peer, config.Peers),
		dir:       config.Dir,
		inProcess: transport.NewNetwork(config.Seed),
		begun:     now(),
	}
	if !config.apart() {
		n.Nodes = make([]*khashmir.Node, config.Peers)
		n.down = make([]bool, config.Peers)
	}
	if err := n.makeDir(); err != nil {
		return nil, err
	}
	err := n.each(ctx, Building, config.Peers, workers, func(i int) (err error) {
		if n.peers[i], err = n.open(ctx, i); err != nil {
			return fmt.Errorf("peer %d: %w", i, err)
		}
		return nil
	})
	if err != nil {
		return nil, also(err, n.Close())
	}
	return n, nil
}

func (n *Network) makeDir() (err error) {
	switch {
	case n.config.Store == Memory:
	case n.dir == "":
		n.dir, err = os.MkdirTemp("", TempPattern)
		n.ours = true
	default:
		err = os.MkdirAll(n.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("make a directory for the peers' files: %w", err)
	}
	return nil
}

// Join gives every peer its random contacts and has it find its neighbours.
// Those that find none are in the report.
func (n *Network) Join(ctx context.Context) error {
	if n.config.Live {
		return n.grow(ctx)
	}
	err := n.each(ctx, Meeting, len(n.peers), workers, func(i int) error { return n.introduce(ctx, i) })
	if err != nil {
		return err
	}
	err = n.each(ctx, Joining, len(n.peers), workers, func(i int) error {
		err := n.peers[i].FindCloseNodes(ctx)
		n.mu.Lock()
		defer n.mu.Unlock()
		if err != nil {
			n.faults.add("peer %d found no close nodes: %v", i, err)
		} else {
			n.joined++
		}
		return nil
	})
	n.boot = n.begun.since()
	if err != nil {
		return err
	}
	sum, err := n.total() // of processes, what they have used is theirs to tell
	n.boot.cpu += sum.CPU
	return err
}

// introduce gives the i-th peer its contacts. One that does not answer is
// lived without, and reported, as long as another does.
func (n *Network) introduce(ctx context.Context, i int) error {
	var silent []error
	contacts := n.contacts(i)
	for _, other := range contacts {
		if err := n.peers[i].AddContact(ctx, n.peers[other].Addr()); err != nil {
			silent = append(silent, fmt.Errorf("peer %d was given peer %d: %w", i, other, err))
		}
	}
	if len(silent) == len(contacts) {
		return silent[0]
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, err := range silent {
		n.faults.add("%v", err)
	}
	return nil
}

// contacts draws the different peers that the i-th one is told of.
func (n *Network) contacts(i int) []int {
	random := n.random(Meeting, i)
	var drawn []int
	for len(drawn) < min(n.config.Contacts, len(n.peers)-1) {
		if other := others(random, len(n.peers), i); !slices.Contains(drawn, other) {
			drawn = append(drawn, other)
		}
	}
	return drawn
}

// Close closes all peers, whatever becomes of one, and removes what was made
// for them. Peers that were closed already are left alone.
func (n *Network) Close() error {
	n.changing.Lock()
	defer n.changing.Unlock()
	var open []peer // all, unless building them was interrupted
	for _, p := range n.peers {
		if p != nil {
			open = append(open, p)
		}
	}
	errs := make([]error, len(open))
	_ = n.each(context.Background(), Closing, len(open), workers, func(i int) error {
		if err := open[i].Close(); err != nil && !errors.Is(err, khashmir.ErrClosed) {
			errs[i] = fmt.Errorf("close a peer: %w", err)
		}
		return nil
	})
	err := errors.Join(errs...)
	if !n.ours {
		return err
	}
	if removing := os.RemoveAll(n.dir); removing != nil {
		err = also(err, fmt.Errorf("remove the peers' files: %w", removing))
	}
	return err
}

// also adds what went wrong on the way out. An error that is alone stays as
// it is.
func also(err, more error) error {
	if more == nil {
		return err
	}
	return errors.Join(err, more)
}
