package sim

import (
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
)

// What must hold at all times, whatever the network does. The checks look at
// messages, disks, tables and callbacks, and not into the node. What must hold in
// the end is in judgement.go.

// Broken is an invariant that did not hold. The same Config breaks it again, at
// the same virtual time.
type Broken struct {
	Config Config
	At     time.Duration
	What   string

	invariant string // What, whoever it was
	asked     Config // what Config was filled in from
}

func (b *Broken) Error() string {
	return fmt.Sprintf("sim: scenario %s, %d nodes, seed %d, after %v: %s", b.Config.Scenario, b.Config.Nodes, b.Config.Seed, b.At, b.What)
}

// breaks ends the simulation; only the first break counts.
func (s *Sim) breaks(format string, args ...any) {
	if s.broken == nil {
		s.broken = &Broken{At: time.Duration(s.now), What: fmt.Sprintf(format, args...), invariant: format}
	}
}

const (
	// longestOp is how long an operation may take: more than all questions of
	// a lookup one after another.
	longestOp = 5 * time.Minute

	// rounding is by how much a copy of a copy may outlive the original.
	rounding = time.Minute

	checkEvery = time.Minute
)

// judge goes over the nodes, a few at a time.
type judge struct{ next int }

// another is the next of those who live. Who takes the place of one that has died may
// be left out once.
func (j *judge) another(living []*peer) *peer {
	j.next = (j.next + 1) % len(living)
	return living[j.next]
}

func (s *Sim) judgeAgain() {
	s.in(checkEvery, action(func() {
		for len(s.oldest) > 0 && s.oldest[0].ended {
			s.oldest = s.oldest[1:]
		}
		if len(s.oldest) > 0 && s.now-s.oldest[0].began > int64(longestOp) {
			o := s.oldest[0]
			s.breaks("an operation of peer %d for %s has not ended after %v", o.peer.index, o.target, longestOp)
		}
		for range min(len(s.roster.living), 16) {
			s.checkTable(s.judge.another(s.roster.living))
		}
		s.judgeAgain()
	}))
}

// checkQuestion looks at what a node is about to ask.
func (s *Sim) checkQuestion(q *question) {
	switch {
	case q.to == q.from.index:
		s.breaks("peer %d asks itself (%s)", q.to, q.query.Method)
	case q.from.node == nil && q.from.handle == nil:
		s.breaks("peer %d asks although it is closed", q.from.index)
	case q.query.Method == krpc.StoreValue && q.query.Entry.Age > q.query.Entry.TTL+rounding:
		s.breaks("peer %d hands over what has expired", q.from.index)
	}
}

// checkReply looks at what an honest node has answered.
func (s *Sim) checkReply(q *question, far *peer) {
	if far.liar || q.reply.Error != nil {
		return
	}
	if len(q.reply.Contacts) > s.k() {
		s.breaks("peer %d names %d contacts", far.index, len(q.reply.Contacts))
	}
	for i, c := range q.reply.Contacts {
		switch {
		case c.ID == q.from.self.ID || c.ID == far.self.ID:
			s.breaks("peer %d names itself or the asker", far.index)
		case i > 0 && q.query.Target.CompareDistance(q.reply.Contacts[i-1].ID, c.ID) >= 0:
			s.breaks("peer %d names contacts twice or out of order", far.index)
		}
	}
	for _, e := range q.reply.Entries {
		v := s.byKey[q.query.Target]
		switch {
		case v == nil || string(v.content) != string(e.Value) && !e.Removed:
			s.breaks("peer %d answers with what nobody has stored under %s", far.index, q.query.Target)
		case e.Age >= e.TTL:
			s.breaks("peer %d answers with what has expired", far.index)
		case v.expires > 0 && v.publishes == 0 && s.now > v.expires+int64(rounding):
			s.breaks("peer %d answers with what has expired everywhere else", far.index)
		}
	}
}

