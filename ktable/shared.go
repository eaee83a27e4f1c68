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
// Of two nodes whose IDs begin alike now the one and now the other is closer, by
// a bit far down in the key. Where that decides about the n-th place both have
// it: the ranges may hold some keys more, never less.
//
// In the ranges of others we have no place; they are all the rest.
func (t *Table) Shared(n int, dead func(kad.ID) bool) (sharers []Sharer, others []kad.Range) {
	s := t.sharing(n, dead)
	s.walk(kad.Range{})
	sharers = make([]Sharer, 0, len(s.contacts))
	for _, c := range s.contacts {
		sharers = append(sharers, Sharer{c, s.ranges[c.ID]})
	}
	slices.SortFunc(sharers, func(a, b Sharer) int { return t.self.CompareDistance(a.Contact.ID, b.Contact.ID) })
	return sharers, s.others
}

// Holders are the n closest contacts that live, for all keys of r at once; ok
// is false where the halves of r may have different ones.
func (t *Table) Holders(r kad.Range, n int, dead func(kad.ID) bool) (holders []kad.Contact, ok bool) {
	s := t.sharing(n, dead)
	holders = s.closest(r.Prefix)
	if len(holders) > n {
		var differAt int
		if holders, differAt = s.members(holders, r); differAt < r.Bits+maxSplits {
			return nil, false
		}
	}
	return slices.DeleteFunc(holders, s.isSelf), true
}

// Rank is how many contacts are closer to key than we are; ok is false if they
// are n or more.
func (t *Table) Rank(key kad.ID, n int) (rank int, ok bool) {
	for _, c := range t.Closest(make([]kad.Contact, 0, n), key, n) {
		if key.CompareDistance(c.ID, t.self) > 0 {
			return rank, true
		}
		rank++
	}
	return rank, rank < n
}

func (t *Table) sharing(n int, dead func(kad.ID) bool) *sharing {
	s := &sharing{table: t, n: n, dead: dead, ranges: make(map[kad.ID][]kad.Range)}
	for c := range t.Contacts() {
		if dead != nil && dead(c.ID) {
			s.buried++
		}
	}
	return s
}

type sharing struct {
	table    *Table
	n        int
	dead     func(kad.ID) bool
	buried   int // contacts that are dead
	walked   int
	contacts []kad.Contact
	ranges   map[kad.ID][]kad.Range
	others   []kad.Range
}

// maxSplits is how many times a range is halved to tell two nodes apart. Each
// time doubles the ranges.
const maxSplits = 3

// maxWalk bounds the ranges visited, whatever IDs somebody has made to crowd
// around ours: beyond it all that may have a key in common have it.
const maxWalk = 2048

// walk visits the ranges within r for all of whose keys the same n nodes are
// closest. Take the nodes in the order of distance to r's lowest key. The first
// bits of a distance are the same for all keys of r. So where the n-th and the
// one after it differ in those, they do so for every key, and so do all before
// the one from all after the other. Where not, each half of r may have others.
func (s *sharing) walk(r kad.Range) {
	s.walked++
	closest := s.closest(r.Prefix)
	if len(closest) > s.n {
		members, differAt := s.members(closest, r)
		if differAt < r.Bits+maxSplits && s.walked < maxWalk {
			if s.mayBeIn(closest, r) {
				lower, upper, _ := r.Halves() // two nodes differ before the last bit
				s.walk(lower)
				s.walk(upper)
			} else {
				s.others = append(s.others, r)
			}
			return
		}
		closest = members
	}
	if !slices.ContainsFunc(closest, s.isSelf) {
		s.others = append(s.others, r)
		return
	}
	for _, c := range closest {
		if !s.isSelf(c) {
			s.add(c, r)
		}
	}
}

// members are the n closest, and those as far as the n-th by the bits of r.
// differAt is the first bit that tells some of these apart; past all bits where
// there is nothing to tell.
func (s *sharing) members(closest []kad.Contact, r kad.Range) (members []kad.Contact, differAt int) {
	last := closest[s.n-1].ID
	end, differAt := s.n, 8*kad.IDSize
	for i, c := range closest {
		common := last.CommonPrefix(c.ID)
		if common < r.Bits {
			continue
		}
		end = max(end, i+1)
		if c.ID != last {
			differAt = min(differAt, common)
		}
	}
	switch {
	case end == s.n:
		differAt = 8*kad.IDSize + maxSplits
	case end == len(closest) && end > 2*s.n: // there may be more of them
		differAt = r.Bits
	}
	return closest[:end], differAt
}

// mayBeIn: we are among the closest, or as far as the n-th by the bits of r.
func (s *sharing) mayBeIn(closest []kad.Contact, r kad.Range) bool {
	return slices.ContainsFunc(closest[:s.n], s.isSelf) || s.table.self.CommonPrefix(closest[s.n-1].ID) >= r.Bits
}

func (s *sharing) isSelf(c kad.Contact) bool { return c.ID == s.table.self }

// closest is the nodes closest to key that live, we among them, and enough of
// them to see who is as far as the n-th.
func (s *sharing) closest(key kad.ID) []kad.Contact {
	t := s.table
	enough := 2*s.n + 1
	closest := t.Closest(make([]kad.Contact, 0, enough+s.buried+1), key, enough+s.buried)
	if s.buried > 0 {
		closest = slices.DeleteFunc(closest, func(c kad.Contact) bool { return s.dead(c.ID) })
	}
	at := slices.IndexFunc(closest, func(c kad.Contact) bool { return key.CompareDistance(t.self, c.ID) < 0 })
	if at < 0 {
		at = len(closest)
	}
	closest = slices.Insert(closest, at, kad.Contact{ID: t.self})
	return closest[:min(len(closest), enough)]
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
