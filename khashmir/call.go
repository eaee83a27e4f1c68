package khashmir

import (
	"context"
	"errors"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/lookup"
)

// call is one operation on its way: a lookup, and what is done with its
// answers. It ends exactly once. All of it is guarded by the node's lock; the
// functions it is given run under the lock too.
type call struct {
	node   *Node
	lookup lookup.Lookup
	query  krpc.Query // what every contact on the way is asked

	reply func(from kad.Contact, r krpc.Reply) // every answer; may be nil
	found func()                               // the lookup is complete
	ended func(err error)                      // exactly once, however it ends

	number   int // of all begun; 0 before
	known    int // contacts to begin with
	answers  int
	busy     bool // a question was not put, for there are too many
	begun    time.Time
	complete bool
	over     bool

	observers observers
	settling  bool // it is the node's own, for a table that is new
	young     bool // it is the node's own, and the node is new
	narrow    int  // how many contacts it looks for, if those are fewer than K
	aside     bool // it does not count as a look into its target's bucket
	patient   bool // it waits for who is late, if that is one of the closest

	waited bool        // for long enough
	unwait func() bool // ends the waiting

	desperate bool        // everybody we know is on the list
	forget    func() bool // stops listening to the context
	flights   lookup.Flights
	watching  bool // a timer will look for late ones
	unwatch   func() bool
	out       outbox
}

// begin runs the lookup of c from the closest contacts known.
func (n *Node) begin(ctx context.Context, c *call) {
	c.node = n
	switch {
	case n.closed:
		c.end(ErrClosed)
		return
	case ctx.Err() != nil:
		c.end(context.Cause(ctx))
		return
	case len(n.calls) >= n.config.MaxLookups:
		c.end(ErrTooManyLookups)
		return
	}
	n.calls = append(n.calls, c)
	n.counts.lookups++
	c.number, c.begun, c.observers = n.counts.lookups, n.clock.Now(), n.observers(ctx)
	n.running.Add(1)
	forget := context.AfterFunc(ctx, func() {
		defer n.running.Done()
		n.mu.Lock()
		defer n.unlock()
		c.end(context.Cause(ctx))
	})
	c.forget = func() bool {
		stopped := forget()
		if stopped {
			n.running.Done()
		}
		return stopped
	}

	config := lookup.Config{K: c.width(), Alpha: n.config.Alpha, Self: n.self.ID}
	seeds := n.table.Closest(nil, c.query.Target, max(config.K, n.config.K))
	c.known = n.table.Len()
	if c.query.Any {
		config.Scatter = n.clock.Uint64()
	}
	c.lookup = *lookup.New(c.query.Target, config)
	if !n.config.Client {
		c.lookup.Self(n.self)
	}
	c.lookup.Add(seeds...)
	c.step()
}

// width is how many contacts the lookup looks for: around our own place more than
// K, for the closest to a key that we are to hold need not be the closest to us.
func (c *call) width() int {
	switch n := c.node; {
	case c.narrow > 0:
		return min(c.narrow, n.config.K)
	case c.query.Target == n.self.ID && !n.config.Client:
		return kad.JoinWidth * n.config.K
	default:
		return n.config.K
	}
}

// step asks whom the lookup wants asked next. It is the only loop in the house.
func (c *call) step() {
	c.replenish()
	for !c.over && !c.complete {
		to, ok := c.lookup.Next()
		if !ok {
			break
		}
		c.ask(to)
	}
	if c.over || c.complete {
		return
	}
	if c.lookup.Done() && !c.waits() {
		c.complete = true
		if !c.aside && c.known > 0 && c.node.meeting == nil {
			c.node.table.LookedUp(c.query.Target, c.freshness())
		}
		c.node.counts.hops += c.lookup.Hops()
		c.observe(c.err())
		c.measure()
		c.found()
		return
	}
	c.watch()
}

