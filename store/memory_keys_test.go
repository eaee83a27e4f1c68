package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// Keys come and go, several entries under some and many keys side by side. Both
// twins tell the same of every range, in the order of the keys and up to the same
// limit.
func TestTheTwinsTellTheSameOfARange(t *testing.T) {
	const keys, steps = 1200, 4000
	var told [][]string
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		random := rand.New(rand.NewPCG(3, 3))
		var lines []string
		for step := range steps {
			now := step / 40
			e := value(fmt.Sprint(random.IntN(4)), 1, now, 20+random.IntN(20))
			put(t, s, crowded(random.IntN(keys)), e, now)
			if step%40 == 39 && step%1000 < 800 { // then much has expired and is there
				if _, err := s.Expire(at(now), 100); err != nil {
					t.Fatal(err)
				}
			}
			if step%10 == 0 {
				r := kad.NewRange(crowded(random.IntN(keys)), rangeBits[random.IntN(len(rangeBits))])
				lines = append(lines, tell(t, s, r, random.IntN(30)-2, now))
			}
			if m, ok := s.(*store.Memory); ok {
				if held, ordered := m.Places(); held != ordered {
					t.Fatalf("step %d: %d records, the order of %d", step, held, ordered)
				}
			}
		}
		told = append(told, lines)
	})
	if len(told) != 2 {
		return // one has failed
	}
	for i := range told[0] {
		if told[0][i] != told[1][i] {
			t.Fatalf("range %d:\n%s\nand\n%s", i, told[0][i], told[1][i])
		}
	}
}

// rangeBits are from everything to one key; crowded keys share 144.
var rangeBits = []int{0, 1, 4, 8, 64, 100, 144, 150, 156, 160}

// tell is what s says of r. Under one key the twins have an order of their own:
// where the limit cuts, only the keys are told. Where it does not, an entry is
// dropped.
func tell(t *testing.T, s subject, r kad.Range, limit, now int) string {
	t.Helper()
	digest, ok, err := s.Digest(r, limit, at(now))
	if err != nil {
		t.Fatal(err)
	}
	marks, err := s.Marks(r, limit, at(now))
	if err != nil {
		t.Fatal(err)
	}
	held, err := s.Holdings(r.Prefix, limit, at(now))
	if err != nil {
		t.Fatal(err)
	}
	lines := fmt.Sprint(r, limit, digest, ok, held)
	for _, m := range marks {
		lines += fmt.Sprint("\n", m.Key)
	}
	if len(marks) >= limit {
		return lines
	}
	slices.SortFunc(marks, func(a, b store.Mark) int { return cmp.Compare(a.Mark, b.Mark) })
	for _, m := range marks {
		lines += fmt.Sprintf("\n%x", m.Mark)
	}
	if err := s.Drop(marks[:min(len(marks), 1)]); err != nil {
		t.Fatal(err)
	}
	return lines
}
