package mainline

import (
	"context"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/lookup"
)

// search is one lookup on one side, and what is done with its answers. It ends
// exactly once. All of it is guarded by the node's lock; the functions it is
// given run under the lock too.
type search struct {
	side   *side
	target kad.ID
	body   []byte // what every contact on the way is asked
	rare   bool   // not everybody answers such a question

	reply func(from kad.Contact, m *bep5.Message) // every answer; may be nil
	ended func(err error)                         // exactly once, however it ends

	number  int // of all begun
	lookup  *lookup.Lookup
	known   int // contacts to begin with
	answers int
	last    bool // everybody we know is being asked
	over    bool
	forget  func() bool // stops listening to the context
	flights lookup.Flights
	watches bool // a timer will look for late ones
}

// begin runs f from the closest contacts known; where there are none yet but
// the side is joining, it waits for that. Call it under the lock.
func (s *side) begin(ctx context.Context, f *search) {
	n := s.node
	f.side = s
	switch {
	case n.closed:
		f.end(ErrClosed)
		return
	case ctx.Err() != nil:
		f.end(context.Cause(ctx))
		return
	case len(n.searches) >= kad.MaxLookups:
		f.end(ErrBusy)
		return
	}
	n.searches[f] = struct{}{}
	n.counts.searches++
	f.number = n.counts.searches
	n.running.Add(1)
	forget := context.AfterFunc(ctx, func() {
		defer n.running.Done()
		n.mu.Lock()
		defer n.unlock()
		f.end(context.Cause(ctx))
	})
	f.forget = func() bool {
		stopped := forget()
		if stopped {
			n.running.Done()
		}
		return stopped
	}
	if s.joining && s.table.Len() == 0 {
		s.joined = append(s.joined, f.start)
		return
	}
	f.start()
}

func (f *search) start() {
	if f.over {
		return
	}
	s := f.side
	f.lookup = lookup.New(f.target, lookup.Config{Alpha: s.node.config.Alpha, Self: s.id})
	f.known = s.table.Len()
	f.lookup.Add(s.table.Closest(nil, f.target, 2*kad.K)...) // some of the closest may be silent
	if table := s.node.config.Table; table != nil {
		for _, c := range table.Closest(f.target, kad.K) {
			f.learn(c)
		}
	}
	f.step()
}

// learn puts a contact on the shortlist if the node would ask it at all.
func (f *search) learn(c kad.Contact) {
	if c, ok := f.side.contact(c.ID, f.side.addrOf(c)); ok {
		f.lookup.Add(c)
	}
}

// step asks whom the lookup wants asked next.
func (f *search) step() {
	for !f.over {
		to, ok := f.lookup.Next()
		if !ok {
			break
		}
		f.ask(to)
	}
	switch {
	case f.over:
	case !f.lookup.Done():
		f.watch()
	case f.answers == 0 && !f.last:
		f.last = true // none of the closest has answered: all the others are asked
		f.lookup.Add(f.side.table.Closest(nil, f.target, f.known)...)
		f.step()
	default:
		f.side.table.LookedUp(f.target, f.side.node.config.Clock.Now())
		f.end(f.err())
	}
}

// err is how a lookup went that is over: nil when anybody answered.
func (f *search) err() error {
	switch {
	case f.answers > 0:
		return nil
	case f.lookup.Questions() == 0:
		return ErrNoContacts
	}
	return ErrNoAnswer
}

func (f *search) ask(to kad.Contact) {
	if known, ok := f.side.table.Get(to.ID); ok {
		to = known
	}
	sent := f.side.node.config.Clock.Now()
	f.flights.Sent(to.ID, sent)
	f.side.askFor(to, f.body, !f.rare, func(from kad.Contact, m *bep5.Message, err error) {
		f.flights.Landed(to.ID)
		if f.over {
			return
		}
		if err != nil {
			f.lookup.Fail(to.ID)
		} else {
			f.side.late.answered(f.side.node.config.Clock.Now().Sub(sent))
			f.answers++
			f.lookup.Reply(to.ID, f.side.named(m))
			f.side.introduceOthers(m)
			if f.reply != nil {
				f.reply(from, m)
			}
		}
		if !f.over {
			f.step()
		}
	})
}

// named is the contacts of an answer that the node would ask.
func (s *side) named(m *bep5.Message) []kad.Contact {
	return slices.DeleteFunc(m.Contacts(), func(c kad.Contact) bool {
		_, ok := s.contact(c.ID, s.addrOf(c))
		return !ok
	})
}

// wanted is the families to ask for: the other one too, while that side knows
// too few to find the way alone (BEP 32).
func (s *side) wanted() []string {
	if s.other == nil || s.other.table.Len() >= kad.K {
		return nil
	}
	return []string{"n4", "n6"}
}

// introduceOthers has the other side ask those that an answer has named for it,
// if it has a use for them.
func (s *side) introduceOthers(m *bep5.Message) {
	if s.other == nil || s.other.table.Len() >= kad.K {
		return
	}
	for _, c := range m.Contacts() {
		if c, ok := s.other.contact(c.ID, s.other.addrOf(c)); ok && s.other.wants(c) {
			s.other.pingBack(c)
		}
	}
}

// watch sees to it that late questions are overtaken. One timer serves the
// whole search.
func (f *search) watch() {
	n := f.side.node
	due, ok := f.flights.Due(f.side.late.after())
	if f.watches || !ok {
		return
	}
	f.watches = true
	n.afterFunc(max(0, due.Sub(n.config.Clock.Now())), func() {
		n.mu.Lock()
		defer n.unlock()
		f.watches = false
		if f.over {
			return
		}
		f.flights.Overtake(f.lookup, n.config.Clock.Now(), f.side.late.after())
		f.step()
	})
}

// end is where every search comes to; only the first time counts.
func (f *search) end(err error) {
	if f.over {
		return
	}
	f.over = true
	delete(f.side.node.searches, f)
	if f.forget != nil {
		f.forget()
	}
	f.ended(err)
}

// closest is what the search has found so far.
func (f *search) closest() []kad.Contact {
	if f.lookup == nil {
		return nil
	}
	return f.lookup.Closest()
}

// endSearches ends all of them, in the order in which they began. Call it under
// the lock.
func (n *Node) endSearches(err error) {
	var all []*search
	for f := range n.searches {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *search) int { return a.number - b.number })
	for _, f := range all {
		f.end(err)
	}
}

// lateness learns when an answer is late: after four times what is usual.
type lateness struct{ usual time.Duration }

func (l *lateness) answered(took time.Duration) {
	if l.usual == 0 {
		l.usual = took
	}
	l.usual += (took - l.usual) / 16
}

func (l *lateness) after() time.Duration {
	if l.usual == 0 {
		return kad.MaxLate
	}
	return min(max(4*l.usual, kad.MinLate), kad.MaxLate)
}
