package sim

import "time"

// epoch is when every simulation begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// event is something that happens at a time.
type event interface{ happen() }

// queue is what will happen, in order of time and, at the same time, in the
// order in which it was put there.
//
// Few of the events are near: most are timers of a minute and more. So the time
// is cut in slots; what is to happen in the one that has begun is in a heap, which
// fits into the processor's cache, what is for one of the next slots lies there in
// no order, and what comes after those is in a heap of its own.
type queue struct {
	now    int64 // nanoseconds since epoch
	number uint64
	slot   int64 // that has begun, counted from epoch
	soon   heap
	later  [slots]*chunk // by the slot, modulo slots
	lying  int           // how many events are in later
	empty  *chunk        // to be used again
	far    heap
}

const (
	slotBits = 26 // a slot is 67 ms long
	slots    = 1 << 11
)

// chunk is some events of one slot, and those before them.
type chunk struct {
	events [63]scheduled
	count  int
	before *chunk
}

type scheduled struct {
	at     int64
	number uint64
	event  event
}

func (a scheduled) before(b scheduled) bool {
	return a.at < b.at || a.at == b.at && a.number < b.number
}

// in has e happen after d; nothing happens before what happens now.
func (q *queue) in(d time.Duration, e event) {
	q.number++
	s := scheduled{q.now + max(0, int64(d)), q.number, e}
	switch slot := s.at >> slotBits; {
	case slot <= q.slot:
		q.soon.push(s)
	case slot < q.slot+slots:
		q.lay(&q.later[slot%slots], s)
	default:
		q.far.push(s)
	}
}

// next has the next event happen, unless that is after until.
func (q *queue) next(until int64) bool {
	for len(q.soon) == 0 {
		if q.slot >= until>>slotBits || q.lying == 0 && len(q.far) == 0 {
			return false
		}
		q.begin()
	}
	if q.soon[0].at > until {
		return false
	}
	first := q.soon.pop()
	q.now = first.at
	first.event.happen()
	return true
}

// lay puts s to the others of a slot.
func (q *queue) lay(last **chunk, s scheduled) {
	c := *last
	if c == nil || c.count == len(c.events) {
		if c = q.empty; c == nil {
			c = new(chunk)
		}
		q.empty, c.before, *last = c.before, *last, c
	}
	c.events[c.count] = s
	c.count++
	q.lying++
}

// begin begins the next slot; nothing is left of the one before.
func (q *queue) begin() {
	q.slot++
	last := &q.later[q.slot%slots]
	for *last != nil {
		c := *last
		for i := range c.events[:c.count] {
			q.soon.push(c.events[i])
		}
		q.lying -= c.count
		*last = c.before
		clear(c.events[:c.count])
		c.count, c.before, q.empty = 0, q.empty, c
	}
	for len(q.far) > 0 && q.far[0].at>>slotBits <= q.slot {
		q.soon.push(q.far.pop())
	}
}

// heap has the first in front. Each has four children, which is faster than two:
// half as deep, and siblings lie together.
type heap []scheduled

func (h *heap) push(s scheduled) {
	*h = append(*h, s)
	all := *h
	i := len(all) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !s.before(all[parent]) {
			break
		}
		all[i] = all[parent]
		i = parent
	}
	all[i] = s
}

// pop takes the first; there is one.
func (h *heap) pop() (first scheduled) {
	all := *h
	first, last := all[0], len(all)-1
	s := all[last]
	all[last] = scheduled{}
	*h = all[:last]
	if last > 0 {
		all[:last].sink(s)
	}
	return first
}

// sink puts s where the first was.
func (h heap) sink(s scheduled) {
	i, n := 0, len(h)
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		for other, end := child+1, min(child+4, n); other < end; other++ {
			if h[other].before(h[child]) {
				child = other
			}
		}
		if !h[child].before(s) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = s
}

// action is an event of the simulation's own.
type action func()

func (a action) happen() { a() }

// timer is what a node has put on its clock.
type timer struct {
	clock      *clock
	do         func() // nil once it has run, or was stopped
	prev, next *timer // of this clock, the oldest first
}

func (t *timer) happen() {
	if do := t.do; do != nil {
		t.clock.forget(t)
		do()
	}
}

// clock is a node's port to time and chance.
type clock struct {
	splitmix
	queue       *queue
	skew        time.Duration // how far it is off
	first, last *timer
}

func (c *clock) Now() time.Time { return epoch.Add(time.Duration(c.queue.now) + c.skew) }

func (c *clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	t := &timer{clock: c, do: f, prev: c.last}
	if c.last == nil {
		c.first = t
	} else {
		c.last.next = t
	}
	c.last = t
	c.queue.in(d, t)
	return func() bool {
		if t.do == nil {
			return false
		}
		c.forget(t)
		return true
	}
}

func (c *clock) forget(t *timer) {
	if t.prev == nil {
		c.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		c.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.do, t.prev, t.next = nil, nil, nil
}

// runOut has all that is still to come happen now. The node is closed, and only
// waits for it.
func (c *clock) runOut() {
	for c.first != nil {
		c.first.happen()
	}
}

// splitmix is a source of chance in eight bytes (Steele et al., 2014).
type splitmix struct{ state uint64 }

func (s *splitmix) Uint64() uint64 {
	s.state += 0x9e3779b97f4a7c15
	return mix(s.state)
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below draws from 0 to n-1; n up to 2^53 or so is fair enough.
func (s *splitmix) below(n int) int { return int(s.Uint64() % uint64(n)) }

// chance is true with the probability p.
func (s *splitmix) chance(p float64) bool {
	return p > 0 && float64(s.Uint64()>>11) < p*(1<<53)
}

// unit draws from [0, 1).
func (s *splitmix) unit() float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// part draws a part of d.
func (s *splitmix) part(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(s.Uint64() % uint64(d))
}
