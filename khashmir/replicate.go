package khashmir

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/ktable"
)

// round goes over what this node holds and sees to it that the others whose
// place it is hold it too. For each of them and each range of keys that it has
// in common with us, the two compare digests; where these differ we look for
// what the other lacks, in ever smaller ranges, and send just that. What we lack
// comes to us in the same way, when the other asks back.
//
// Who does not answer counts as dead for the round, and the next closest takes
// its place at once: a round repairs what a death has cost, whatever the table
// still believes.
type round struct {
	node     *Node
	replicas int                    // how many should hold a key
	held     holdings               // when it began; what comes meanwhile is for the next
	only     []kad.ID               // with whom; nil: everybody
	dead     map[kad.ID]struct{}    // silent or full in this round
	begun    map[kad.ID][]kad.Range // compared already
	todo     []comparison
	strays   []kad.Range // keys of others, that we may hold all the same
	homes    int         // lookups for those whose place it is
	busy     int
	grown    bool      // dead has, since the todo was made
	trusting bool      // leave out what another holder has just gone over
	thorough bool      // go over all strays, not just those whose holders are not heard of any more
	until    time.Time // what is left then is for the next
	over     func()    // exactly once, under the lock
}

type comparison struct {
	with kad.Contact
	keys kad.Range
	let  *lettingGo // what hangs on it; nil: nothing

	stray bool // we are not one of those whose place it is
}

// replicate begins a round. Call it under the lock.
func (n *Node) replicate(r *round) {
	r.node = n
	r.dead = make(map[kad.ID]struct{})
	r.begun = make(map[kad.ID][]kad.Range)
	r.busy = n.config.Alpha
	r.until = n.clock.Now().Add(kad.MaxRound)
	if len(r.todo) == 0 {
		r.plan()
	}
	for range n.config.Alpha {
		r.next()
	}
}

// plan fills todo with what has not been compared yet.
func (r *round) plan() {
	isDead := func(id kad.ID) bool { _, dead := r.dead[id]; return dead }
	r.grown = false
	var sharers []ktable.Sharer
	if r.only != nil {
		sharers = r.node.table.SharedWith(r.only, r.replicas, r.held.keys, isDead)
	} else {
		var others []kad.Range
		sharers, others = r.node.table.Shared(r.replicas, r.held.keys, isDead)
		if len(r.dead) == 0 {
			r.strays = others
			if lapsed := r.node.told.lapsed(r.node.roundsAgo(1)); !r.thorough {
				r.strays = common(others, lapsed)
			}
		}
	}
	ranges := 0
	for _, sharer := range sharers {
		ranges += len(sharer.Ranges)
	}
	r.todo = slices.Grow(r.todo, ranges)
	for _, sharer := range sharers {
		id := sharer.Contact.ID
		earlier := r.begun[id] // its ranges of now are disjoint
		for _, keys := range sharer.Ranges {
			if !covered(earlier, keys) {
				r.begun[id] = append(r.begun[id], keys)
				r.todo = append(r.todo, comparison{with: sharer.Contact, keys: keys})
			}
		}
	}
}

// common are the keys that are in both, each once. The others are the wider ones first.
func common(some, others []kad.Range) (both []kad.Range) {
	for _, a := range some {
		for _, b := range others {
			if b.Covers(a) {
				b = a
			}
			if a.Covers(b) && !covered(both, b) {
				both = append(both, b)
			}
		}
	}
	return both
}

func covered(ranges []kad.Range, r kad.Range) bool {
	for _, wide := range ranges {
		if wide.Covers(r) {
			return true
		}
	}
	return false
}

