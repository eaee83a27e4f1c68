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
	s.walk(kad.Range{}, s.closest(kad.ID{}))
	return s.sharers(), s.others
}

// SharedWith is Shared with some contacts alone. It costs less.
func (t *Table) SharedWith(with []kad.ID, n int, dead func(kad.ID) bool) []Sharer {
	s := t.sharing(n, dead)
	s.with = with
	s.walk(kad.Range{}, s.closest(kad.ID{}))
	return s.sharers()
}

// Holders are the n closest contacts that live, for all keys of r at once; ok
// is false where the halves of r may have different ones.
func (t *Table) Holders(r kad.Range, n int, dead func(kad.ID) bool) (holders []kad.Contact, ok bool) {
	s := t.sharing(n, dead)
	closest := s.closest(r.Prefix)
	if len(closest) > n {
		var differAt int
		if closest, differAt = s.members(closest, r); differAt < r.Bits+maxSplits {
			return nil, false
		}
	}
	for _, id := range closest {
		if c, known := t.Get(id); known { // all but ourselves
			holders = append(holders, c)
		}
	}
	return holders, true
}

// Rank is how many contacts are closer to key than we are; ok is false if they
// are n or more. They are more than we know where key's bucket is full and far
// from the last: at two from it, it stands for twice as many, and more beyond.
func (t *Table) Rank(key kad.ID, n int) (rank int, ok bool) {
	if i := t.index(key); i < len(t.buckets)-2 && t.buckets[i].placed.len() >= t.width(key) {
		return n, false
	}
	for _, c := range t.Closest(make([]kad.Contact, 0, n), key, n) {
		if key.CompareDistance(c.ID, t.self) > 0 {
			return rank, true
		}
		rank++
	}
	return rank, rank < n
}

// sharing is one walk over all keys.
type sharing struct {
	self   kad.ID
	table  *Table
	n      int
	living []kad.ID // we among them, in the order of IDs
	with   []kad.ID // nil: all
	near   []kad.ID // what closest has found last
	walked int
	order  []kad.ID // of the sharers
	ranges map[kad.ID][]kad.Range
	others []kad.Range
}

func (t *Table) sharing(n int, dead func(kad.ID) bool) *sharing {
	s := &sharing{self: t.self, table: t, n: n, ranges: make(map[kad.ID][]kad.Range)}
	s.living = append(make([]kad.ID, 0, t.Len()+1), t.self)
	for i := range t.buckets {
		for j := range t.buckets[i].placed.members {
			if id := t.buckets[i].placed.members[j].id; dead == nil || !dead(id) {
				s.living = append(s.living, id)
			}
		}
	}
	slices.SortFunc(s.living, kad.ID.Compare)
	return s
}

func (s *sharing) sharers() []Sharer {
	slices.SortFunc(s.order, s.self.CompareDistance)
	sharers := make([]Sharer, 0, len(s.order))
	for _, id := range s.order {
		c, _ := s.table.Get(id)
		sharers = append(sharers, Sharer{c, s.ranges[id]})
	}
	return sharers
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
//
// closest are those to r's lowest key, which is its lower half's too.
func (s *sharing) walk(r kad.Range, closest []kad.ID) {
	s.walked++
	if len(closest) > s.n {
		members, differAt := s.members(closest, r)
		if differAt < r.Bits+maxSplits && s.walked < maxWalk {
			if s.mayBeIn(s.self, closest, r) && s.mayAnyBeIn(closest, r) {
				lower, upper, _ := r.Halves() // two nodes differ before the last bit
				s.walk(lower, closest)
				s.walk(upper, s.closest(upper.Prefix))
			} else {
				s.others = append(s.others, r)
			}
			return
		}
		closest = members
	}
	if !slices.Contains(closest, s.self) {
		s.others = append(s.others, r)
		return
	}
	for _, id := range closest {
		if id != s.self && (s.with == nil || slices.Contains(s.with, id)) {
			s.add(id, r)
		}
	}
}

// members are the n closest, and those as far as the n-th by the bits of r.
// differAt is the first bit that tells some of these apart; past all bits where
// there is nothing to tell.
func (s *sharing) members(closest []kad.ID, r kad.Range) (members []kad.ID, differAt int) {
	last := closest[s.n-1]
	end, differAt := s.n, 8*kad.IDSize
	for i, id := range closest {
		common := last.CommonPrefix(id)
		if common < r.Bits {
			continue
		}
		end = max(end, i+1)
		if id != last {
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

// mayBeIn: id is among the closest, or as far as the n-th by the bits of r.
func (s *sharing) mayBeIn(id kad.ID, closest []kad.ID, r kad.Range) bool {
	return id.CommonPrefix(closest[s.n-1]) >= r.Bits || slices.Contains(closest[:s.n], id)
}

func (s *sharing) mayAnyBeIn(closest []kad.ID, r kad.Range) bool {
	return s.with == nil || slices.ContainsFunc(s.with, func(id kad.ID) bool { return s.mayBeIn(id, closest, r) })
}

// closest is the nodes closest to key that live, we among them, and enough of
// them to see who is as far as the n-th. The slice is good until the next call.
func (s *sharing) closest(key kad.ID) []kad.ID {
	s.near = appendNearest(s.near[:0], s.living, key, 0, 2*s.n+1)
	return s.near
}

// appendNearest appends to dst, until it has limit, those of ids that are closest
// to key. All of ids share their first bits with each other, n of them at least,
// and come in the order of IDs. The half that has key's next bit is closer.
func appendNearest(dst, ids []kad.ID, key kad.ID, n, limit int) []kad.ID {
	if len(ids) == 0 || len(dst) >= limit {
		return dst
	}
	if len(ids) == 1 {
		return append(dst, ids[0])
	}
	n = max(n, ids[0].CommonPrefix(ids[len(ids)-1]))
	ones, end := 0, len(ids)
	for ones < end { // where the bit is set first
		if middle := (ones + end) / 2; bit(ids[middle], n) {
			end = middle
		} else {
			ones = middle + 1
		}
	}
	near, far := ids[:ones], ids[ones:]
	if bit(key, n) {
		near, far = far, near
	}
	return appendNearest(appendNearest(dst, near, key, n+1, limit), far, key, n+1, limit)
}

// add gives r to id. Two halves become the whole again.
func (s *sharing) add(id kad.ID, r kad.Range) {
	ranges, known := s.ranges[id]
	if !known {
		s.order = append(s.order, id)
	}
	for len(ranges) > 0 && r.Bits > 0 {
		whole := kad.NewRange(r.Prefix, r.Bits-1)
		before := ranges[len(ranges)-1]
		if before.Bits != r.Bits || !whole.Covers(before) {
			break
		}
		ranges, r = ranges[:len(ranges)-1], whole
	}
	s.ranges[id] = append(ranges, r)
}
