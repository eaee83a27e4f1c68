package lookup_test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

// crowds are ways in which IDs may lie.
var crowds = map[string]func(n int, rng *rand.Rand) []kad.ID{
	"anywhere": func(n int, rng *rand.Rand) []kad.ID {
		ids := make([]kad.ID, n)
		for i := range ids {
			ids[i] = kad.RandomID(rng)
		}
		return ids
	},
	"dense": func(n int, rng *rand.Rand) []kad.ID {
		ids := make([]kad.ID, n)
		for i := range ids {
			ids[i] = kad.ID{0: byte(rng.IntN(8)), kad.IDSize - 1: byte(rng.IntN(256))}
		}
		return slices.DeleteFunc(ids, kad.ID.IsZero)
	},
	"in clusters": func(n int, rng *rand.Rand) []kad.ID {
		ids := []kad.ID{kad.RandomID(rng)}
		for len(ids) < n {
			ids = append(ids, kad.RandomInRange(ids[rng.IntN(len(ids))], rng.IntN(kad.IDSize*8), rng))
		}
		return ids
	},
}

// TestTheClosestFoundAreTheTrueClosest is the promise of the package: with exact
// tables, whoever looks and in whatever order the answers come, late or not.
func TestTheClosestFoundAreTheTrueClosest(t *testing.T) {
	everySearch(t, func(t *testing.T, n *network, rng *rand.Rand) {
		s := newSearch(t, n, rng)
		s.waits = true
		s.run()
		s.checkFound(n.nodes, n.k)
		// Half of the nodes are behind each bit, so an answer should bring the
		// search one bit nearer at least; then the K closest are asked.
		if honest := n.k + s.alpha*(2+bits.Len(uint(len(n.nodes)))); s.lateness == 0 && !s.scattered && s.lookup.Questions() > honest {
			t.Errorf("%d questions, expected %d at most", s.lookup.Questions(), honest)
		}
	})
}

// TestTheDeadKeepNobodyFromBeingFound: the tables are exact for the living, and
// name the dead on top of that. Then the K closest living are found.
func TestTheDeadKeepNobodyFromBeingFound(t *testing.T) {
	everySearch(t, func(t *testing.T, n *network, rng *rand.Rand) {
		dead := newNetwork(crowds["anywhere"](len(n.nodes)/4+1, rng), n.k, rng).nodes
		s := newSearch(t, n, rng)
		s.waits = true
		living := s.answer
		s.answer = func(id kad.ID) ([]kad.Contact, bool) {
			if slices.ContainsFunc(dead, func(c kad.Contact) bool { return c.ID == id }) {
				return nil, false
			}
			closer, ok := living(id)
			for range n.k {
				closer = append(closer, dead[rng.IntN(len(dead))])
			}
			return closer, ok
		}
		s.run()
		s.checkFound(n.nodes, n.k)
	})
}

// TestWhoeverIsFoundHasAnswered: a fifth of the nodes have died, everybody's
// tables still name them, and nobody waits for the late. What is found has
// answered and is the closest of that. It is mostly the closest living, and not
// always: in answers of K contacts the dead take the place of the living.
func TestWhoeverIsFoundHasAnswered(t *testing.T) {
	found, wanted := 0, 0
	everySearch(t, func(t *testing.T, n *network, rng *rand.Rand) {
		for i := range n.dead {
			n.dead[i] = rng.IntN(5) == 0
		}
		s := newSearch(t, n, rng)
		n.dead[n.place(s.us)] = false
		named := map[kad.ID]kad.Contact{}
		living := s.answer
		s.answer = func(id kad.ID) ([]kad.Contact, bool) {
			closer, ok := living(id)
			for _, c := range closer {
				if ok {
					named[c.ID] = c
				}
			}
			return closer, ok
		}
		s.run()
		got := s.lookup.Closest()
		var answered, alive []kad.Contact
		for _, c := range n.nodes {
			if s.answered[c.ID] || c.ID == s.self {
				answered = append(answered, c)
			}
			if !n.isDead(c.ID) || c.ID == s.self {
				alive = append(alive, c)
			}
		}
		if want := closest(answered, s.lookup.Target(), n.k); !slices.Equal(got, want) {
			t.Fatalf("found %v, but these answered: %v", got, want)
		}
		if len(got) == n.k {
			for id := range named {
				if !s.asked[id] && id != s.self && s.lookup.Target().CompareDistance(id, got[n.k-1].ID) < 0 {
					t.Fatalf("%s is closer, and was not asked", id)
				}
			}
		}
		if n.k == kad.K && s.lateness == 0 {
			for _, c := range closest(alive, s.lookup.Target(), n.k) {
				wanted++
				if slices.Contains(got, c) {
					found++
				}
			}
		}
	})
	if found*100 < wanted*90 {
		t.Errorf("found %d of the %d closest living", found, wanted)
	}
}

// everySearch runs check on networks of 10 to 2,000 nodes of each crowd.
func everySearch(t *testing.T, check func(*testing.T, *network, *rand.Rand)) {
	for name, crowd := range crowds {
		for _, k := range []int{1, 2, 3, kad.K} {
			t.Run(fmt.Sprintf("%s, K=%d", name, k), func(t *testing.T) {
				for seed, size := range []int{10, 15, 20, 40, 80, 160, 500, 2000} {
					rng := rand.New(rand.NewPCG(uint64(seed), uint64(k)))
					n := newNetwork(crowd(size, rng), k, rng)
					for range 12 {
						check(t, n, rng)
						if t.Failed() {
							t.Fatalf("with %d nodes", len(n.nodes))
						}
					}
				}
			})
		}
	}
}

// newSearch is a search by a random node, which is a candidate itself, or by a
// client that knows only one node.
func newSearch(t *testing.T, n *network, rng *rand.Rand) *search {
	target := kad.RandomID(rng)
	if rng.IntN(2) == 0 {
		target = n.nodes[rng.IntN(len(n.nodes))].ID
	}
	us := n.nodes[rng.IntN(len(n.nodes))]
	s := &search{t: t, rng: rng, us: us.ID, alpha: 1 + rng.IntN(2*kad.Alpha), lateness: float64(rng.IntN(3)) / 4}
	s.answer = func(id kad.ID) ([]kad.Contact, bool) {
		closer := n.answer(id, target)
		rng.Shuffle(len(closer), func(i, j int) { closer[i], closer[j] = closer[j], closer[i] })
		return closer, !n.isDead(id)
	}
	config := lookup.Config{K: n.k, Alpha: s.alpha, MaxQuestions: 1000}
	if s.scattered = rng.IntN(3) == 0; s.scattered {
		config.Scatter = rng.Uint64()
	}
	if rng.IntN(3) == 0 {
		s.lookup = lookup.New(target, config)
		s.lookup.Add(us)
		return s
	}
	s.self, config.Self = us.ID, us.ID
	s.lookup = lookup.New(target, config)
	s.lookup.Self(us)
	s.lookup.Add(n.answer(us.ID, target)...)
	return s
}

func (s *search) checkFound(nodes []kad.Contact, k int) {
	s.t.Helper()
	target := s.lookup.Target()
	want := closest(slices.Clone(nodes), target, k)
	if got := s.lookup.Closest(); !slices.Equal(got, want) {
		s.t.Errorf("to %s, after %d questions\n got %v\nwant %v", target, s.lookup.Questions(), got, want)
	}
}
