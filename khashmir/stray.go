package khashmir

import (
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// A stray is an entry in the wrong place: others have come that are closer to
// its key, or there was a time when they could not be reached. Whoever holds it
// looks for those whose place it is, brings it to them and lets it go when every
// one of them has it. Kept, it would go on being found after its publisher has
// removed it from where it belongs.
//
// Two nodes may not agree on who is closest. So that they do not hand an entry
// to and fro, one that is only just out of place is kept, and compared with the
// closest of all whenever strays are gone over.
//
// That costs two or three questions, to learn who they are, and one comparison with
// each of them, once; ranges in which we hold nothing cost a look at an index.

// stray goes over what we hold in a range of others. It runs without the lock.
func (r *round) stray(keys kad.Range) {
	n := r.node
	marks, err := n.store.Marks(keys, kad.CompareMarks+1, n.clock.Now())
	if err != nil {
		n.log.Error("entries could not be compared", "err", err)
	}
	n.mu.Lock()
	defer n.unlock()
	if len(marks) == 0 || n.closed {
		r.next()
		return
	}
	holders, ok := n.table.Holders(keys, r.replicas, func(id kad.ID) bool { _, dead := r.dead[id]; return dead })
	_, near := n.table.Rank(keys.Prefix, r.replicas+kad.StrayMargin)
	near = near || !r.thorough // it is enough to know that one of those whose place it is lives
	key := marks[0].Key
	alone := marks[len(marks)-1].Key == key && len(marks) <= kad.CompareMarks
	lower, upper, divisible := keys.Halves()
	switch {
	case divisible && !(alone || ok && near && len(marks) <= kad.CompareMarks):
		r.strays = append(r.strays, lower, upper)
	case near && len(holders) > 0:
		r.todo = append(r.todo, comparison{with: holders[0], keys: keys, stray: true})
	case alone && r.homes < kad.StrayLookups:
		r.bringHome(key, marks)
		return
	}
	r.next()
}

// bringHome looks for those whose place key is, for what the marks are of. It is
// let go only where we know of so many who are closer that nobody can take us
// for one of the closest. For one that does not answer the next is asked.
func (r *round) bringHome(key kad.ID, marks []store.Mark) {
	n := r.node
	r.homes++
	n.findAround(key, func(around []kad.Contact, err error) {
		closer := n.closerThanUs(key, around)
		keys := kad.NewRange(key, 8*kad.IDSize)
		switch {
		case err != nil || len(closer) == 0:
		case len(closer) < r.replicas+kad.StrayMargin:
			r.todo = append(r.todo, comparison{with: closer[0], keys: keys, stray: true})
		default:
			let := &lettingGo{node: n, marks: marks, left: r.replicas, agreed: true, spares: closer[r.replicas : r.replicas+kad.StrayMargin]}
			for _, c := range closer[:r.replicas] {
				r.todo = append(r.todo, comparison{with: c, keys: keys, let: let, stray: true})
			}
		}
		r.next()
	})
}

// closerThanUs is who is closer to key than we are, the closest first: those
// that were found, and whom else we know, at the addresses that we know.
func (n *Node) closerThanUs(key kad.ID, found []kad.Contact) []kad.Contact {
	all := slices.Concat(n.table.Closest(nil, key, 2*n.config.K), found)
	for i, c := range all {
		if known, ok := n.table.Get(c.ID); ok {
			all[i] = known
		}
	}
	all = slices.DeleteFunc(all, func(c kad.Contact) bool { return key.CompareDistance(c.ID, n.self.ID) >= 0 })
	slices.SortStableFunc(all, func(a, b kad.Contact) int { return key.CompareDistance(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b kad.Contact) bool { return a.ID == b.ID })
}

// lettingGo waits until all holders have what the marks are of.
type lettingGo struct {
	node   *Node
	marks  []store.Mark
	left   int
	agreed bool
	spares []kad.Contact // for those that are silent
}

// spare is who takes the place of one that is silent, if there is anybody and it
// matters still.
func (l *lettingGo) spare() (c kad.Contact, ok bool) {
	if l == nil || !l.agreed || len(l.spares) == 0 {
		return kad.Contact{}, false
	}
	c, l.spares = l.spares[0], l.spares[1:]
	return c, true
}

// end: one of the holders has it, or not. Call it under the lock.
func (l *lettingGo) end(has bool) {
	if l == nil {
		return
	}
	l.left--
	l.agreed = l.agreed && has
	if l.left > 0 || !l.agreed {
		return
	}
	l.node.drop(l.marks)
}

// drop lets go of what the marks are of. Call it under the lock.
func (n *Node) drop(marks []store.Mark) {
	n.counts.letGo += len(marks)
	n.after = append(n.after, func() {
		if err := n.store.Drop(marks); err != nil {
			n.log.Error("strays could not be dropped", "err", err)
		}
	})
}