// next takes up the next comparison. Alpha of these chains run at once; the
// last to find nothing to do ends the round.
func (r *round) next() {
	n := r.node
	if n.closed {
		return // whoever closes does not wait for over
	}
	if n.clock.Now().After(r.until) {
		r.todo, r.strays, r.grown = nil, nil, false // the rest is for the next round
	}
	if len(r.todo) == 0 && r.grown {
		r.plan()
	}
	if len(r.todo) == 0 && len(r.strays) > 0 {
		keys := r.strays[0]
		r.strays = r.strays[1:]
		n.afterFunc(0, func() { r.stray(keys) }) // there may be many, and each is work for the disk
		return
	}
	if len(r.todo) == 0 {
		if r.busy--; r.busy == 0 {
			r.over()
		}
		return
	}
	c := &r.todo[0]
	r.todo = r.todo[1:]
	_, dead := r.dead[c.with.ID]
	if dead {
		r.failed(c)
	}
	if dead || !c.stray && r.trusting && n.checked.covers(c.keys, n.roundsAgo(kad.TrustedFor)) {
		n.after = append(n.after, r.nextLater)
		return
	}
	n.after = append(n.after, func() { r.compare(c) })
}

// nextLater is next for who does not have the lock.
func (r *round) nextLater() {
	r.node.mu.Lock()
	defer r.node.unlock()
	r.next()
}

// compare asks c.with whether it holds what we hold. It runs without the lock.
func (r *round) compare(c *comparison) {
	n := r.node
	digest, ok, err := n.store.Digest(c.keys, kad.CompareEntries, n.clock.Now())
	n.mu.Lock()
	defer n.unlock()
	switch {
	case n.closed:
		return
	case err != nil:
		n.log.Error("entries could not be compared", "err", err)
		c.let.end(false)
		r.next()
		return
	case !ok:
		r.split(c)
		return
	case digest.Count == 0:
		c.let.end(true)
		r.next() // if the other has something, it will ask us
		return
	}
	q := krpc.Query{Method: krpc.Compare, Range: c.keys, Digest: digest}
	n.counts.compared++
	n.ask(c.with, q, func(reply krpc.Reply, err error) {
		switch {
		case err != nil:
			r.failed(c)
			r.next()
		case reply.Error != nil || reply.Same:
			c.let.end(reply.Same)
			r.next()
		case reply.Split:
			r.split(c)
		default:
			n.after = append(n.after, func() { r.missing(c, reply) })
		}
	})
}

// split goes on with the halves. What hangs on the whole waits for the next
// round, when there may be less.
func (r *round) split(c *comparison) {
	c.let.end(false)
	if lower, upper, ok := c.keys.Halves(); ok {
		r.todo = append(r.todo, comparison{with: c.with, keys: lower, stray: c.stray}, comparison{with: c.with, keys: upper, stray: c.stray})
	}
	r.next()
}

// failed: nothing comes of c, for the other is silent. What is only just out of place
// is compared with the next closest, else nobody would tell us of a newer version.
func (r *round) failed(c *comparison) {
	r.bury(c.with)
	if c.stray && c.let == nil {
		r.strays, r.grown = append(r.strays, c.keys), true // it may be our place after all
	}
	if spare, ok := c.let.spare(); ok {
		r.todo = append(r.todo, comparison{with: spare, keys: c.keys, let: c.let, stray: true})
		return
	}
	c.let.end(false)
}

// bury: contact will hold nothing for us in this round. Another takes its place if it
// had any.
func (r *round) bury(contact kad.Contact) {
	_, dead := r.dead[contact.ID]
	if _, planned := r.begun[contact.ID]; planned && !dead && r.only == nil {
		r.grown = true
	}
	r.dead[contact.ID] = struct{}{}
}

// missing finds what is not among the marks of the reply and hands it over. It
// runs without the lock.
func (r *round) missing(c *comparison, reply krpc.Reply) {
	n := r.node
	marks, err := n.store.Marks(c.keys, kad.CompareEntries, n.clock.Now())
	if err != nil {
		n.log.Error("entries could not be compared", "err", err)
	}
	theirs := make(map[uint64]struct{}, len(reply.Marks))
	for _, mark := range reply.Marks {
		theirs[mark] = struct{}{}
	}
	h := &handover{round: r, comparison: *c, token: reply.Token, given: n.clock.Now()}
	for _, m := range marks {
		if _, has := theirs[m.Mark]; !has {
			h.left = append(h.left, m)
		}
	}
	h.send()
}
