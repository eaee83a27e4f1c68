// Package ours is a network of our own nodes, as work.Measure wants it.
package ours

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// Swarm is nodes with a socket each and, unless Memory is set, a file each.
type Swarm struct {
	Memory  bool // nothing is kept on the disk
	Streams bool // every question goes on a QUIC stream

	dir   string
	nodes []*khashmir.Node

	mu      sync.Mutex
	holders map[khashmir.ID][]khashmir.ID // by key
}

// New prepares room for so many nodes.
func New(nodes int, memory, streams bool) (*Swarm, error) {
	s := &Swarm{
		Memory: memory, Streams: streams,
		nodes:   make([]*khashmir.Node, nodes),
		holders: make(map[khashmir.ID][]khashmir.ID),
	}
	if memory {
		return s, nil
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "khashmir-bench-*"); err != nil {
		return nil, fmt.Errorf("make a directory for the nodes' files: %w", err)
	}
	return s, nil
}

// leave is how long a node that closes hands over what it holds: next to not
// at all, since they all close.
const leave = time.Millisecond

// Build opens node i with all its defaults.
func (s *Swarm) Build(_ context.Context, i int) error {
	config := khashmir.Config{
		Transport: transport.NewQUIC(transport.QUICConfig{
			Listen:      netip.MustParseAddrPort("127.0.0.1:0"),
			StreamsOnly: s.Streams,
		}),
		LeaveTimeout: leave,
	}
	if s.Memory {
		config.Store = khashmir.NewMemoryStore()
	} else {
		config.Path = filepath.Join(s.dir, fmt.Sprintf("%04d.db", i))
	}
	node, err := khashmir.Open(config)
	s.nodes[i] = node
	return err
}

func (s *Swarm) Meet(ctx context.Context, i, other int) error {
	_, err := s.nodes[i].AddContact(ctx, s.nodes[other].Addr().String())
	return err
}

func (s *Swarm) Settle(ctx context.Context, i int) error {
	_, err := s.nodes[i].FindCloseNodes(ctx)
	return err
}

func (s *Swarm) Store(ctx context.Context, i int, key, value []byte) error {
	id := khashmir.ID(key)
	result, err := s.nodes[i].Store(ctx, id, value)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range result.Stored {
		s.holders[id] = append(s.holders[id], c.ID)
	}
	if err == nil && len(result.Stored) < min(kad.Replicas, len(s.nodes)-1) {
		err = fmt.Errorf("stored at %d nodes alone", len(result.Stored))
	}
	return err
}

func (s *Swarm) Find(ctx context.Context, i int, key, value []byte) (first time.Duration, found bool, err error) {
	begun := time.Now()
	for got, failed := range s.nodes[i].Values(ctx, khashmir.ID(key)) {
		if failed != nil {
			return first, found, failed
		}
		if !found && slices.Equal(got, value) {
			first, found = time.Since(begun), true
		}
	}
	return first, found, nil
}

func (s *Swarm) Holds(i int, key []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.holders[khashmir.ID(key)], s.nodes[i].ID())
}

func (s *Swarm) Questions() (asked int) {
	for _, n := range s.nodes {
		asked += stats(n).Asked
	}
	return asked
}

func (s *Swarm) Connections() (ends int) {
	for _, n := range s.nodes {
		ends += stats(n).Transport.Connections
	}
	return ends
}

// stats of a node that is closed are none.
func stats(n *khashmir.Node) khashmir.Stats {
	stats, _ := n.Stats()
	return stats
}

// Nodes are the nodes themselves.
func (s *Swarm) Nodes() []*khashmir.Node { return s.nodes }

// Close closes the nodes, some at once, and removes their files.
func (s *Swarm) Close() error {
	const atOnce = 8
	var errs [atOnce]error
	var closing sync.WaitGroup
	for part := range atOnce {
		closing.Go(func() {
			for i := part; i < len(s.nodes); i += atOnce {
				if s.nodes[i] != nil {
					errs[part] = errors.Join(errs[part], s.nodes[i].Close())
				}
			}
		})
	}
	closing.Wait()
	err := errors.Join(errs[:]...)
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
