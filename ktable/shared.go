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
// Of given keys, in their order, ranges without any are left out; nil are all
// there can be.
//
// Of two nodes whose IDs begin alike now the one and now the other is closer, by
// a bit far down in the key. Where that decides about the n-th place both have
// it: the ranges may hold some keys more, never less.
//
// In the ranges of others we have no place; they are all the rest.
func (t *Table) Shared(n int, keys []kad.ID, dead func(kad.ID) bool) (sharers []Sharer, others []kad.Range) {
	w, depth := t.around(n, dead)
	w.with = make([]int, 0, len(w.living))
	for i := range w.living {
		if i != w.self {
			w.with = append(w.with, i)
		}
	}
	w.enter(kad.Range{}, depth)
	return w.sharers(keys), with(keys, w.others)
}

// SharedWith is Shared with some contacts alone. It costs less.
func (t *Table) SharedWith(with []kad.ID, n int, keys []kad.ID, dead func(kad.ID) bool) []Sharer {
	w, depth := t.around(n, dead)
	for i, m := range w.living {
		if i != w.self && slices.Contains(with, m.id) {
			w.with = append(w.with, i)
		}
	}
	w.enter(kad.Range{}, depth)
	return w.sharers(keys)
}

// around is a walk among all who may have a key in common with us: those in the
// buckets from depth on. In each bucket before it n live, and for its keys they
// are closer than we are. Nor has one of them a place for a key of ours, for
// with us there are n from depth on.
func (t *Table) around(n int, dead func(kad.ID) bool) (w *walk, depth int) {
	for depth < len(t.buckets)-1 && t.buckets[depth].lives(n, dead) {
		depth++
	}
	w = t.walk(depth, n, dead)
	if len(w.living) < n && depth > 0 {
		depth--
		w = t.walk(depth, n, dead)
	}
	return w, depth
}

// lives reports whether n of those that have a place live.
func (b *bucket) lives(n int, dead func(kad.ID) bool) bool {
	for i := 0; i < len(b.placed.members) && n > 0; i++ {
		if dead == nil || !dead(b.placed.members[i].id) {
			n--
		}
	}
	return n <= 0
}

// Holders are the n closest contacts that live, for all keys of r at once; ok
// is false where the halves of r may have different ones. The closest to the
// first key come first.
//
// Whoever is as far from r as the n-th, we among them, is its rival, and whoever
// is closer is sure. More than twice n in all are too many, so it is enough to
// look at that many.
func (t *Table) Holders(r kad.Range, n int, dead func(kad.ID) bool) (holders []kad.Contact, ok bool) {
	if n <= 0 {
		return nil, true
	}
	var few [3 * kad.K]near // more are allocated
	found := t.appendClosest(few[:0], r.Prefix, 2*n+1, true, dead)
	us := near{member: &member{id: t.self}}
	place, _ := slices.BinarySearchFunc(found, us, func(a, b near) int { return r.Prefix.CompareDistance(a.id, b.id) })
	found = slices.Insert(found, place, us)
	if len(found) > n {
		nth := found[n-1]
		rival := func(m near) bool { return m.id.CommonPrefix(nth.id) >= r.Bits }
		start, end := slices.IndexFunc(found, rival), n
		for end < len(found) && rival(found[end]) {
			end++
		}
		if end > n && (end > 2*n || !alike(found[start].member, found[end-1].member, r)) {
			return nil, false
		}
		found = found[:end]
	}
	for _, m := range found {
		if m.id != t.self {
			holders = append(holders, m.contact())
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
