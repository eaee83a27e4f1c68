package ktable

import (
	"time"

	kad "github.com/khashmir/kad"
)

// Range is a bucket's part of the ID space: the IDs that share the first Bits
// bits with Prefix, whose other bits are 0. kad.RandomInRange(r.Prefix, r.Bits,
// src) draws a target for a refresh.
type Range struct {
	Prefix kad.ID
	Bits   int
}

// LookedUp reports that a lookup for target has ended: its bucket is fresh.
func (t *Table) LookedUp(target kad.ID, now time.Time) {
	t.bucketOf(target).lookedUp = t.tick(now)
}

// Stale is the ranges of the buckets that saw no lookup for age or longer, the
// farthest first: refresh them (paper, section 2.3). In a new table all are.
func (t *Table) Stale(now time.Time, age time.Duration) []Range {
	at := t.tick(now)
	var stale []Range
	for i := range t.buckets {
		if elapsed(t.buckets[i].lookedUp, at, age) {
			stale = append(stale, t.rangeOf(i))
		}
	}
	return stale
}

func (t *Table) rangeOf(i int) Range {
	r := Range{Prefix: t.self, Bits: i}
	if i < len(t.buckets)-1 {
		r = Range{Prefix: t.self.Flip(i), Bits: i + 1}
	}
	r.Prefix[r.Bits/8] &^= 0xff >> (r.Bits % 8) // at the most 159 bits are shared
	clear(r.Prefix[r.Bits/8+1:])
	return r
}
