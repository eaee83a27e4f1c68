package ktable

import (
	"time"

	kad "github.com/khashmir/kad"
)

// LookedUp reports that a lookup for target has ended: its bucket is fresh.
func (t *Table) LookedUp(target kad.ID, now time.Time) {
	t.bucketOf(target).lookedUp = t.tick(now)
}

// Stale is the ranges of the buckets that saw no lookup for age or longer, the
// farthest first: look a random ID of each up (paper, section 2.3). In a new table
// all are, but for those that are full and lively.
func (t *Table) Stale(now time.Time, age time.Duration) []kad.Range {
	at := t.tick(now)
	var stale []kad.Range
	for i := range t.buckets {
		if elapsed(t.buckets[i].lookedUp, at, age) && !t.lively(i, at, age) {
			stale = append(stale, t.rangeOf(i))
		}
	}
	return stale
}

// Short reports whether there are fewer than K contacts where id would be.
func (t *Table) Short(id kad.ID) bool { return t.bucketOf(id).placed.len() < t.config.K }

// lively reports whether the i-th bucket is full of contacts that have all answered
// more recently than age: a lookup would bring nobody in. Our own is never: it is
// for those around us that nobody is missed.
func (t *Table) lively(i int, at moment, age time.Duration) bool {
	placed := t.buckets[i].placed.members
	if len(placed) < t.widthOf(i) || i == len(t.buckets)-1 || t.buckets[i].failing > 0 {
		return false
	}
	for j := range placed {
		if elapsed(placed[j].seen, at, age) {
			return false
		}
	}
	return true
}

// rangeOf is the i-th bucket's part of the ID space.
func (t *Table) rangeOf(i int) kad.Range {
	if i < len(t.buckets)-1 {
		return kad.NewRange(t.self.Flip(i), i+1)
	}
	return kad.NewRange(t.self, i)
}
