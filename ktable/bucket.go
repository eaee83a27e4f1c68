package ktable

import (
	"time"

	kad "github.com/khashmir/kad"
)

// bucket is the contacts that have a place and those that wait for one. Nobody
// waits while there is room.
type bucket struct {
	placed   list
	waiting  list
	failing  int // of the placed, those with failures
	lookedUp moment
}

// place gives m a place.
func (b *bucket) place(m member) {
	b.placed.add(m)
	if m.failures > 0 {
		b.failing++
	}
}

// seen puts m in the place of the i-th, which it is, only younger.
func (b *bucket) seen(i int, m member) {
	if b.placed.members[i].failures > 0 {
		b.failing--
	}
	b.placed.members[i] = m
}

// failed counts one more failure of the i-th.
func (b *bucket) failed(i int) (failures int) {
	m := &b.placed.members[i]
	if m.failures == 0 {
		b.failing++
	}
	m.failures++
	m.checking = false
	return int(m.failures)
}

// drop takes the i-th out, which has failed, and has the next one take its place.
func (b *bucket) drop(i int) {
	if b.placed.remove(i).failures > 0 {
		b.failing--
	}
	b.promote()
}

// wait puts m into the replacement cache; of one too many, the least recently
// seen goes.
func (b *bucket) wait(m member, limit int) {
	switch i := b.waiting.find(m.id); {
	case i >= 0:
		b.waiting.members[i] = m
	case b.waiting.len() == limit:
		b.waiting.remove(b.waiting.oldest())
		b.waiting.add(m)
	default:
		b.waiting.add(m)
	}
}

// promote gives a free place to the most recently seen of those that wait. Its
// rank hangs on when it was seen, not on when it got the place.
func (b *bucket) promote() {
	if b.waiting.len() > 0 {
		b.place(b.waiting.remove(b.waiting.newest()))
	}
}

// suspect is the least recently seen contact, if it is due for a check.
func (b *bucket) suspect(at moment, interval time.Duration) (kad.Contact, bool) {
	m := &b.placed.members[b.placed.oldest()]
	due := m.failures > 0 || elapsed(m.seen, at, interval)
	if m.checking || !due {
		return kad.Contact{}, false
	}
	m.checking = true
	return m.contact(), true
}
