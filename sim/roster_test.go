package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
)

func TestTheRosterKnowsWhoIsClosest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var r roster
	var all []*peer
	for i := range 300 {
		p := &peer{index: int32(i), self: kad.Contact{ID: kad.RandomID(random)}}
		all = append(all, p)
		r.add(p)
		if i%3 == 2 {
			gone := random.IntN(len(all))
			r.remove(all[gone])
			all = slices.Delete(all, gone, gone+1)
		}
		target := kad.RandomID(random)
		slices.SortFunc(all, func(a, b *peer) int { return target.CompareDistance(a.self.ID, b.self.ID) })
		want := all[:min(8, len(all))]
		got := r.closest(nil, target, 8)
		if !slices.EqualFunc(got, want, func(m member, p *peer) bool { return m.index == p.index }) {
			t.Fatalf("of %d, got %v", len(all), got)
		}
		if len(r.living) != len(all) || slices.ContainsFunc(all, func(p *peer) bool { return r.living[p.place] != p }) {
			t.Fatalf("of %d who live it knows %d, or not their places", len(all), len(r.living))
		}
	}
}

func TestAddressesAndPlacesGoTogether(t *testing.T) {
	for _, i := range []int32{0, 1, 254, 255, 256, 65535, maxNodes} {
		if got := indexOf(addrOf(i)); got != i {
			t.Errorf("%d is at %v, which is %d's", i, addrOf(i), got)
		}
	}
}

// Whoever lives is looked at, however many they are, and however many have died.
func TestTheJudgeLeavesNobodyOut(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 1))
	var r roster
	var j judge
	for i := range 100 {
		p := &peer{index: int32(i), self: kad.Contact{ID: kad.RandomID(random)}}
		r.add(p)
		if i%3 == 0 {
			r.remove(r.living[random.IntN(len(r.living))])
			continue
		}
		seen := make(map[*peer]bool)
		for range r.living {
			seen[j.another(r.living)] = true
		}
		if len(seen) != len(r.living) {
			t.Fatalf("of %d only %d are looked at", len(r.living), len(seen))
		}
	}
}
