package ktable

import (
	"slices"

	kad "github.com/khashmir/kad"
)

// Sharer is a contact that has keys in common with us.
type Sharer struct {
	Contact kad.Contact
	Ranges  []kad.Range // disjoint, in the order of keys
}

// Shared says which keys we hold together with whom, where a key is held by the
// n nodes closest to it: for each contact the ranges of all keys that both it
// and we are among the n closest to. Contacts for which dead says true are as
// good as not there. The sharers come in the order of their distance to us.
//
// It is exact for what the table knows, and the table knows our neighbourhood.
func (t *Table) Shared(n int, dead func(kad.ID) bool) []Sharer {
	s := sharing{table: t, n: n, dead: dead, ranges: make(map[kad.ID][]kad.Range)}
	for c := range t.Contacts() {
		if dead != nil && dead(c.ID) {
			s.buried++
		}
	}
	s.walk(kad.Range{})
	sharers := make([]Sharer, 0, len(s.contacts))
	for _, c := range s.contacts {
		sharers = append(sharers, Sharer{c, s.ranges[c.ID]})
	}
	slices.SortFunc(sharers, func(a, b Sharer) int { return t.self.CompareDistance(a.Contact.ID, b.Contact.ID) })
	return sharers
}

type sharing struct {
	table    *Table
	n        int
	dead     func(kad.ID) bool
	buried   int // contacts that are dead
	contacts []kad.Contact
	ranges   map[kad.ID][]kad.Range
}

// walk visits the ranges within r for all of whose keys the same n nodes are
// closest. Take the nodes in the order of distance to r's lowest key. The first
// bits of a distance are the same for all keys of r. So where the n-th and the
// one after it differ in those, they do so for every key, and so do all before
// the one from all after the other. Where not, each half of r may have others.
func (s *sharing) walk(r kad.Range) {
	self, closest := s.table.self, s.closest(r.Prefix)
	isSelf := func(c kad.Contact) bool { return c.ID == self }
	if len(closest) > s.n {
		last, next := closest[s.n-1].ID, closest[s.n].ID
		if last.CommonPrefix(next) >= r.Bits {
			if slices.ContainsFunc(closest, isSelf) || self.CommonPrefix(last) >= r.Bits { // else we are too far in any case
				lower, upper, _ := r.Halves() // two nodes differ before the last bit
				s.walk(lower)
				s.walk(upper)
			}
			return
		}
		closest = closest[:s.n]
	}
	if !slices.ContainsFunc(closest, isSelf) {
		return
	}
	for _, c := range closest {
		if c.ID != self {
			s.add(c, r)
		}
	}
}

// closest is the n+1 nodes closest to key that live, we among them.
func (s *sharing) closest(key kad.ID) []kad.Contact {
	t := s.table
	closest := t.Closest(make([]kad.Contact, 0, s.n+s.buried+2), key, s.n+s.buried+1)
	if s.buried > 0 {
		closest = slices.DeleteFunc(closest, func(c kad.Contact) bool { return s.dead(c.ID) })
	}
	at := slices.IndexFunc(closest, func(c kad.Contact) bool { return key.CompareDistance(t.self, c.ID) < 0 })
	if at < 0 {
		at = len(closest)
	}
	closest = slices.Insert(closest, at, kad.Contact{ID: t.self})
	return closest[:min(len(closest), s.n+1)]
}

// add gives r to c. Two halves become the whole again.
func (s *sharing) add(c kad.Contact, r kad.Range) {
	ranges, known := s.ranges[c.ID]
	if !known {
		s.contacts = append(s.contacts, c)
	}
	for len(ranges) > 0 && r.Bits > 0 {
		whole := kad.NewRange(r.Prefix, r.Bits-1)
		before := ranges[len(ranges)-1]
		if before.Bits != r.Bits || !whole.Covers(before) {
			break
		}
		ranges, r = ranges[:len(ranges)-1], whole
	}
	s.ranges[c.ID] = append(ranges, r)
}
