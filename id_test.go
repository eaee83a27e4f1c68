package kad_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	kad "github.com/khashmir/kad"
)

func number(id kad.ID) *big.Int { return new(big.Int).SetBytes(id[:]) }

func TestDistanceIsXorAndOrdersAsABigNumber(t *testing.T) {
	src := rand.NewPCG(1, 2)
	for range 2000 {
		target, a, b := kad.RandomID(src), kad.RandomID(src), kad.RandomID(src)
		if src.Uint64()%2 == 0 { // near misses: differ late
			a, b = target.Flip(int(src.Uint64()%160)), target.Flip(int(src.Uint64()%160))
		}
		da, db := new(big.Int).Xor(number(target), number(a)), new(big.Int).Xor(number(target), number(b))
		if number(target.Distance(a)).Cmp(da) != 0 {
			t.Fatalf("distance of %v and %v is %v", target, a, target.Distance(a))
		}
		if got, want := target.CompareDistance(a, b), da.Cmp(db); got != want {
			t.Fatalf("%v: compare %v with %v: got %d, want %d", target, a, b, got, want)
		}
		if got, want := a.Compare(b), number(a).Cmp(number(b)); got != want {
			t.Fatalf("compare %v with %v: got %d, want %d", a, b, got, want)
		}
	}
}

func TestCommonPrefixCountsLeadingBits(t *testing.T) {
	src := rand.NewPCG(3, 4)
	for range 2000 {
		a, b := kad.RandomID(src), kad.RandomID(src)
		if src.Uint64()%2 == 0 {
			b = a.Flip(int(src.Uint64() % 160))
		}
		bits := func(id kad.ID) string { return fmt.Sprintf("%0160b", number(id)) }
		want := 0
		for want < 160 && bits(a)[want] == bits(b)[want] {
			want++
		}
		if got := a.CommonPrefix(b); got != want {
			t.Fatalf("%v and %v: got %d, want %d", a, b, got, want)
		}
	}
	if got := (kad.ID{}).CommonPrefix(kad.ID{}); got != 160 {
		t.Fatalf("equal IDs share %d bits", got)
	}
}

func TestRandomInRangeSharesThePrefixAndVariesAfterIt(t *testing.T) {
	src := rand.NewPCG(5, 6)
	for bits := range 161 {
		prefix := kad.RandomID(src)
		beyond := false
		for range 64 {
			id := kad.RandomInRange(prefix, bits, src)
			if got := id.CommonPrefix(prefix); got < bits {
				t.Fatalf("%d bits asked, %d shared", bits, got)
			} else if got == bits {
				beyond = true
			}
		}
		if bits < 160 && !beyond {
			t.Fatalf("the bit after %d never varied", bits)
		}
	}
}

func TestAnIDPrintsAsWhatParsesBack(t *testing.T) {
	id := kad.HashID([]byte("key"))
	if got := id.String(); got != "a62f2225bf70bfaccbc7f1ef2a397836717377de" {
		t.Fatalf("sha1(key) prints as %s", got)
	}
	if back, err := kad.ParseID(id.String()); err != nil || back != id {
		t.Fatalf("parsed back: %v, %v", back, err)
	}
	for _, bad := range []string{"", "a62f", strings.Repeat("g", 40), strings.Repeat("a", 42)} {
		if got, err := kad.ParseID(bad); err == nil || !got.IsZero() {
			t.Errorf("%q parsed as %v", bad, got)
		}
	}
}

func BenchmarkCompareDistance(b *testing.B) {
	src := rand.NewPCG(7, 8)
	target, x := kad.RandomID(src), kad.RandomID(src)
	y := x.Flip(100)
	for b.Loop() {
		target.CompareDistance(x, y)
	}
}
