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
	placed := t.buckets[last].placed
	for i := range placed {
		if t.self.CommonPrefix(placed[i].contact.ID) != depth {
			return true
		}
	}
	return false
}

// split parts the last bucket: those that share more bits with us than its
// index go to a new one. Both were looked up when their parent was.
//
// Nobody who waits gets a place by it: a contact waits in the last bucket only
// when everybody there shares the same number of bits with us, and so they all
// end up on the same side again.
func (t *Table) split() {
	last := len(t.buckets) - 1
	parent := t.buckets[last]
	far, near := bucket{lookedUp: parent.lookedUp}, bucket{lookedUp: parent.lookedUp}
	far.placed, near.placed = t.part(parent.placed, last)
	far.waiting, near.waiting = t.part(parent.waiting, last)
	t.buckets[last] = far
	t.buckets = append(t.buckets, near)
}

// part tells those that share exactly depth bits with us from those that share
// more; the order stays.
func (t *Table) part(list []member, depth int) (far, near []member) {
	for _, m := range list {
		if t.self.CommonPrefix(m.contact.ID) == depth {
			far = append(far, m)
		} else {
			near = append(near, m)
		}
	}
	return far, near
}

// merge joins the last two buckets while one of them is empty; nobody waits in
// that one. The longer wait for a lookup counts: part of the range had it.
func (t *Table) merge() {
	for last := len(t.buckets) - 1; last > 0; last-- {
		far, near := &t.buckets[last-1], &t.buckets[last]
		if len(far.placed) > 0 && len(near.placed) > 0 {
			return
		}
		if len(far.placed) == 0 {
			far.placed, far.waiting = near.placed, near.waiting
		}
		far.lookedUp = min(far.lookedUp, near.lookedUp)
		*near = bucket{}
		t.buckets = t.buckets[:last]
	}
}
