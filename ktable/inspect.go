package ktable

import (
	"time"

	kad "github.com/khashmir/kad"
)

// Bucket is a copy of a bucket, for people to look at.
type Bucket struct {
	Range    kad.Range
	Contacts []Member  // those with a place, the least recently seen first
	Waiting  int       // contacts in the replacement cache
	LookedUp time.Time // the end of the latest lookup in the range; zero before the first
}

// Member is a contact that has a place, and what the table remembers of it.
type Member struct {
	Contact  kad.Contact
	LastSeen time.Time // UTC, to the microsecond
	Failures int       // questions left unanswered, in a row
	State    State
}

// State is how alive a contact seems.
type State string

// The states, as of the latest time the table was given.
const (
	Good  State = "good"  // has answered within MinPingInterval
	Stale State = "stale" // no failures, but no answer for MinPingInterval either
	Bad   State = "bad"   // left our latest question unanswered
)

// Buckets is a copy of the table: the farthest bucket first, the one that our
// own ID falls into last.
func (t *Table) Buckets() []Bucket {
	buckets := make([]Bucket, len(t.buckets))
	for i, b := range t.buckets {
		buckets[i] = Bucket{
			Range:    t.rangeOf(i),
			Contacts: make([]Member, b.placed.len()),
			Waiting:  b.waiting.len(),
			LookedUp: b.lookedUp.Time(),
		}
		for j, m := range b.placed.inOrder() {
			buckets[i].Contacts[j] = Member{
				Contact:  m.contact(),
				LastSeen: m.seen.Time(),
				Failures: int(m.failures),
				State:    t.state(m),
			}
		}
	}
	return buckets
}

func (t *Table) state(m member) State {
	switch {
	case m.failures > 0:
		return Bad
	case elapsed(m.seen, t.latest, t.config.MinPingInterval):
		return Stale
	}
	return Good
}