// checkPut looks at what has just been committed.
func (s *Sim) checkPut(p *peer, key kad.ID, e kad.Entry, now time.Time) {
	v := s.byKey[key]
	switch {
	case v == nil || string(v.content) != string(e.Value) && !e.Removed:
		s.breaks("peer %d has committed what nobody has stored under %s", p.index, key)
	case !e.Expires().After(now):
		s.breaks("peer %d has committed what has expired", p.index)
	case !e.Removed && v.expires > 0 && v.publishes == 0 && e.Expires().Sub(now) > time.Duration(v.expires-s.now)+rounding:
		s.breaks("peer %d has given a copy a life longer by %v than the original", p.index, e.Expires().Sub(now)-time.Duration(v.expires-s.now))
	case e.Publisher != v.by.self.Key:
		s.breaks("peer %d has committed an entry under a false name", p.index)
	}
}

// checkStored: whoever is said to have committed the value has.
func (s *Sim) checkStored(p *peer, v *value, r khashmir.Result) {
	if len(r.Stored) == 0 {
		s.breaks("peer %d stored %s nowhere and was told that all is well", p.index, v.key)
	}
	seen := make(map[kad.ID]bool)
	for _, c := range r.Stored {
		far := s.peerAt(indexOf(c.V4))
		switch {
		case far == nil || far.self.ID != c.ID || seen[c.ID]:
			s.breaks("peer %d stored %s with somebody who is not there, or twice", p.index, v.key)
		case !far.liar && far.disk != nil && !far.holds(v.key):
			s.breaks("peer %d was told that peer %d holds %s, and it does not", p.index, far.index, v.key)
		}
		seen[c.ID] = true
	}
}

// holds reports whether there is anything live under key.
func (p *peer) holds(key kad.ID) bool {
	d, _, err := p.disk.Digest(kad.NewRange(key, 8*kad.IDSize), 1<<20, p.clock.Now())
	return err == nil && d.Count > 0
}

// checkLookup looks at what a node has found.
func (s *Sim) checkLookup(p *peer, l khashmir.Lookup) {
	if l.Questions > kad.MaxLookupQuestions || l.Answers > l.Questions {
		s.breaks("peer %d asked %d questions in one lookup and got %d answers", p.index, l.Questions, l.Answers)
	}
	if len(l.Closest) > s.k() {
		s.breaks("peer %d found %d contacts", p.index, len(l.Closest))
	}
	for i, c := range l.Closest {
		if i > 0 && l.Target.CompareDistance(l.Closest[i-1].ID, c.ID) >= 0 {
			s.breaks("peer %d found contacts out of order, or one twice", p.index)
		}
	}
}

// checkTable: nobody is in it twice or in the wrong bucket, and each bucket has
// the least recently seen first.
func (s *Sim) checkTable(p *peer) {
	if !p.lives() {
		return
	}
	seen := make(map[kad.ID]bool)
	buckets := p.node.Table()
	for i, b := range buckets {
		for j, m := range b.Contacts {
			id := m.Contact.ID
			switch {
			case id == p.self.ID || id != m.Contact.Key.ID() || seen[id]:
				s.breaks("peer %d has a contact twice, itself, or one whose key is another's", p.index)
			case !b.Range.Contains(id):
				s.breaks("peer %d has a contact in the wrong bucket", p.index)
			case j > 0 && m.LastSeen.Before(b.Contacts[j-1].LastSeen):
				s.breaks("peer %d has a bucket out of order: %v after %v (bucket %d of %d, place %d of %d)", p.index, m.LastSeen, b.Contacts[j-1].LastSeen, i, len(buckets), j, len(b.Contacts))
			case m.Failures >= s.maxFailures():
				s.breaks("peer %d keeps a contact that has left %d questions unanswered", p.index, m.Failures)
			case m.LastSeen.After(p.clock.Now()):
				s.breaks("peer %d has seen a contact in the future", p.index)
			}
			seen[id] = true
		}
		if i > 0 && i == len(buckets)-1 && len(b.Contacts) == 0 {
			s.breaks("peer %d has split its last bucket for nothing", p.index)
		}
	}
}
