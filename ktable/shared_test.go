package ktable_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

// The oracle sorts everybody by distance to one key at a time.
func TestSharedKeysAreThoseThatBothAreClosestTo(t *testing.T) {
	pairs, extra := 0, 0
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		self := kad.RandomID(random)
		table := ktable.New(self, ktable.Config{K: 1 + random.IntN(12)})
		for range random.IntN(200) {
			table.Seen(someone(random), time.Unix(0, 0))
		}
		dead := make(map[kad.ID]bool)
		ids := []kad.ID{self}
		for c := range table.Contacts() {
			if random.IntN(5) == 0 {
				dead[c.ID] = true
			} else {
				ids = append(ids, c.ID)
			}
		}
		n := 1 + random.IntN(10)

		sharers, others := table.Shared(n, nil, func(id kad.ID) bool { return dead[id] })

		if !slices.IsSortedFunc(sharers, func(a, b ktable.Sharer) int {
			return self.CompareDistance(a.Contact.ID, b.Contact.ID)
		}) {
			t.Fatalf("seed %d: the sharers are not in the order of distance", seed)
		}
		for range 300 {
			key := kad.RandomInRange(self, random.IntN(12), random)
			slices.SortFunc(ids, key.CompareDistance)
			closest := ids[:min(n, len(ids))]
			isOthers := slices.ContainsFunc(others, func(r kad.Range) bool { return r.Contains(key) })
			if isOthers && slices.Contains(closest, self) {
				t.Fatalf("seed %d: %s is ours, not others'", seed, key)
			}
			if !isOthers && n < len(ids) && key.CompareDistance(self, ids[min(2*n, len(ids)-1)]) > 0 {
				t.Fatalf("seed %d: %s is not ours by far", seed, key)
			}
			r := kad.NewRange(key, 160)
			if holders, ok := table.Holders(r, n, func(id kad.ID) bool { return dead[id] }); !ok ||
				!slices.EqualFunc(holders, slices.DeleteFunc(slices.Clone(closest), func(id kad.ID) bool { return id == self }),
					func(c kad.Contact, id kad.ID) bool { return c.ID == id }) {
				t.Fatalf("seed %d: the holders of %s are %v, %v", seed, key, holders, ok)
			}
			alone := table.SharedWith(ids[:1], n, nil, func(id kad.ID) bool { return dead[id] })
			if id := ids[0]; id != self && shares(alone, id, key) != shares(sharers, id, key) {
				t.Fatalf("seed %d: asked about %s alone, %s is another's", seed, id, key)
			}
			for _, id := range ids {
				if id == self {
					continue
				}
				want := slices.Contains(closest, id) && slices.Contains(closest, self)
				got := shares(sharers, id, key)
				if want {
					pairs++
				} else if got {
					extra++
				}
				if want && !got {
					t.Fatalf("seed %d: %d contacts, n %d: do we share %s with %s? got %v, want %v", seed, len(ids)-1, n, key, id, got, want)
				}
			}
		}
	}
	if extra*20 > pairs {
		t.Errorf("beside %d keys shared with somebody %d are not", pairs, extra)
	}
	t.Logf("beside %d keys shared with somebody %d are not", pairs, extra)
}

