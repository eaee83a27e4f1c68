package sim

import (
	"math/rand/v2"
	"testing"
	"time"
)

// In order of time and, at the same time, as they were put there. Half of them have
// one of few times, so that many have the same, and slots more than a chunk.
func TestEventsHappenInOrder(t *testing.T) {
	spans := []int64{1_000_000, slots << slotBits, 5 * slots << slotBits}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var q queue
		type turn struct {
			at     int64
			number int
		}
		var last turn
		happened, put := 0, 0
		var more func()
		more = func() {
			put++
			after := random.Int64N(spans[seed%3])
			if random.IntN(2) == 0 {
				after -= after % (spans[seed%3] / 16)
			}
			this := turn{q.now + after, put}
			q.in(time.Duration(this.at-q.now), action(func() {
				if q.now != this.at || this.at < last.at || this.at == last.at && this.number < last.number {
					t.Fatalf("seed %d: %v happens at %d, after %v", seed, this, q.now, last)
				}
				last = this
				happened++
				for range random.IntN(4) {
					if put < 10_000 {
						more()
					}
				}
			}))
		}
		for range 10_000 / 2 {
			more()
		}
		for q.next(1 << 60) {
		}
		if happened != put || len(q.soon)+q.lying+len(q.far) != 0 {
			t.Errorf("seed %d: %d of %d happened", seed, happened, put)
		}
	}
}
