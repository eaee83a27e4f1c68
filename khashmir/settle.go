package khashmir

import (
	"context"

	kad "github.com/khashmir/kad"
)

// settle looks for the node's own place, and then once into each of the farthest
// ranges of its table where nobody has looked yet: else it would know next to
// nobody there, nobody there would know it, and the first finds would pay for
// that. A client, which is here for a moment, leaves the second out.
//
// then runs under the lock, once, with the neighbours. Call it under the lock.
func (n *Node) settle(ctx context.Context, then func([]kad.Contact, error)) {
	n.findNode(ctx, n.self.ID, func(closest []kad.Contact, err error) {
		if err != nil {
			then(closest, err)
			return
		}
		if n.saved.CompareAndSwap(false, true) {
			n.after = append(n.after, n.checkpoint) // a crash a moment later finds the way back
		}
		n.lookFar(ctx, func() { then(closest, nil) })
	})
}

// lookFar is the second part of settling.
func (n *Node) lookFar(ctx context.Context, then func()) {
	var ranges []kad.Range
	if !n.config.Client {
		ranges = n.table.Stale(n.clock.Now(), n.config.BucketStaleness) // the farthest first
		ranges = ranges[:min(len(ranges), max(0, n.config.SettleBuckets))]
	}
	left := len(ranges)
	if left == 0 {
		then()
		return
	}
	for _, r := range ranges {
		c := findCall(kad.RandomInRange(r.Prefix, r.Bits, n.clock), func([]kad.Contact, error) {
			if left--; left == 0 {
				then()
			}
		})
		c.settling, c.young = true, true
		n.begin(ctx, c)
	}
}
