package ktable

import kad "github.com/khashmir/kad"

// Only the bucket that our own ID falls into, the last one, splits (paper,
// section 2.4). So the table is a slice, and a bucket's index says what is in it.
//
// Two rules keep its shape:
//   - a full last bucket splits when that tells its contacts and the newcomer
//     apart. Do all of them share the same number of bits with us, splitting
//     would only leave an empty bucket behind, and the newcomer waits;
//   - of the last two buckets neither is empty: else they merge. Empty buckets
//     farther away stay, they are ranges to refresh.

// splits reports whether splitting the bucket of id, once or more often, makes
// room for it. Told apart, K contacts and a newcomer leave at most K on a side.
func (t *Table) splits(id kad.ID) bool {
	last := len(t.buckets) - 1
	depth := t.self.CommonPrefix(id)
	if depth < last {
		return false
	}
	placed := t.buckets[last].placed.members
	for i := range placed {
		if t.self.CommonPrefix(placed[i].id) != depth {
			return true
		}
	}
	return false
}

// split parts the last bucket: those that share more bits with us than its
// index go to a new one. Both were looked up when their parent was. The far one
// may be wider than its parent was, and then those who wait get a place.
func (t *Table) split() {
	last := len(t.buckets) - 1
	parent := t.buckets[last]
	far, near := bucket{lookedUp: parent.lookedUp}, bucket{lookedUp: parent.lookedUp}
	for _, m := range parent.placed.members {
		t.side(m, last, &far, &near).place(m)
	}
	for _, m := range parent.waiting.members {
		t.side(m, last, &far, &near).waiting.add(m)
	}
	t.buckets[last] = far
	t.buckets = append(t.buckets, near)
	for b := &t.buckets[last]; b.waiting.len() > 0 && b.placed.len() < t.widthOf(last); {
		b.promote()
	}
	for b := &t.buckets[last+1]; b.waiting.len() > 0 && b.placed.len() < t.widthOf(last+1); {
		b.promote()
	}
}

// side is far for who shares exactly depth bits with us, near for who shares
// more.
func (t *Table) side(m member, depth int, far, near *bucket) *bucket {
	if t.self.CommonPrefix(m.id) == depth {
		return far
	}
	return near
}

// merge joins the last two buckets while one of them is empty; nobody waits in
// that one. The longer wait for a lookup counts: part of the range had it.
func (t *Table) merge() {
	for last := len(t.buckets) - 1; last > 0; last-- {
		far, near := &t.buckets[last-1], &t.buckets[last]
		if far.placed.len() > 0 && near.placed.len() > 0 {
			return
		}
		if far.placed.len() == 0 {
			far.placed, far.waiting, far.failing = near.placed, near.waiting, near.failing
		}
		far.lookedUp = min(far.lookedUp, near.lookedUp)
		*near = bucket{}
		t.buckets = t.buckets[:last]
	}
}
