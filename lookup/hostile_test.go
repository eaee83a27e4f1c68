package lookup_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

// TestALiarCannotKeepALookupGoing: everybody asked names contacts a bit closer
// than itself, us, itself, and rubbish; strangers answer, fail and are late.
func TestALiarCannotKeepALookupGoing(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		us, target := kad.RandomID(rng), kad.RandomID(rng)
		s := &search{t: t, rng: rng, us: us, self: us, alpha: 1 + rng.IntN(8), lateness: float64(rng.IntN(3)) / 4, waits: rng.IntN(2) == 0}
		budget := 1 + rng.IntN(kad.MaxLookupQuestions)
		s.lookup = lookup.New(target, lookup.Config{Alpha: s.alpha, MaxQuestions: budget, Self: us})
		s.answer = func(id kad.ID) ([]kad.Contact, bool) {
			s.rumours()
			return lies(s, id, 1+rng.IntN(3*kad.MaxContactsPerReply)), rng.IntN(10) > 0
		}
		s.lookup.Self(withID(us))
		s.lookup.Add(lies(s, kad.RandomID(rng), 1+rng.IntN(8))...)
		s.run()
		if s.lookup.Questions() > budget {
			t.Fatalf("seed %d: %d questions, the budget is %d", seed, s.lookup.Questions(), budget)
		}
		for _, c := range s.lookup.Closest() {
			if !s.answered[c.ID] && c.ID != us {
				t.Fatalf("seed %d: found %s, which never answered", seed, c)
			}
		}
	}
}

// lies is n contacts that id might name.
func lies(s *search, id kad.ID, n int) []kad.Contact {
	target := s.lookup.Target()
	contacts := make([]kad.Contact, n)
	for i := range contacts {
		near := min(id.CommonPrefix(target)+1, 8*kad.IDSize-1)
		contacts[i] = withID(kad.RandomInRange(target, near, s.rng))
		switch s.rng.IntN(8) {
		case 0:
			contacts[i].ID = s.us
		case 1:
			contacts[i].ID = id
		case 2:
			contacts[i].ID = kad.ID{}
		case 3:
			contacts[i] = kad.Contact{ID: contacts[i].ID}
		}
	}
	return contacts
}

// rumours are events about those who were never asked, or have answered.
func (s *search) rumours() {
	s.lookup.Reply(kad.RandomID(s.rng), lies(s, s.us, 8))
	s.lookup.Reply(s.us, lies(s, s.us, 8))
	s.lookup.Late(s.us)
	s.lookup.Fail(s.us)
	for _, c := range s.lookup.Closest() {
		s.lookup.Reply(c.ID, lies(s, c.ID, 8))
		s.lookup.Late(c.ID)
		s.lookup.Fail(c.ID)
	}
}

func withID(id kad.ID) kad.Contact {
	c := contact(1)
	c.ID = id
	return c
}

// TestTheShortlistStopsGrowing: once it is as long as could matter, ever closer
// contacts take the place of the farthest, and no memory.
func TestTheShortlistStopsGrowing(t *testing.T) {
	l := lookup.New(kad.ID{}, lookup.Config{})
	closer := make([]kad.Contact, 30*kad.MaxLookupQuestions)
	for i := range closer {
		var id kad.ID
		binary.BigEndian.PutUint32(id[:], 1<<31-uint32(i))
		closer[i] = withID(id)
	}
	add := func() {
		for range 10 * kad.MaxLookupQuestions {
			l.Add(closer[:1]...)
			closer = closer[1:]
		}
	}
	add()
	if allocations := testing.AllocsPerRun(1, add); allocations != 0 {
		t.Errorf("%v allocations for more contacts than could ever be asked", allocations)
	}
}

func TestAnAnswerWithNothingNewAllocatesNothing(t *testing.T) {
	const runs = 100
	seeds := make([]kad.Contact, runs+1) // AllocsPerRun warms up once
	for i := range seeds {
		seeds[i] = contact(byte(1 + i))
	}
	l := lookup.New(kad.ID{}, lookup.Config{K: len(seeds)})
	l.Add(seeds...)
	allocations := testing.AllocsPerRun(runs, func() {
		c, ok := l.Next()
		if !ok {
			t.Fatal("nobody to ask")
		}
		l.Late(c.ID)
		l.Reply(c.ID, seeds[:kad.MaxContactsPerReply])
		l.Done()
	})
	if allocations != 0 || l.Questions() != len(seeds) {
		t.Errorf("%v allocations an answer, %d questions", allocations, l.Questions())
	}
}
