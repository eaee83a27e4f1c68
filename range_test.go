package kad_test

import (
	"math/rand/v2"
	"testing"

	kad "github.com/khashmir/kad"
)

func TestARangeIsWhatSharesItsFirstBits(t *testing.T) {
	random := rand.NewPCG(1, 2)
	for bits := 0; bits <= 160; bits++ {
		id := kad.RandomID(random)
		r := kad.NewRange(id, bits)
		if !r.Contains(id) || !r.Contains(r.Prefix) || !r.Contains(r.Last()) {
			t.Fatalf("%d bits: a range without its own", bits)
		}
		if r.Prefix.Compare(id) > 0 || r.Last().Compare(id) < 0 {
			t.Fatalf("%d bits: %s is not between %s and %s", bits, id, r.Prefix, r.Last())
		}
		if bits > 0 && r.Contains(id.Flip(bits-1)) {
			t.Fatalf("%d bits: contains what differs at the last of them", bits)
		}
		if wider := kad.NewRange(id, bits-1); bits > 0 && (!wider.Covers(r) || r.Covers(wider)) {
			t.Fatalf("%d bits: not covered by the next wider", bits)
		}
	}
}

func TestHalvesAreAllOfARange(t *testing.T) {
	random := rand.NewPCG(3, 4)
	for range 1000 {
		r := kad.NewRange(kad.RandomID(random), int(random.Uint64()%160))
		lower, upper, ok := r.Halves()
		if !ok || lower.Prefix != r.Prefix || upper.Last() != r.Last() {
			t.Fatalf("halves of %v: %v and %v", r, lower, upper)
		}
		id := kad.RandomInRange(r.Prefix, r.Bits, random)
		if lower.Contains(id) == upper.Contains(id) {
			t.Fatalf("%s is in both halves of %v, or in none", id, r)
		}
	}
	if _, _, ok := kad.NewRange(kad.ID{}, 160).Halves(); ok {
		t.Error("a single ID has halves")
	}
}
