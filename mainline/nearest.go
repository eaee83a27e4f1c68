package mainline

import (
	"math/bits"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// nearest is the contacts of a table as they are named to others: sorted by ID
// and in their compact form already. It is never changed, only replaced, so the
// packet loop reads it without a lock. To find the closest it walks down the
// tree that sorted IDs are.
type nearest struct {
	high   []uint64 // of each ID the first 8 bytes
	ids    []kad.ID
	packed []byte // of each the compact form, size bytes
	size   int
}

// newNearest sorts contacts, which have addresses of one family.
func newNearest(contacts []kad.Contact, size int) *nearest {
	slices.SortFunc(contacts, func(a, b kad.Contact) int { return a.ID.Compare(b.ID) })
	x := &nearest{
		high:   make([]uint64, len(contacts)),
		ids:    make([]kad.ID, len(contacts)),
		packed: make([]byte, 0, size*len(contacts)),
		size:   size,
	}
	for i, c := range contacts {
		x.high[i], x.ids[i] = high(c.ID), c.ID
		x.packed = bep5.AppendContact(x.packed, c.ID, c.Addr())
	}
	return x
}

func high(id kad.ID) (h uint64) {
	for _, b := range id[:8] {
		h = h<<8 | uint64(b)
	}
	return h
}

// appendTo appends the compact forms of the up to n closest to target, the
// closest first.
func (x *nearest) appendTo(b []byte, target kad.ID, n int) []byte {
	if n = min(n, kad.K); n <= 0 {
		return b
	}
	w := walk{x: x, target: target, high: high(target), n: n}
	w.visit(0, len(x.ids))
	for _, i := range w.found[:w.count] {
		b = append(b, x.packed[int(i)*x.size:(int(i)+1)*x.size]...)
	}
	return b
}

// count is how many of n there are.
func (x *nearest) count(n int) int { return max(0, min(n, kad.K, len(x.ids))) }

// walk is one search. It gathers the closest in found, in order.
type walk struct {
	x      *nearest
	target kad.ID
	high   uint64
	n      int
	count  int
	found  [kad.K]int32
}

// visit gathers from the contacts in [low, end), which are all farther than
// what was found before. Where their IDs first differ, those with the target's
// bit are closer than all others.
func (w *walk) visit(low, end int) {
	if end-low <= kad.K || w.x.high[low] == w.x.high[end-1] {
		w.gather(low, end)
		return
	}
	bit := uint64(1) << (63 - bits.LeadingZeros64(w.x.high[low]^w.x.high[end-1]))
	middle, above := low, end
	for middle < above {
		if at := (middle + above) / 2; w.x.high[at]&bit != 0 {
			above = at
		} else {
			middle = at + 1
		}
	}
	if w.high&bit == 0 {
		w.visit(low, middle)
		if w.count < w.n {
			w.visit(middle, end)
		}
		return
	}
	w.visit(middle, end)
	if w.count < w.n {
		w.visit(low, middle)
	}
}

// gather sorts few contacts in behind what was found before.
func (w *walk) gather(low, end int) {
	start := w.count
	for i := low; i < end; i++ {
		at := w.count
		for at > start && w.closer(i, int(w.found[at-1])) {
			at--
		}
		if at >= w.n {
			continue
		}
		w.count = min(w.count+1, w.n)
		copy(w.found[at+1:w.count], w.found[at:])
		w.found[at] = int32(i)
	}
}

func (w *walk) closer(i, j int) bool {
	di, dj := w.x.high[i]^w.high, w.x.high[j]^w.high
	if di != dj {
		return di < dj
	}
	return w.target.CompareDistance(w.x.ids[i], w.x.ids[j]) < 0
}
