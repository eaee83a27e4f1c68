package khashmir

import (
	"time"

	"github.com/khashmir/kad/krpc"
)

// Observer hears what a node does: for logs, metrics, pages and simulations. A
// function that is nil is not missed. They run without the node's lock, some
// of them at once, and must not block.
type Observer struct {
	// Lookup hears of every lookup that has ended, whoever wanted it.
	Lookup func(Lookup)
}

// Lookup is one iterative search, told when it is over.
type Lookup struct {
	Target    ID
	Values    bool      // whether values were looked for too
	Closest   []Contact // that answered, up to K, the closest first; this node may be one
	Questions int       // asked
	Answers   int       // of these
	Hops      int       // how deep the closest was found: 1 is from this node's own table
	Took      time.Duration
	Err       error // nil: complete
}

// observe tells what has become of c. Call it under the lock.
func (c *call) observe(err error) {
	n := c.node
	told := n.config.Observer.Lookup
	if told == nil || c.lookup == nil || c.observed {
		return
	}
	c.observed = true
	l := Lookup{
		Target:    c.query.Target,
		Values:    c.query.Method == krpc.FindValue,
		Closest:   c.lookup.Closest(),
		Questions: c.lookup.Questions(),
		Answers:   c.answers,
		Hops:      c.lookup.Hops(),
		Took:      n.clock.Now().Sub(c.begun),
		Err:       err,
	}
	n.after = append(n.after, func() { told(l) })
}
