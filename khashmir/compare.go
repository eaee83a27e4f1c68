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
	if r.Same {
		n.checked.add(q.Range, now)
	} else {
		n.askBack(from)
	}
	if n.table.Near(from.ID, 4*n.config.K) { // nobody else holds what we do
		n.told.add(q.Range, now)
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

// checks remembers which ranges others have gone over with us, and when last.
type checks []check

type check struct {
	keys kad.Range
	at   time.Time
}

// maxChecks is for how many ranges; a holder has some 4 with each of its
// neighbours.
const maxChecks = 128

func (c *checks) add(keys kad.Range, at time.Time) {
	*c = slices.DeleteFunc(*c, func(old check) bool { return keys.Covers(old.keys) })
	if len(*c) == maxChecks {
		*c = slices.Delete(*c, 0, 1)
	}
	*c = append(*c, check{keys, at})
}

func (c checks) covers(keys kad.Range, since time.Time) bool {
	return slices.ContainsFunc(c, func(old check) bool { return old.at.After(since) && old.keys.Covers(keys) })
}

// lapsed takes out the ranges that nobody has gone over with us since then, the wider
// ones first.
func (c *checks) lapsed(since time.Time) (ranges []kad.Range) {
	*c = slices.DeleteFunc(*c, func(old check) bool {
		if old.at.After(since) {
			return false
		}
		ranges = append(ranges, old.keys)
		return true
	})
	slices.SortStableFunc(ranges, func(a, b kad.Range) int { return a.Bits - b.Bits })
	return ranges
}