// With keys the answer is the same for them, and is of them alone.
func TestWhereThereAreNoKeysNothingIsShared(t *testing.T) {
	left := 0
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 2))
		self := kad.RandomID(random)
		table := ktable.New(self, ktable.Config{})
		for range 2 + random.IntN(300) {
			table.Seen(someone(random), time.Unix(0, 0))
		}
		keys := make([]kad.ID, 1+random.IntN(6))
		for i := range keys {
			keys[i] = kad.RandomInRange(self, random.IntN(10), random)
		}
		slices.SortFunc(keys, kad.ID.Compare)
		neighbour := []kad.ID{table.Closest(nil, self, 1)[0].ID}
		everything, all := table.Shared(kad.Replicas, nil, nil)

		sharers, others := table.Shared(kad.Replicas, keys, nil)
		alone := table.SharedWith(neighbour, kad.Replicas, keys, nil)

		left += len(all) - len(others)
		ranges := slices.Clone(others)
		for _, s := range append(slices.Clone(sharers), alone...) {
			ranges = append(ranges, s.Ranges...)
		}
		for _, r := range ranges {
			if !slices.ContainsFunc(keys, r.Contains) {
				t.Fatalf("seed %d: none of the keys is in %v", seed, r)
			}
		}
		for _, s := range sharers { // as wide as they are without
			whole := slices.IndexFunc(everything, func(o ktable.Sharer) bool { return o.Contact.ID == s.Contact.ID })
			for _, r := range s.Ranges {
				if whole < 0 || !slices.Contains(everything[whole].Ranges, r) {
					t.Fatalf("seed %d: %v is shared with %s only where there are few keys", seed, r, s.Contact.ID)
				}
			}
		}
		for _, key := range keys {
			of := func(r kad.Range) bool { return r.Contains(key) }
			if slices.ContainsFunc(all, of) != slices.ContainsFunc(others, of) {
				t.Fatalf("seed %d: whether %s is others' hangs on what else there is", seed, key)
			}
			for c := range table.Contacts() {
				if shares(everything, c.ID, key) != shares(sharers, c.ID, key) {
					t.Fatalf("seed %d: whether we share %s with %s hangs on what else there is", seed, key, c.ID)
				}
			}
			if id := neighbour[0]; shares(everything, id, key) != shares(alone, id, key) {
				t.Fatalf("seed %d: asked about %s alone, %s is another's", seed, id, key)
			}
		}
	}
	if left == 0 {
		t.Error("no range was left out")
	}
}

func TestSharedRangesAreDisjointAndFew(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	table := ktable.New(kad.RandomID(random), ktable.Config{})
	for range 10_000 {
		table.Seen(someone(random), time.Unix(0, 0))
	}
	sharers, _ := table.Shared(kad.K, nil, nil)
	ranges := 0
	for _, s := range sharers {
		ranges += len(s.Ranges)
		for i, r := range s.Ranges[:len(s.Ranges)-1] {
			if r.Last().Compare(s.Ranges[i+1].Prefix) >= 0 {
				t.Fatalf("%v and %v overlap or are out of order", r, s.Ranges[i+1])
			}
			if whole := kad.NewRange(r.Prefix, r.Bits-1); whole.Bits == s.Ranges[i+1].Bits-1 && whole.Covers(s.Ranges[i+1]) {
				t.Fatalf("%v and %v are one range", r, s.Ranges[i+1])
			}
		}
	}
	if len(sharers) < kad.K-1 || ranges > 12*len(sharers) {
		t.Errorf("%d ranges with %d sharers", ranges, len(sharers))
	}
	t.Logf("%d ranges with %d sharers", ranges, len(sharers))
}

// Whoever makes IDs can make the ranges coarse, not many, and have but few share
// the same one.
func TestACrowdIsBounded(t *testing.T) {
	crowds := map[string]func(self kad.ID, random *rand.Rand) kad.ID{
		"around us": func(self kad.ID, random *rand.Rand) kad.ID {
			for range 1 + random.IntN(3) {
				self = self.Flip(2 * random.IntN(60))
			}
			return self
		},
		"far off": func(self kad.ID, random *rand.Rand) kad.ID {
			if random.IntN(1000) == 0 {
				return kad.RandomInRange(self, 1, random)
			}
			return kad.RandomInRange(self.Flip(0), 20, random)
		},
	}
	for name, someoneOf := range crowds {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 1))
			self := kad.RandomID(random)
			table := ktable.New(self, ktable.Config{Wide: kad.WideBuckets})
			for range 4000 {
				c := someone(random)
				if c.ID = someoneOf(self, random); c.ID != self {
					table.Seen(c, time.Unix(0, 0))
				}
			}

			sharers, _ := table.Shared(kad.K, nil, nil)

			ranges, having := 0, make(map[kad.ID]int) // how many have a range's first key
			for _, s := range sharers {
				ranges += len(s.Ranges)
				for _, r := range s.Ranges {
					having[r.Prefix] = 0
				}
			}
			for key := range having {
				for i, s := range sharers {
					if shares(sharers[i:i+1], s.Contact.ID, key) {
						having[key]++
					}
				}
			}
			most := slices.Max(slices.Collect(maps.Values(having)))
			if ranges > 10_000 || most > 2*kad.K {
				t.Errorf("%d contacts, %d ranges, %d share the same", table.Len(), ranges, most)
			}
			t.Logf("%d contacts, %d ranges, %d share the same", table.Len(), ranges, most)
		})
	}
}

