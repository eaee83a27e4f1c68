package ktable

import (
	"slices"

	kad "github.com/khashmir/kad"
)

// Closest appends to dst the n contacts closest to target, the closest first,
// or all of them if there are fewer. It is exact. Contacts with failures count
// too: an answer may have been lost. Only dst may be allocated.
//
// The buckets are visited in the order of distance, each of them wholly closer
// to target than the next. To see why, let d be the XOR of target and our ID,
// and compare bucket i with all the deeper ones. Up to bit i all their IDs agree
// with ours. At bit i, those in bucket i have the other bit than we, the deeper
// ones have ours. So if bit i of d is 1, target has bucket i's bit there, and
// bucket i is closer than everything deeper; if it is 0, bucket i is farther
// than everything deeper. Hence: going inwards, the buckets whose bit is 1; then
// the last; then, going outwards, those whose bit is 0.
//
// (The first to be visited is the bucket of target itself: the bits that target
// shares with us are the zeros that d begins with.)
func (t *Table) Closest(dst []kad.Contact, target kad.ID, n int) []kad.Contact {
	n = min(n, t.Len())
	if n <= 0 {
		return dst
	}
	dst = slices.Grow(dst, n)
	limit := len(dst) + n
	d := t.self.Distance(target)
	last := len(t.buckets) - 1
	for i := 0; i < last && len(dst) < limit; i++ {
		if bit(d, i) {
			dst = t.buckets[i].appendClosest(dst, target, limit)
		}
	}
	dst = t.buckets[last].appendClosest(dst, target, limit)
	for i := last - 1; i >= 0 && len(dst) < limit; i-- {
		if !bit(d, i) {
			dst = t.buckets[i].appendClosest(dst, target, limit)
		}
	}
	return dst
}

// appendClosest appends the bucket's contacts, the closest to target first, as
// long as dst is shorter than limit.
func (b *bucket) appendClosest(dst []kad.Contact, target kad.ID, limit int) []kad.Contact {
	start := len(dst)
	for k := range b.placed {
		c := &b.placed[k].contact
		i := len(dst)
		for i > start && target.CompareDistance(c.ID, dst[i-1].ID) < 0 {
			i--
		}
		if i == limit {
			continue
		}
		if len(dst) < limit {
			dst = append(dst, kad.Contact{})
		}
		copy(dst[i+1:], dst[i:]) // of one too many, the farthest falls off the end
		dst[i] = *c
	}
	return dst
}

// bit is bit n of id; bit 0 is the most significant.
func bit(id kad.ID, n int) bool { return id[n/8]&(0x80>>(n%8)) != 0 }
