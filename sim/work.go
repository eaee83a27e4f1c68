package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// workload is what the nodes are used for: each looks for random IDs, some
// store values, and all look for these.
type workload struct {
	working bool
	values  []*value
	byKey   map[kad.ID]*value
	due     []*value // acknowledged and to be found, for drawing one
	open    int      // operations in progress
	placing placing
	oldest  []*op // in the order they began; ended ones at the front go
}

// placing is how many of the places where values belong hold them.
type placing struct{ places, held int }

// kind is what an operation is.
type kind uint8

const (
	lookingUp kind = iota
	storing
	finding
	removing
)

func (k kind) String() string { return [...]string{"lookup", "store", "find", "remove"}[k] }

// op is one operation of the workload in progress.
type op struct {
	kind      kind
	peer      *peer
	target    kad.ID
	value     *value
	began     int64
	counts    bool // was begun while measuring
	ended     bool
	abandoned bool  // its node has died
	first     int64 // when the first value was there
	questions int
	hops      int
	looked    bool // its lookup is over: hops and recall are known
	recall    float64
}

// rhythm is something that a peer does again and again while it is up.
type rhythm struct {
	peer  *peer
	life  int
	every time.Duration
	do    func(*peer)
}

func (r *rhythm) happen() {
	p := r.peer
	if !p.lives() || p.life != r.life {
		return
	}
	if s := p.sim; s.working && !p.liar {
		r.do(p)
	}
	p.sim.in(r.every, r)
}

// joined is how soon a newcomer is used: it has to find its place first.
const joined = 30 * time.Second

// work sets the rhythms of a peer that has just been started.
func (p *peer) work() {
	s := p.sim
	for _, r := range []rhythm{
		{p, p.life, s.config.LookupEvery, s.lookUp},
		{p, p.life, s.config.FindEvery, s.findAny},
	} {
		if r.every > 0 {
			s.in(joined+s.chance.part(r.every), &r)
		}
	}
}

// begin is a new operation of p.
func (s *Sim) begin(k kind, p *peer, target kad.ID) *op {
	o := &op{kind: k, peer: p, target: target, began: s.now, counts: s.measuring}
	p.ops = append(p.ops, o)
	s.oldest = append(s.oldest, o)
	s.open++
	return o
}

// errMissed is that of a find that ended well and did not find.
var errMissed = errors.New("the lookup ended well, and did not find it")

// end counts o; err is how it went.
func (o *op) end(err error) {
	if o.abandoned {
		return
	}
	if o.ended {
		o.peer.sim.breaks("an operation of peer %d for %s ended twice", o.peer.index, o.target)
		return
	}
	o.ended = true
	p := o.peer
	p.ops = slices.DeleteFunc(p.ops, func(other *op) bool { return other == o })
	p.sim.open--
	if s := p.sim; s.trace.to != nil {
		ok := err == nil
		s.trace.write(line{
			At: s.seconds(), Event: o.kind.String(), Peer: p.index, Target: o.target.String(),
			Took: time.Duration(s.now - o.began).Seconds(), Questions: o.questions, Hops: o.hops, OK: &ok,
		})
	}
	if o.counts {
		p.sim.tally(o, err)
	}
}

// abandon: the node has died with it, which is nobody's fault.
func (o *op) abandon() {
	if !o.ended {
		o.ended, o.abandoned = true, true
		o.peer.sim.open--
	}
}

// works reports whether a question about target is for the workload.
func (p *peer) works(target kad.ID) bool {
	for _, o := range p.ops {
		if o.target == target {
			return true
		}
	}
	return false
}

// lookedUp is the node's observer.
func (p *peer) lookedUp(l khashmir.Lookup) {
	s := p.sim
	s.checkLookup(p, l)
	if len(l.Closest) == s.k() && l.Target != p.self.ID {
		p.whole++
	}
	for _, o := range p.ops {
		if o.target != l.Target {
			continue
		}
		o.looked, o.questions, o.hops = true, l.Questions, l.Hops
		if o.kind == lookingUp || o.kind == storing {
			o.recall = s.recall(l)
		}
	}
}