// waits reports whether the lookup goes on for those whom it has overtaken, until they
// have answered or are given up, and no longer than for kad.MaxTimeout in all: what one
// of them names may be late as well. Before that, one that has run dry waits for whom a
// newcomer is about to meet.
func (c *call) waits() bool {
	if c.node.meeting != nil && c.lookup.Dry() {
		return true
	}
	if !c.patient || c.waited || !c.lookup.Overtook() {
		return false
	}
	if c.unwait == nil {
		n := c.node
		c.unwait = n.afterFunc(kad.MaxTimeout, func() {
			n.mu.Lock()
			defer n.unlock()
			if c.waited = true; !c.over && !c.complete {
				c.step()
			}
		})
	}
	return true
}

// freshness is as of when the target's bucket counts as looked up.
func (c *call) freshness() time.Time {
	now := c.node.clock.Now()
	if c.settling {
		now = now.Add(-max(0, c.node.config.BucketStaleness-kad.SettledFor))
	}
	return now
}

// measure learns from a lookup how large the network is. One for our own ID
// would find us where nobody is by chance, and by two contacts two liars decide.
func (c *call) measure() {
	if closest := c.lookup.Closest(); len(closest) == c.node.config.K && c.query.Target != c.node.self.ID {
		c.node.density.observe(c.query.Target, closest, c.young, c.node.clock.Now())
	}
}

// replenish: where too few are left of those that were heard of, all whom we know
// are put on the list, and again before it ends: a newcomer may have met some since.
// So many are dead where lives are short.
func (c *call) replenish() {
	if !c.lookup.Dry() || c.desperate && !c.lookup.Done() {
		return
	}
	c.desperate = true
	known := c.node.table.Closest(nil, c.query.Target, c.node.table.Len())
	c.known = max(c.known, len(known))
	c.lookup.Add(known...)
}

// ask prefers the address that we know ourselves to one that others told.
func (c *call) ask(to kad.Contact) {
	if known, ok := c.node.table.Get(to.ID); ok {
		to = known
	}
	sent := c.node.clock.Now()
	c.flights.Sent(to.ID, sent)
	if c.observers.steps {
		c.stepped(Step{Kind: Asked, Contact: to})
	}
	c.node.ask(to, c.query, func(r krpc.Reply, err error) {
		c.flights.Landed(to.ID)
		if c.over || c.complete {
			return
		}
		if c.observers.steps {
			c.answered(to, r, err, sent)
		}
		if err != nil || r.Error != nil {
			c.lookup.Fail(to.ID)
			c.busy = c.busy || errors.Is(err, ErrBusy)
		} else {
			c.answers++
			c.lookup.Reply(to.ID, r.Contacts)
			if c.reply != nil {
				c.reply(to, r)
			}
		}
		c.step()
	})
}

// watch sees to it that late questions are overtaken. One timer serves the
// whole call: it is set for the oldest question and set again when it fires.
func (c *call) watch() {
	n := c.node
	due, ok := c.flights.Due(n.late.after())
	if c.watching || !ok {
		return
	}
	c.watching = true
	c.unwatch = n.afterFunc(max(0, due.Sub(n.clock.Now())), func() {
		n.mu.Lock()
		defer n.unlock()
		c.watching = false
		if c.over || c.complete {
			return
		}
		for _, id := range c.flights.Overtake(&c.lookup, n.clock.Now(), n.late.after()) {
			if late, ok := c.lookup.Contact(id); ok && c.observers.steps {
				c.stepped(Step{Kind: Late, Contact: late})
			}
		}
		c.step()
	})
}

// err is how a completed lookup went: nil when anybody answered.
func (c *call) err() error {
	switch {
	case c.known == 0:
		return ErrNoContacts
	case c.answers == 0 && c.busy:
		return ErrBusy
	case c.answers == 0:
		return ErrNoAnswer
	}
	return nil
}

// end is where every call comes to; only the first time counts.
func (c *call) end(err error) {
	if c.over {
		return
	}
	c.over = true
	if i := slices.Index(c.node.calls, c); i >= 0 { // it has begun
		c.node.calls = slices.Delete(c.node.calls, i, i+1)
	}
	c.observe(err)
	if c.forget != nil {
		c.forget()
	}
	if c.watching {
		c.unwatch()
	}
	if c.unwait != nil {
		c.unwait()
	}
	c.ended(err)
}
