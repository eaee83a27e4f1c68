package sim

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestEventsHappenInOrder(t *testing.T) {
	spans := []int64{1_000_000, slots << slotBits, 5 * slots << slotBits}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var q queue
		var last int64
		happened, put := 0, 0
		var more func()
		more = func() {
			if q.now < last {
				t.Fatalf("seed %d: time went back from %d to %d", seed, last, q.now)
			}
			last = q.now
			happened++
			for range random.IntN(4) {
				if put < 10_000 {
					put++
					q.in(time.Duration(1+random.Int64N(spans[seed%3])), action(more))
				}
			}
		}
		for range 100 {
			put++
			q.in(time.Duration(random.IntN(1000)), action(more))
		}
		for q.next(1 << 60) {
		}
		if happened != put || len(q.soon)+q.lying+len(q.far) != 0 {
			t.Errorf("seed %d: %d of %d happened", seed, happened, put)
		}
	}
}
