package khashmir

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// compare answers another holder's question whether we hold what it holds. It
// costs a walk over kad.CompareEntries entries at the most, whoever asks.
func (n *Node) compare(from kad.Contact, q krpc.Query) krpc.Reply {
	now := n.clock.Now()
	digest, ok, err := n.store.Digest(q.Range, kad.CompareEntries, now)
	if err != nil {
		n.log.Error("entries could not be compared", "err", err)
		return refuse(krpc.CodeServer, "could not read")
	}
	r := krpc.Reply{Same: ok && digest == q.Digest}
	n.mu.Lock()
	n.checked.add(check{q.Range, now, r.Same})
	if !r.Same {
		n.askBack(from)
	}
	r.Token = n.tokens.give(from, now)
	n.unlock()

	_, _, divisible := q.Range.Halves()
	switch {
	case r.Same:
	case divisible && (!ok || digest.Count > kad.CompareMarks):
		r.Split = true
	default:
		marks, err := n.store.Marks(q.Range, kad.CompareEntries, now)
		if err != nil {
			n.log.Error("entries could not be compared", "err", err)
			return refuse(krpc.CodeServer, "could not read")
		}
		for _, m := range marks {
			r.Marks = append(r.Marks, m.Mark)
		}
	}
	return r
}

// checks remembers what other holders have gone over with us. What one of them has
// found the same here the round of another need not go over: one spares all the
// others theirs. And somebody who compares a range with us takes us for one of those
// whose place it is, maybe because he knows who is dead, and we do not.
type checks []check

type check struct {
	keys kad.Range
	at   time.Time
	same bool // here and there
}

// maxChecks is for how many ranges; a holder has some 4 with each of its
// neighbours.
const maxChecks = 128

func (c *checks) add(this check) {
	*c = slices.DeleteFunc(*c, func(old check) bool { return this.keys.Covers(old.keys) })
	if len(*c) == maxChecks {
		*c = slices.Delete(*c, 0, 1)
	}
	*c = append(*c, this)
}

// covers: keys were found to be the same since then.
func (c checks) covers(keys kad.Range, since time.Time) bool {
	return slices.ContainsFunc(c, func(old check) bool { return old.same && old.at.After(since) && old.keys.Covers(keys) })
}

// lapsed takes out the ranges that nobody has compared with us since then.
func (c *checks) lapsed(since time.Time) (ranges []kad.Range) {
	*c = slices.DeleteFunc(*c, func(old check) bool {
		if old.at.After(since) {
			return false
		}
		ranges = append(ranges, old.keys)
		return true
	})
	return ranges
}
