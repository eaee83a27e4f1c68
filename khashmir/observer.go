package khashmir

import (
	"context"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// Observer hears what a node does: for logs, metrics, pages and simulations. A
// function that is nil is not missed, and what only it would have heard of is
// not even put together. They run without the node's lock, some of them at once
// (but what happens in one lookup comes in order, one thing at a time), and must
// not block. Who began a lookup may have its answer before they have heard of it.
type Observer struct {
	// Lookup hears of every lookup that has ended, whoever wanted it.
	Lookup func(Lookup)

	// Step hears of what happens in each of them on its way, and then in the
	// store that it was for.
	Step func(Step)

	// Served hears of every question of others that was answered.
	Served func(Served)

	// Met hears of contacts that have answered and were given a place in the
	// routing table, Lost of those that lost theirs because they answer no more.
	// Who moves up from a replacement cache is in Table.
	Met, Lost func(Contact)
}

// Observe has o hear of the lookups that are begun with the context that it
// gives back, beside the node's own observer: Lookup and Step, for the rest is
// nobody's doing. (As net/http/httptrace has it.)
func Observe(ctx context.Context, o Observer) context.Context {
	return context.WithValue(ctx, observing{}, &o)
}

type observing struct{}

// Lookup is one iterative search, told when it is over.
type Lookup struct {
	Number    int // counts the lookups of this node, from 1
	Target    ID
	Values    bool      // whether values were looked for too
	Closest   []Contact // that answered, up to K (up to kad.StrayWidth or kad.RefreshWidth, of a search that is the node's own), the closest first; this node may be one
	Questions int       // asked
	Answers   int       // of these
	Hops      int       // how deep the closest was found: 1 is from this node's own table
	Took      time.Duration
	Err       error // nil: complete
}

// Step is one thing that happened in a lookup, or in the store that it was for.
type Step struct {
	Number   int // the lookup's
	Target   ID
	Kind     StepKind
	At       time.Time
	Contact  Contact
	Contacts []Contact     // Answered: whom it named
	Values   int           // Answered: how many it showed, in this page
	Took     time.Duration // Answered, Failed: since it was asked
	Err      error         // Failed, Refused: why
}

// StepKind says what happened.
type StepKind string

const (
	Asked    StepKind = "asked"    // the question is on its way
	Late     StepKind = "late"     // it is taking so long that another is asked in its place
	Answered StepKind = "answered" // be it late
	Failed   StepKind = "failed"   // no answer
	Stored   StepKind = "stored"   // the contact has committed the value
	Refused  StepKind = "refused"  // it has not
)

// Served is one question of another node, answered.
type Served struct {
	From    Contact
	Method  string // as in docs/PROTOCOL.md
	Target  ID     // zero where there is none
	Refusal int    // the error's code; 0: none
	Took    time.Duration
}

// tell runs f for c once the lock is released.
func (n *Node) tell(f func(Contact), c kad.Contact) {
	if f != nil {
		n.after = append(n.after, func() { f(c) })
	}
}

// observers are who hears of a lookup: the node's, and the caller's.
type observers struct {
	all   []*Observer
	steps bool // one of them hears of those
	said  bool // that it has ended
	out   outbox
}

func (n *Node) observers(ctx context.Context) (o observers) {
	mine, _ := ctx.Value(observing{}).(*Observer)
	for _, each := range []*Observer{&n.config.Observer, mine} {
		if each == nil || each.Lookup == nil && each.Step == nil {
			continue
		}
		o.all = append(o.all, each)
		o.steps = o.steps || each.Step != nil
	}
	return o
}

// observe tells what has become of c. Call it under the lock.
func (c *call) observe(err error) {
	n, o := c.node, &c.observers
	if len(o.all) == 0 || c.number == 0 || o.said {
		return
	}
	o.said = true
	l := Lookup{
		Number:    c.number,
		Target:    c.query.Target,
		Values:    c.query.Method == krpc.FindValue,
		Closest:   c.closest(),
		Questions: c.lookup.Questions(),
		Answers:   c.answers,
		Hops:      c.lookup.Hops(),
		Took:      n.clock.Now().Sub(c.begun),
		Err:       err,
	}
	for _, each := range o.all {
		if each.Lookup != nil {
			n.post(&o.out, func() { each.Lookup(l) })
		}
	}
}

// stepped tells of s, of which it fills in what is the same for all of c's steps.
// Call it under the lock, and only if somebody hears of steps.
func (c *call) stepped(s Step) {
	s.Number, s.Target, s.At = c.number, c.query.Target, c.node.clock.Now()
	for _, each := range c.observers.all {
		if each.Step != nil {
			c.node.post(&c.observers.out, func() { each.Step(s) })
		}
	}
}

// answered tells of an answer to a question of c, or of none.
func (c *call) answered(by kad.Contact, r krpc.Reply, err error, sent time.Time) {
	s := Step{Kind: Answered, Contact: by, Contacts: slices.Clone(r.Contacts), Values: len(r.Entries), Took: c.node.clock.Now().Sub(sent)}
	if err == nil && r.Error != nil {
		err = refusal(r.Error)
	}
	if err != nil {
		s.Kind, s.Err = Failed, ours(err)
	}
	c.stepped(s)
}

// settled tells whether a contact has stored the value.
func (c *call) settled(at kad.Contact, err error) {
	s := Step{Kind: Stored, Contact: at}
	if err != nil {
		s.Kind, s.Err = Refused, ours(err)
	}
	c.stepped(s)
}

// watched is answer, told of.
func (n *Node) watched(from kad.Contact, q krpc.Query) krpc.Reply {
	begun := n.clock.Now()
	r := n.answer(from, q)
	s := Served{From: from, Method: string(q.Method), Target: q.Target, Took: n.clock.Now().Sub(begun)}
	if r.Error != nil {
		s.Refusal = r.Error.Code
	}
	n.config.Observer.Served(s)
	return r
}
