package khashmir

import (
	"fmt"
	"time"

	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

// Stats is what a node holds and what it has done since Open.
type Stats struct {
	Contacts int // with a place in the routing table
	InFlight int // calls in progress
	Cached   int // keys of which there are copies in the cache
	Network  int // nodes there are, by how close they lie; 0: not known, or fewer than K

	Lookups int // begun
	Hops    int // in all of them
	Asked   int // questions put to others
	Silent  int // of those, without an answer
	Served  int // questions of others answered
	Expired int // entries dropped

	Rounds   int           // of comparing with other holders
	Compared int           // ranges of keys in them
	Handed   int           // entries that others lacked and were given
	LetGo    int           // entries dropped because all whose place it is have them
	HalfLife time.Duration // of contacts, as far as this node has seen them fall silent

	MaxEntries int   // that the store takes, and
	MaxBytes   int64 // of their values

	Store     store.Stats
	Transport transport.Stats
}

// counts is the part of Stats that the lock guards.
type counts struct {
	lookups, hops, asked, silent, served, expired int
	rounds, compared, handed, letGo               int
}

// Stats counts. The store's part is read from the disk.
func (n *Node) Stats() (Stats, error) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return Stats{}, ErrClosed
	}
	c := n.counts
	s := Stats{
		Contacts: n.table.Len(),
		InFlight: len(n.calls),
		Cached:   len(n.cache.keys),
		Lookups:  c.lookups,
		Hops:     c.hops,
		Asked:    c.asked,
		Silent:   c.silent,
		Served:   c.served,
		Expired:  c.expired,
		Rounds:   c.rounds,
		Compared: c.compared,
		Handed:   c.handed,
		LetGo:    c.letGo,
		HalfLife: n.lives.halfLife(),

		MaxEntries: n.config.MaxEntries,
		MaxBytes:   n.config.MaxBytes,
	}
	s.Network, _ = n.size()
	n.mu.Unlock()
	s.Transport = n.transport.Stats()
	var err error
	if s.Store, err = n.store.Stats(); err != nil {
		return s, fmt.Errorf("stats: %w", ours(err))
	}
	return s, nil
}
