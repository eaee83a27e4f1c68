package khashmir

import (
	"errors"
	"net/netip"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// publication is a store on its way: first the lookup, then the closest are
// asked to store. One that does not is replaced by the next closest. A removal
// goes to all that were found, and to all that have shown the value. prompt.go
// has what may be done before the lookup is over.
type publication struct {
	call
	storing
	callback func(Result, error)
	told     bool              // it has run
	tokens   map[kad.ID]string // what the contacts on the way gave us
	entry    kad.Entry
	shown    []kad.Contact   // who has what is to be removed
	waiting  []kad.Contact   // closest first; not asked to store yet
	spared   bool            // those behind the closest are waiting too
	begun    map[kad.ID]bool // who was asked to store; whether it counts as a replica
	replicas int             // those who count
	asked    int             // without an answer yet
	others   int             // other nodes asked to store
	result   Result
}

func (p *publication) replied(from kad.Contact, r krpc.Reply) {
	p.tokens[from.ID] = r.Token
	if p.removes && shows(r.Entries, p.entry) {
		p.shown = append(p.shown, from)
	}
	if p.prompt && p.surely(from.ID) {
		p.storeAt(from)
	}
}

func (p *publication) found() {
	p.result.Hops = p.lookup.Hops()
	p.waiting = p.lookup.Closest()
	if p.removes { // we may hold it, be it our place or not
		p.shown = append(p.shown, p.node.self)
	}
	for _, c := range p.shown {
		if !slices.Contains(p.waiting, c) {
			p.waiting = append(p.waiting, c)
		}
	}
	p.discount()
	p.next()
}

// next keeps as many asked as replicas are still missing.
func (p *publication) next() {
	if !p.complete {
		return
	}
	for p.removes && len(p.waiting) > 0 || p.replicas < p.node.config.Replicas {
		to, ok := p.candidate()
		if !ok {
			break
		}
		if to.ID == p.node.self.ID {
			p.storeHere()
		} else {
			p.storeAt(to)
		}
	}
	if p.asked == 0 {
		p.end(p.outcome())
	}
}

// candidate is who is to be asked next: the closest, and where one of them has
// refused, who is behind them.
func (p *publication) candidate() (c kad.Contact, ok bool) {
	if len(p.waiting) == 0 && len(p.result.Refused) > 0 && !p.spared && !p.removes {
		p.spared = true
		begun := func(c kad.Contact) bool { _, begun := p.begun[c.ID]; return begun }
		p.waiting = slices.DeleteFunc(p.lookup.Spares(), begun)
	}
	if len(p.waiting) == 0 {
		return kad.Contact{}, false
	}
	c, p.waiting = p.waiting[0], p.waiting[1:]
	return c, true
}

// storeHere goes to this node's own disk, once the lock is released.
func (p *publication) storeHere() {
	n := p.node
	p.promised(n.self.ID)
	n.after = append(n.after, func() {
		err := n.put(p.result.Key, p.entry, netip.Prefix{}, p.entry.Created)
		if err != nil {
			n.log.Error("value could not be stored here", "key", p.result.Key, "err", err)
		}
		n.mu.Lock()
		defer n.unlock()
		p.settle(n.self, err)
	})
}

// promised counts who is asked to store. The first begins the entry's life.
func (p *publication) promised(id kad.ID) {
	if p.asked++; p.entry.Created.IsZero() {
		p.entry.Created = p.node.clock.Now()
	}
	p.begun[id] = true
	p.replicas++
}

func (p *publication) storeAt(to kad.Contact) {
	p.promised(to.ID)
	p.others++
	if _, given := p.tokens[to.ID]; !given { // a spare that was not asked yet
		p.introduced(to)
		return
	}
	p.put(to, func(err error) {
		if errors.Is(err, ErrBadToken) { // it may have been restarted since it gave us the token
			p.introduced(to)
			return
		}
		p.settle(to, err)
	})
}

// introduced gets a token first.
func (p *publication) introduced(to kad.Contact) {
	p.node.ask(to, p.query, func(r krpc.Reply, err error) {
		switch {
		case err != nil:
			p.settle(to, err)
		case r.Error != nil:
			p.settle(to, ErrBadToken)
		default:
			p.tokens[to.ID] = r.Token
			p.put(to, func(err error) { p.settle(to, err) })
		}
	})
}

func (p *publication) put(to kad.Contact, then func(error)) {
	q := krpc.Query{
		Method: krpc.StoreValue,
		Target: p.result.Key,
		Token:  p.tokens[to.ID],
		Entry:  asCopy(p.entry, p.entry.Created),
	}
	q.Entry.Publisher = kad.PublicKey{} // the asker is
	p.node.ask(to, q, func(r krpc.Reply, err error) {
		if err == nil && r.Error != nil {
			err = refusal(r.Error)
		}
		then(err)
	})
}

// settle: to has stored the value, or not.
func (p *publication) settle(to kad.Contact, err error) {
	p.asked--
	if p.over {
		return
	}
	if p.observers.steps {
		p.settled(to, err)
	}
	if err != nil {
		p.result.Refused = append(p.result.Refused, Refusal{to, err})
		p.uncount(to.ID)
	} else {
		p.result.Stored = append(p.result.Stored, to)
	}
	if p.prompt && len(p.result.Stored) >= p.enough() {
		p.tell(nil)
	}
	p.next()
}

func (p *publication) uncount(id kad.ID) {
	if p.begun[id] {
		p.begun[id] = false
		p.replicas--
	}
}

func (p *publication) outcome() error {
	if err := p.err(); err != nil {
		return err
	}
	for _, c := range p.result.Stored {
		if c.ID != p.node.self.ID {
			return nil
		}
	}
	if p.others == 0 && len(p.result.Stored) > 0 {
		return nil // ours alone by rights
	}
	return ErrRefused
}

func (p *publication) ended(err error) { p.tell(err) }

// tell runs the callback, the first time.
func (p *publication) tell(err error) {
	if p.told {
		return
	}
	p.told = true
	result := p.result
	if result.GoesOn = !p.over; result.GoesOn {
		p.forget()
	}
	if p.number > 0 {
		result.Questions = p.lookup.Questions() + p.others
	}
	p.node.post(&p.out, func() { p.callback(result, err) })
}
