package sim

import "time"

// epoch is when every simulation begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// event is something that happens at a time.
type event interface{ happen() }

// queue is what will happen, in order of time and, at the same time, in the
// order in which it was put there. It is a heap with four children a node,
// which is faster than one with two: half as deep, and siblings lie together.
type queue struct {
	now    int64 // nanoseconds since epoch
	number uint64
	heap   []scheduled
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
	q.heap = append(q.heap, s)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !s.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = s
}

// next has the next event happen, unless that is after until.
func (q *queue) next(until int64) bool {
	if len(q.heap) == 0 || q.heap[0].at > until {
		return false
	}
	first := q.heap[0]
	last := len(q.heap) - 1
	s := q.heap[last]
	q.heap[last] = scheduled{}
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(s)
	}
	q.now = first.at
	first.event.happen()
	return true
}

// sink puts s where the first was.
func (q *queue) sink(s scheduled) {
	i, n := 0, len(q.heap)
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		for other, end := child+1, min(child+4, n); other < end; other++ {
			if q.heap[other].before(q.heap[child]) {
				child = other
			}
		}
		if !q.heap[child].before(s) {
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	q.heap[i] = s
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
