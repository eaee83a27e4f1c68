package transport

import (
	"container/list"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// roundTrips remembers how long contacts took to answer, for as many as it
// has room for, and derives how long to wait for them next time.
type roundTrips struct {
	limit int

	mu     sync.Mutex
	byID   map[kad.ID]*list.Element // of *roundTrip
	recent *list.List               // the one used last in front
}

// roundTrip is RFC 6298's estimate for one contact.
type roundTrip struct {
	id        kad.ID
	mean      time.Duration
	deviation time.Duration
	backoff   uint // doublings since the last answer
}

func newRoundTrips(limit int) *roundTrips {
	return &roundTrips{limit: limit, byID: make(map[kad.ID]*list.Element), recent: list.New()}
}

// timeout is how long to wait for the contact's answer. A store_value's comes
// after a commit to disk, of which the other answers teach nothing.
func (r *roundTrips) timeout(id kad.ID, method krpc.Method) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	timeout := kad.FirstTimeout
	if e, ok := r.byID[id]; ok {
		timeout = e.Value.(*roundTrip).timeout()
	}
	if method == krpc.StoreValue {
		timeout = max(timeout, kad.FirstTimeout)
	}
	return timeout
}

// again is how long after a datagram to send it once more.
func (r *roundTrips) again(id kad.ID) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.byID[id]
	if !ok || e.Value.(*roundTrip).mean == 0 {
		return kad.FirstResend
	}
	t := e.Value.(*roundTrip)
	return max(t.mean+4*t.deviation, kad.MinResend)
}

func (t *roundTrip) timeout() time.Duration {
	timeout := kad.FirstTimeout
	if t.mean > 0 {
		timeout = max(t.mean+4*t.deviation, kad.MinTimeout)
	}
	return min(timeout<<t.backoff, kad.MaxTimeout)
}

// answered counts an answer that took d.
func (r *roundTrips) answered(id kad.ID, method krpc.Method, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.touch(id)
	t.backoff = 0
	switch {
	case method == krpc.StoreValue:
	case t.mean == 0:
		t.mean, t.deviation = max(d, 1), d/2
	default: // RFC 6298, section 2.3: beta 1/4, alpha 1/8
		t.deviation += ((t.mean - d).Abs() - t.deviation) / 4
		t.mean = max(t.mean+(d-t.mean)/8, 1)
	}
}

// silent counts a time-out: the next wait is twice as long (RFC 6298, 5.5),
// else a contact that became slow would be given up for ever.
func (r *roundTrips) silent(id kad.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.touch(id); t.timeout() < kad.MaxTimeout {
		t.backoff++
	}
}

func (r *roundTrips) touch(id kad.ID) *roundTrip {
	if e, ok := r.byID[id]; ok {
		r.recent.MoveToFront(e)
		return e.Value.(*roundTrip)
	}
	if len(r.byID) >= r.limit {
		oldest := r.recent.Back()
		delete(r.byID, r.recent.Remove(oldest).(*roundTrip).id)
	}
	t := &roundTrip{id: id}
	r.byID[id] = r.recent.PushFront(t)
	return t
}
