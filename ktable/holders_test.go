package ktable_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

// networks draw the IDs of others, beside ours and some place far off.
var networks = map[string]func(self, far kad.ID, random *rand.Rand) kad.ID{
	"anywhere":         func(_, _ kad.ID, random *rand.Rand) kad.ID { return kad.RandomID(random) },
	"crowded":          func(self, far kad.ID, random *rand.Rand) kad.ID { return besides(self, far, 160, random) },
	"all but the same": func(self, far kad.ID, random *rand.Rand) kad.ID { return besides(self, far, 8, random) },
}

// besides is as the one or the other, but for some of the last bits.
func besides(a, b kad.ID, bits int, random *rand.Rand) kad.ID {
	if random.IntN(2) == 0 {
		a = b
	}
	return kad.RandomInRange(a, 160-random.IntN(bits+1), random)
}

func TestHoldersAreTheClosestToAllKeysOfARange(t *testing.T) {
	for name, draw := range networks {
		t.Run(name, func(t *testing.T) {
			one, rivals, none := 0, 0, 0
			for seed := range uint64(150) {
				random := rand.New(rand.NewPCG(seed, 1))
				self, far := kad.RandomID(random), kad.RandomID(random)
				table := ktable.New(self, ktable.Config{K: 1 + random.IntN(12), Wide: random.IntN(4)})
				for range random.IntN(80) {
					c := someone(random)
					c.ID = draw(self, far, random)
					table.Seen(c, time.Unix(0, 0))
					if random.IntN(5) == 0 {
						table.Failed(c.ID)
					}
				}
				ids, dead := living(table, self, random)
				for range 10 {
					key := draw(self, far, random)
					r, n := kad.NewRange(key, random.IntN(161)), 1+random.IntN(20)
					if random.IntN(2) == 0 {
						r = kad.NewRange(key, random.IntN(8))
					}

					holders, ok := table.Holders(r, n, func(id kad.ID) bool { return dead[id] })

					want, wantOK := holdersOf(r, n, ids)
					switch {
					case !wantOK:
						none++
					case len(want) > n:
						rivals++
					default:
						one++
					}
					want = slices.DeleteFunc(want, func(id kad.ID) bool { return id == self })
					if ok != wantOK || ok && !slices.EqualFunc(holders, want, func(c kad.Contact, id kad.ID) bool { return c.ID == id }) {
						t.Fatalf("seed %d: the %d closest of %d to %v:\n got %v %t\nwant %v %t", seed, n, len(ids), r, holders, ok, want, wantOK)
					}
				}
			}
			if one == 0 || rivals == 0 || none == 0 {
				t.Errorf("%d ranges have holders, %d with rivals among them, %d differ within", one, rivals, none)
			}
		})
	}
}

// living is who lives, we among them, and who does not.
func living(table *ktable.Table, self kad.ID, random *rand.Rand) (ids []kad.ID, dead map[kad.ID]bool) {
	ids, dead = []kad.ID{self}, make(map[kad.ID]bool)
	share := random.IntN(4)
	for c := range table.Contacts() {
		if dead[c.ID] = random.IntN(4) < share; !dead[c.ID] {
			ids = append(ids, c.ID)
		}
	}
	return ids, dead
}

// holdersOf sorts all by distance to one key after another: of all keys of r the
// closest to each of them, where it has a place if anywhere, and the farthest
// from it.
func holdersOf(r kad.Range, n int, ids []kad.ID) (holders []kad.ID, ok bool) {
	places := make(map[kad.ID]int)
	ones := kad.Range{}.Last()
	for _, id := range ids {
		for _, key := range []kad.ID{keyOf(r, id), keyOf(r, id.Distance(ones))} {
			closest := slices.SortedFunc(slices.Values(ids), key.CompareDistance)
			for _, id := range closest[:min(n, len(ids))] {
				places[id]++
			}
		}
	}
	var rivals []kad.ID
	for id, count := range places {
		holders = append(holders, id)
		if count < 2*len(ids) {
			rivals = append(rivals, id)
		}
	}
	slices.SortFunc(holders, r.Prefix.CompareDistance)
	const maxSplits = 3 // who shares so many bits more than r is not told apart
	alike := func(id kad.ID) bool { return id.CommonPrefix(rivals[0]) >= r.Bits+maxSplits }
	return holders, len(rivals) == 0 || len(holders) <= 2*n && !slices.ContainsFunc(rivals, func(id kad.ID) bool { return !alike(id) })
}

// keyOf is the key of r that ends as id does.
func keyOf(r kad.Range, id kad.ID) kad.ID {
	for !r.Contains(id) {
		id = id.Flip(id.CommonPrefix(r.Prefix))
	}
	return id
}

func TestOfNoCopiesThereAreNoHolders(t *testing.T) {
	table := ktable.New(kad.ID{1}, ktable.Config{})
	table.Seen(contact(2), start)
	if holders, ok := table.Holders(kad.Range{}, 0, nil); len(holders) != 0 || !ok {
		t.Errorf("held by %v, %t", holders, ok)
	}
}

// BenchmarkHolders is with the table of a network of 10,000, for ranges of which
// most are ours or close, one contact in 20 dead.
func BenchmarkHolders(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	self := kad.RandomID(random)
	table := ktable.New(self, ktable.Config{Wide: kad.WideBuckets})
	for range 10_000 {
		table.Seen(someone(random), time.Unix(0, 0))
	}
	dead := make(map[kad.ID]struct{})
	for c := range table.Contacts() {
		if random.IntN(20) == 0 {
			dead[c.ID] = struct{}{}
		}
	}
	for _, bits := range []int{1, 6, 9, 12, 160} {
		ranges := make([]kad.Range, 512)
		for i := range ranges {
			ranges[i] = kad.NewRange(kad.RandomInRange(self, random.IntN(min(bits, 11)), random), bits)
		}
		b.Run(fmt.Sprintf("%d bits", bits), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				table.Holders(ranges[i%len(ranges)], kad.Replicas, func(id kad.ID) bool { _, is := dead[id]; return is })
			}
		})
	}
}
