package khashmir

import (
	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// A stray is an entry in the wrong place: others have come that are closer to
// its key, or there was a time when they could not be reached. Whoever holds it
// brings it to the Replicas closest it knows, who know the closest of all, and
// lets it go when every one of them has it. Kept, it would go on being found after its publisher has removed it from
// where it belongs.
//
// Two nodes may not agree on who is closest. So that they do not hand an entry
// to and fro, one that is only just out of place is kept, and compared with the
// closest of all in every round. What is superseded there goes here too.
//
// That costs one comparison with each of them, once; ranges in which we hold
// nothing cost a look at an index.

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
	lower, upper, divisible := keys.Halves()
	switch {
	case (!ok || len(marks) > kad.CompareMarks) && divisible:
		r.strays = append(r.strays, lower, upper)
	case ok && len(holders) >= r.replicas && len(marks) <= kad.CompareMarks:
		if _, near := n.table.Rank(keys.Prefix, r.replicas+kad.StrayMargin); near {
			r.todo = append(r.todo, comparison{with: holders[0], keys: keys, stray: true})
			break
		}
		let := &lettingGo{node: n, marks: marks, left: len(holders), agreed: true}
		for _, holder := range holders {
			r.todo = append(r.todo, comparison{with: holder, keys: keys, let: let, stray: true})
		}
	}
	r.next()
}

// lettingGo waits until all holders have what the marks are of.
type lettingGo struct {
	node   *Node
	marks  []store.Mark
	left   int
	agreed bool
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
