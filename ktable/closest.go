package ktable

import (
	"slices"

	kad "github.com/khashmir/kad"
)

// Closest appends to dst the n contacts closest to target, the closest first,
// or all of them if there are fewer. It is exact. Contacts with failures count
// only where there are not n without: an answer may have been lost, but most of
// them are dead, and to name them costs others a time-out. Only dst may be
// allocated.
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
	if n <= 0 {
		return dst
	}
	var few [3 * kad.K]near // more are allocated
	found := t.appendClosest(few[:0], target, n, false, nil)
	if len(found) < n {
		found = t.appendClosest(found[:0], target, n, true, nil)
	}
	end := len(dst)
	dst = slices.Grow(dst, len(found))[:end+len(found)]
	for i, m := range found {
		m.write(&dst[end+i])
	}
	return dst
}

// Nearest appends up to n contacts to dst, those of the nearest buckets first, in no
// order within one: whom to know again after a restart.
func (t *Table) Nearest(dst []kad.Contact, n int) []kad.Contact {
	end := len(dst)
	dst = slices.Grow(dst, min(n, t.Len()))[:end+min(n, t.Len())]
	for i := len(t.buckets) - 1; i >= 0; i-- {
		placed := t.buckets[i].placed.members
		for j := range placed[:min(len(placed), len(dst)-end)] {
			placed[j].write(&dst[end])
			end++
		}
	}
	return dst
}

// near is a member on its way into the answer, with the first four bytes of its
// distance from the target, which nearly always are all it takes.
type near struct {
	*member
	distance uint32
}

func (a near) closer(b near, target kad.ID) bool {
	return a.distance < b.distance || a.distance == b.distance && target.CompareDistance(a.id, b.id) < 0
}

// appendClosest visits the buckets; failing says whether contacts with failures
// count. Those for which dead, if there is one, says true do not.
func (t *Table) appendClosest(found []near, target kad.ID, n int, failing bool, dead func(kad.ID) bool) []near {
	d := t.self.Distance(target)
	last := len(t.buckets) - 1
	for i := 0; i < last && len(found) < n; i++ {
		if bit(d, i) {
			found = t.buckets[i].appendClosest(found, target, n, failing, dead)
		}
	}
	found = t.buckets[last].appendClosest(found, target, n, failing, dead)
	for i := last - 1; i >= 0 && len(found) < n; i-- {
		if !bit(d, i) {
			found = t.buckets[i].appendClosest(found, target, n, failing, dead)
		}
	}
	return found
}

// Near reports whether less than n contacts are closer to us than id.
func (t *Table) Near(id kad.ID, n int) bool {
	for i := t.index(id) + 1; i < len(t.buckets); i++ {
		n -= t.buckets[i].placed.len()
	}
	placed := t.bucketOf(id).placed.members
	for i := range placed {
		if t.self.CompareDistance(placed[i].id, id) < 0 {
			n--
		}
	}
	return n > 0
}

// appendClosest appends the bucket's members, the closest to target first, as
// long as found is shorter than limit.
func (b *bucket) appendClosest(found []near, target kad.ID, limit int, failing bool, dead func(kad.ID) bool) []near {
	start, tag := len(found), tagOf(target)
	failing = failing || b.failing == 0 // most often, and then no member needs a look before its tag is close
	for k, t := range b.placed.tags {
		if len(found) == limit && t^tag > found[limit-1].distance {
			continue
		}
		m := near{&b.placed.members[k], t ^ tag}
		if !failing && m.failures > 0 {
			continue
		}
		i := len(found)
		for i > start && m.closer(found[i-1], target) {
			i--
		}
		if i == limit || dead != nil && dead(m.id) {
			continue
		}
		if len(found) < limit {
			found = append(found, near{})
		}
		copy(found[i+1:], found[i:]) // of one too many, the farthest falls off the end
		found[i] = m
	}
	return found
}

// bit is bit n of id; bit 0 is the most significant.
func bit(id kad.ID, n int) bool { return id[n/8]&(0x80>>(n%8)) != 0 }