// recall is the part of the K closest that live which the lookup has found.
func (s *Sim) recall(l khashmir.Lookup) float64 {
	s.truth = s.roster.closest(s.truth[:0], l.Target, s.k())
	found := 0
	for _, m := range s.truth {
		if slices.ContainsFunc(l.Closest, func(c kad.Contact) bool { return c.ID == m.id }) {
			found++
		}
	}
	return float64(found) / float64(max(1, len(s.truth)))
}

func (s *Sim) lookUp(p *peer) {
	o := s.begin(lookingUp, p, kad.RandomID(&s.chance))
	p.node.ContactsForID(context.Background(), o.target, func(_ []khashmir.Contact, err error) {
		o.end(err)
	})
}

// newValue is stored by p.
func (s *Sim) newValue(p *peer) *value {
	v := &value{content: make([]byte, s.config.ValueSize), by: p}
	binary.BigEndian.PutUint64(v.content, uint64(len(s.values)))
	v.key = kad.HashID(v.content)
	s.values = append(s.values, v)
	s.byKey[v.key] = v
	return v
}

func (s *Sim) store(p *peer, v *value, ttl time.Duration) {
	o := s.begin(storing, p, v.key)
	o.value = v
	v.publishes++
	options := []khashmir.StoreOption{khashmir.TTL(ttl)}
	if s.chance.chance(s.config.Prompt) {
		options = append(options, khashmir.Prompt())
	}
	p.node.StoreValueForKey(context.Background(), v.key, v.content, func(r khashmir.Result, err error) {
		v.publishes--
		if o.abandoned {
			return
		}
		o.questions = r.Questions
		if err == nil {
			s.checkStored(p, v, r)
			if v.expires == 0 {
				s.due = append(s.due, v)
			}
			v.expires = s.now + int64(ttl)
			v.acked = len(r.Stored)
			s.in(time.Minute, action(func() { s.seePlaced(v) }))
		}
		o.end(err)
	}, options...)
}

// seePlaced looks how many of those whose place it is hold v.
func (s *Sim) seePlaced(v *value) {
	if !s.owed(v, 0) {
		return
	}
	s.truth = s.roster.closest(s.truth[:0], v.key, s.replicas())
	for _, m := range s.truth {
		s.placing.places++
		if s.peers[m.index].holds(v.key) {
			s.placing.held++
		}
	}
}

func (s *Sim) remove(p *peer, v *value) {
	o := s.begin(removing, p, v.key)
	o.value = v
	v.publishes++
	p.node.RemoveValueForKey(context.Background(), v.key, v.content, func(_ khashmir.Result, err error) {
		v.publishes--
		if o.abandoned {
			v.doubtful = true
			return
		}
		v.removed, v.doubtful = v.removed || err == nil, v.doubtful || err != nil
		o.end(err)
	})
}

func (s *Sim) findAny(p *peer) {
	if len(s.due) > 0 {
		s.find(p, s.due[s.chance.below(len(s.due))], nil)
	}
}

// find looks for v and then tells whether it was found, if anybody wants to
// know.
func (s *Sim) find(p *peer, v *value, tell func(found bool)) {
	o := s.begin(finding, p, v.key)
	o.value = v
	doubtful := func() bool { return !s.owed(v, rounding) }
	o.counts = o.counts && !doubtful()
	p.node.ValueForKey(context.Background(), v.key, func(values [][]byte, err error) {
		if o.abandoned {
			return
		}
		for _, got := range values {
			if !bytes.Equal(got, v.content) {
				s.breaks("peer %d found under %s what nobody has stored there", p.index, v.key)
			}
		}
		if len(values) > 0 {
			o.first = s.now
			return
		}
		found := o.first > 0
		switch {
		case found:
			err = nil
		case err == nil:
			err = errMissed
			o.counts = o.counts && !doubtful() // it may have gone while it was looked for
		}
		o.end(err)
		if tell != nil {
			tell(found)
		}
	}, khashmir.Enough(1))
}
