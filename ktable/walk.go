package ktable

import (
	"slices"

	kad "github.com/khashmir/kad"
)

// walk finds out who is among the n closest, for whole ranges of keys at once.
//
// Take the keys of one range, which begin with the same bits, and all nodes in
// the order of their distance. By these bits a node is as far from one key as
// from any other, and so are all nodes that begin alike. So for all the keys the
// nodes come in the same groups, and the n-th place falls into the same one. The
// groups before it are among the n closest, surely; those behind are not. Within
// it the nodes are rivals: who gets a place that is open hangs on the key.
//
// Halve the range, and one half of the rivals is closer to it, by the next bit.
// If they are enough for the open places, the other half is out. If not, they
// are sure of theirs, and the other half are the rivals for what is left.
//
// In the order of IDs nodes that begin alike are side by side. So a group is a
// span of that order, and its halves meet where the bit is set first.
type walk struct {
	table   *Table
	n       int
	living  []*member // we among them, in the order of IDs
	self    int       // our index there
	with    []int     // whose ranges are wanted
	visited int
	ranges  [][]kad.Range // of each of living
	others  []kad.Range
}

// part is a range of keys, and who is among the n closest to them.
type part struct {
	keys   kad.Range
	sure   []span // to each of the keys
	rivals span   // to one key or another
	open   int    // places for them
}

// span is some of living, by their indices.
type span struct{ start, end int }

func (s span) len() int       { return s.end - s.start }
func (s span) has(i int) bool { return s.start <= i && i < s.end }

func (p part) has(i int) bool {
	return p.rivals.has(i) || slices.ContainsFunc(p.sure, func(s span) bool { return s.has(i) })
}

// walk is among ourselves and those in the buckets from depth on that live.
func (t *Table) walk(depth, n int, dead func(kad.ID) bool) *walk {
	w := &walk{table: t, n: n}
	us := &member{id: t.self}
	w.living = append(make([]*member, 0, 4*n), us)
	for i := range t.buckets[depth:] {
		placed := t.buckets[depth+i].placed.members
		for j := range placed {
			if dead == nil || !dead(placed[j].id) {
				w.living = append(w.living, &placed[j])
			}
		}
	}
	slices.SortFunc(w.living, func(a, b *member) int { return a.id.Compare(b.id) })
	w.self = slices.Index(w.living, us)
	w.ranges = make([][]kad.Range, len(w.living))
	return w
}

// half is p for one half of its keys.
func (w *walk) half(p part, keys kad.Range) part {
	near, far := w.halves(p.rivals, p.keys.Bits)
	if bit(keys.Prefix, p.keys.Bits) {
		near, far = far, near
	}
	if near.len() >= p.open {
		return part{keys, p.sure, near, p.open}
	}
	return part{keys, append(p.sure, near), far, p.open - near.len()}
}

// halves are those of s in whose IDs bit n is 0, and those where it is 1. The
// bits before are the same in all.
func (w *walk) halves(s span, n int) (zeros, ones span) {
	first, end := s.start, s.end
	for first < end {
		if middle := (first + end) / 2; bit(w.living[middle].id, n) {
			end = middle
		} else {
			first = middle + 1
		}
	}
	return span{s.start, first}, span{first, s.end}
}

// enter visits r, of which only the keys that share depth bits with us may be
// ours. For those, all of living are rivals.
func (w *walk) enter(r kad.Range, depth int) {
	if r.Bits == depth {
		w.visit(part{keys: r, rivals: span{0, len(w.living)}, open: w.n})
		return
	}
	w.visited++
	lower, upper, _ := r.Halves()
	for _, half := range [...]kad.Range{lower, upper} {
		if half.Contains(w.table.self) {
			w.enter(half, depth)
		} else {
			w.visit(part{keys: half})
		}
	}
}

// maxSplits is how many times a range is halved to tell two nodes apart. Each
// time doubles the ranges.
const maxSplits = 3

// decided reports whether all rivals have a place: there is one for each, or
// only bits far down tell them apart.
func (w *walk) decided(p part) bool {
	tooMany := p.rivals.len() - p.open
	return tooMany <= 0 || tooMany <= w.n && alike(w.living[p.rivals.start], w.living[p.rivals.end-1], p.keys)
}

// alike reports whether only bits far down tell the first and the last of the
// rivals for keys apart, and so any two.
func alike(first, last *member, keys kad.Range) bool {
	return first.id.CommonPrefix(last.id) >= keys.Bits+maxSplits
}

// maxWalk bounds the parts visited, whatever IDs somebody has made to crowd
// around ours: beyond it ranges are not halved any more, and the n closest to
// one and the n behind have it.
const maxWalk = 2048

// visit gives the keys of p to those whose they are, if we have a place.
func (w *walk) visit(p part) {
	w.visited++
	crowded := w.visited >= maxWalk
	if crowded {
		p.rivals.end = min(p.rivals.end, p.rivals.start+p.open+w.n+1)
	}
	switch {
	case !p.has(w.self):
		w.others = append(w.others, p.keys)
	case !slices.ContainsFunc(w.with, p.has):
	case !crowded && !w.decided(p):
		lower, upper, _ := p.keys.Halves() // two rivals differ before the last bit
		w.visit(w.half(p, lower))
		w.visit(w.half(p, upper)) // may have the room that sure took for the lower
	default:
		for _, i := range w.with {
			if p.has(i) {
				w.add(i, p.keys)
			}
		}
	}
}

// add gives keys to the i-th. Two halves become the whole again.
func (w *walk) add(i int, keys kad.Range) {
	ranges := w.ranges[i]
	for len(ranges) > 0 && keys.Bits > 0 && bit(keys.Prefix, keys.Bits-1) {
		lower := kad.Range{Prefix: keys.Prefix.Flip(keys.Bits - 1), Bits: keys.Bits}
		if ranges[len(ranges)-1] != lower {
			break
		}
		ranges, keys = ranges[:len(ranges)-1], kad.Range{Prefix: lower.Prefix, Bits: keys.Bits - 1}
	}
	w.ranges[i] = append(ranges, keys)
}

// sharers are those that have ranges with keys.
func (w *walk) sharers(keys []kad.ID) []Sharer {
	var sharers []Sharer
	for i, ranges := range w.ranges {
		if ranges = with(keys, ranges); len(ranges) > 0 {
			sharers = append(sharers, Sharer{w.living[i].contact(), ranges})
		}
	}
	slices.SortFunc(sharers, func(a, b Sharer) int { return w.table.self.CompareDistance(a.Contact.ID, b.Contact.ID) })
	return sharers
}

// with leaves those of the ranges that there is one of the keys in; nil are all.
// It is done at the end: halves of which one has none still become the whole.
func with(keys []kad.ID, ranges []kad.Range) []kad.Range {
	if keys == nil {
		return ranges
	}
	return slices.DeleteFunc(ranges, func(r kad.Range) bool {
		first, _ := slices.BinarySearchFunc(keys, r.Prefix, kad.ID.Compare)
		return first == len(keys) || !r.Contains(keys[first])
	})
}
