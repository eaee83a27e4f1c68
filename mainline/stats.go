package mainline

import "github.com/khashmir/kad/transport"

// Stats is what a node counted since Open, on all its sides.
type Stats struct {
	transport.UDPStats
	Contacts int // in the tables, now
	Searches int // lookups begun
	Swarms   int // info-hashes that peers are held of, now
	Peers    int // these
	Items    int // of BEP 44 that are held, now
}

// Stats counts.
func (n *Node) Stats() Stats {
	var s Stats
	n.mu.Lock()
	for _, side := range n.sides {
		s.Contacts += side.table.Len()
	}
	s.Searches = n.counts.searches
	n.mu.Unlock()
	for _, side := range n.sides {
		u := side.udp.Stats()
		s.Asked += u.Asked
		s.Answered += u.Answered
		s.BytesIn += u.BytesIn
		s.BytesOut += u.BytesOut
		s.Dropped += u.Dropped
	}
	n.shelf.mu.Lock()
	defer n.shelf.mu.Unlock()
	for _, swarms := range n.shelf.swarms {
		s.Swarms += len(swarms.hashes)
		s.Peers += swarms.peers
	}
	s.Items = n.shelf.items.recent.Len()
	return s
}
