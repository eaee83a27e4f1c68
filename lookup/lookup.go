// Package lookup is one iterative search for the K contacts closest to a target
// (paper, section 2.3), as a passive data structure: it says whom to ask next,
// is told who answered what and who did not, and says when the search is over.
//
// It owns its shortlist. It does no I/O, starts nothing, reads no clock and
// draws no chance: asking, and telling what is late, is the caller's. It is not
// safe for concurrent use; the node's lock guards it.
//
// Every contact on the shortlist is in one state. A failed one never comes back;
// a late one is overtaken, yet its answer counts if it still comes:
//
//	          Next             Reply
//	unasked ────────> asked ───────────> answered
//	                  │   │  Late          ^
//	             Fail │   └───────> late ──┤ Reply
//	                  v               │    (or Fail)
//	               failed <───────────┘
//
// Read lookup.go for what happens to a contact, shortlist.go for their order and
// how few of them are kept, and outcome.go for what the search has come to.
// flights.go helps a caller to tell who is late.
package lookup

import (
	"cmp"
	"encoding/binary"
	"slices"

	kad "github.com/khashmir/kad"
)

// Config sets a lookup's limits. A number that is zero or less means the default.
type Config struct {
	K            int    // contacts to find; kad.K
	Alpha        int    // questions in flight at once, late ones not counted; kad.Alpha
	MaxQuestions int    // questions in all; kad.MaxLookupQuestions
	Self         kad.ID // our own ID, which is never asked; zero if we have none

	// Scatter, if it is not zero, has those in the window whom others named asked
	// in an order that hangs on this number and not on the distance. Who will be
	// content with the first good answer, and draws the number, spares those
	// closest to a popular target.
	Scatter uint64
}

func (c Config) withDefaults() Config {
	return Config{
		K:            orDefault(c.K, kad.K),
		Alpha:        orDefault(c.Alpha, kad.Alpha),
		MaxQuestions: orDefault(c.MaxQuestions, kad.MaxLookupQuestions),
		Self:         c.Self,
		Scatter:      c.Scatter,
	}
}

func orDefault(n, otherwise int) int { return cmp.Or(max(n, 0), otherwise) }

// Lookup is one search. New makes one.
type Lookup struct {
	target kad.ID
	config Config

	shortlist []candidate // by distance to target, the closest first
	questions int         // asked so far
	inFlight  int         // candidates in the state asked
	late      int         // candidates in the state late
}

// New is a search for target. It is over at once unless Add gives it contacts
// to begin with.
func New(target kad.ID, config Config) *Lookup {
	return &Lookup{target: target, config: config.withDefaults()}
}

// Self makes our own node a candidate: it counts as having answered, and so may
// be one of the closest. A client, which nobody could ask, does not call it.
// Call it before Next. The zero ID is ignored.
func (l *Lookup) Self(self kad.Contact) {
	if self.ID.IsZero() {
		return
	}
	l.config.Self = self.ID
	if i, known := l.find(self.ID); !known {
		l.insert(i, &self, 0, answered)
	} else if us := &l.shortlist[i]; us.state == unasked {
		us.contact, us.depth, us.state = &self, 0, answered
	}
}

// Add puts contacts on the shortlist that we knew before the search: the seeds.
// All of them are believed. The slice is the lookup's from then on.
func (l *Lookup) Add(contacts ...kad.Contact) {
	for i := range contacts {
		l.learn(&contacts[i], 1)
	}
}

// Next is the contact to ask now; from then on it is in flight, and the caller
// owes a Reply or a Fail. ok is false when nobody is to be asked for now:
// because alpha questions are in flight, because everybody in the window was
// asked, or because the questions are spent.
//
// The window is the K closest candidates that are neither failed nor late. It is
// all that matters: if everybody in it has answered, they are the closest.
func (l *Lookup) Next() (c kad.Contact, ok bool) {
	if l.inFlight >= l.config.Alpha || l.spent() {
		return kad.Contact{}, false
	}
	window := 0
	var next *candidate
	for i := range l.shortlist {
		if window == l.config.K {
			break
		}
		candidate := &l.shortlist[i]
		switch candidate.state {
		case unasked:
			if next == nil || next.depth > 1 && l.config.Scatter != 0 && l.lot(candidate) < l.lot(next) {
				next = candidate
			}
		case asked, answered:
		default:
			continue
		}
		if window++; next != nil && l.config.Scatter == 0 {
			break
		}
	}
	if next == nil {
		return kad.Contact{}, false
	}
	next.state = asked
	l.inFlight++
	l.questions++
	return *next.contact, true
}

// lot is what c has drawn, where the window is scattered.
func (l *Lookup) lot(c *candidate) uint64 {
	x := binary.BigEndian.Uint64(c.contact.ID[:]) ^ l.config.Scatter
	x = (x ^ x>>33) * 0xff51afd7ed558ccd // MurmurHash3's finish: all bits count
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// Reply says that from answered and named these contacts. The first
// kad.MaxContactsPerReply of them are believed and join the shortlist. A reply
// of one who was not asked, has answered already or has failed changes nothing.
// The slice is the lookup's from then on.
func (l *Lookup) Reply(from kad.ID, closer []kad.Contact) {
	c, ok := l.awaited(from)
	if !ok {
		return
	}
	l.settle(c, answered)
	depth := c.depth + 1 // learn moves candidates about: c is not c any more
	if len(closer) > kad.MaxContactsPerReply {
		closer = slices.Clone(closer[:kad.MaxContactsPerReply]) // the rest is not kept in memory
	}
	for i := range closer {
		l.learn(&closer[i], depth)
	}
}

// Late says that the answer of id is late. The contact gives back its place
// among the alpha in flight, and the next closest takes its place in the window.
// It may still Reply, which counts, or Fail.
func (l *Lookup) Late(id kad.ID) {
	if c, ok := l.awaited(id); ok {
		l.settle(c, late) // said twice, it counts down before it counts up
		l.late++
	}
}

// Fail says that id did not answer and will not.
func (l *Lookup) Fail(id kad.ID) {
	if c, ok := l.awaited(id); ok {
		l.settle(c, failed)
	}
}

// awaited is the candidate id if it owes us an answer. The pointer holds until
// the shortlist changes.
func (l *Lookup) awaited(id kad.ID) (c *candidate, ok bool) {
	i, known := l.find(id)
	if !known {
		return nil, false
	}
	c = &l.shortlist[i]
	return c, c.state == asked || c.state == late
}

// settle gives an awaited candidate its next state.
func (l *Lookup) settle(c *candidate, next state) {
	if c.state == late {
		l.late--
	} else {
		l.inFlight--
	}
	c.state = next
}

// spent reports whether the budget of questions is.
func (l *Lookup) spent() bool { return l.questions >= l.config.MaxQuestions }