// However alike their IDs are: where there are places for all, no key has to be
// looked at.
func TestFewShareEverything(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		self := kad.RandomID(random)
		table := ktable.New(self, ktable.Config{})
		for range 1 + random.IntN(kad.K-1) {
			c := someone(random)
			c.ID = kad.RandomInRange(self, random.IntN(160), random)
			table.Seen(c, time.Unix(0, 0))
		}

		sharers, others := table.Shared(table.Len()+1+random.IntN(kad.K), nil, nil)

		if len(sharers) != table.Len() || len(others) != 0 {
			t.Fatalf("seed %d: of %d contacts %d share, and %v are others'", seed, table.Len(), len(sharers), others)
		}
		for _, s := range sharers {
			if !slices.Equal(s.Ranges, []kad.Range{{}}) {
				t.Fatalf("seed %d: shared with %s: %v", seed, s.Contact.ID, s.Ranges)
			}
		}
	}
}

func TestAloneNothingIsShared(t *testing.T) {
	if got, others := ktable.New(kad.ID{1}, ktable.Config{}).Shared(kad.K, nil, nil); len(got) != 0 || len(others) != 0 {
		t.Errorf("shared with %v, and %v are others'", got, others)
	}
}

func someone(random *rand.Rand) kad.Contact {
	c := contactAt(0, uint16(1+random.IntN(60_000)))
	c.ID = kad.RandomID(random)
	return c
}

func shares(sharers []ktable.Sharer, with, key kad.ID) bool {
	for _, s := range sharers {
		if s.Contact.ID == with {
			return slices.ContainsFunc(s.Ranges, func(r kad.Range) bool { return r.Contains(key) })
		}
	}
	return false
}

// BenchmarkShared is with the tables of a small and of a large network.
func BenchmarkShared(b *testing.B) {
	for _, nodes := range []int{100, 1_000, 100_000} {
		random := rand.New(rand.NewPCG(1, 1))
		self := kad.RandomID(random)
		table := ktable.New(self, ktable.Config{Wide: kad.WideBuckets})
		for range nodes {
			table.Seen(someone(random), time.Unix(0, 0))
		}
		nobody := func(kad.ID) bool { return false }
		b.Run(fmt.Sprintf("%d nodes, all", nodes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Shared(kad.Replicas, nil, nobody)
			}
		})
		neighbour := []kad.ID{table.Closest(nil, self, kad.Replicas)[kad.Replicas/2].ID}
		b.Run(fmt.Sprintf("%d nodes, one", nodes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.SharedWith(neighbour, kad.Replicas, nil, nobody)
			}
		})
	}
}

func TestNearIsWhoIsAmongTheClosest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		self := kad.RandomID(random)
		table := ktable.New(self, ktable.Config{})
		for range random.IntN(300) {
			table.Seen(someone(random), time.Unix(0, 0))
		}
		n := random.IntN(30)
		closest := table.Closest(nil, self, n)
		for c := range table.Contacts() {
			if got, want := table.Near(c.ID, n), slices.Contains(closest, c); got != want {
				t.Fatalf("%d contacts: is %s among the %d closest? got %v", table.Len(), c, n, got)
			}
		}
	}
}
