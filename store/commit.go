package store

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
)

// maxBatch is how many puts share one commit: about 5 ms of work, for which a
// reader may have to wait.
const maxBatch = 256

// Put keeps e under key, and returns once it is committed: a kill of the
// process cannot lose it any more. Concurrent puts share a commit.
//
// The same publisher's same value under the same key is a version of the same
// entry: the one with the highest Seq stays, in the entry's place; one that
// comes later with a lower Seq, or with the same, changes nothing. One whose
// lifetime is over was never there. ErrFull, ErrQuota, ErrExpired, ErrSuperseded
// and ErrClosed say that nothing was kept.
//
// group is the network that gave it to us, see Limits; the zero one is not
// counted.
func (s *SQLite) Put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error {
	if err := s.put(key, e, group, now); err != nil {
		return fmt.Errorf("store: put %s: %w", key, err)
	}
	return nil
}

func (s *SQLite) put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	p := &put{key: key, item: itemOf(e), entry: e, origin: originOf(group), now: now.UnixMilli()}
	p.created, p.expires = lifetime(e)
	if p.expires <= p.now {
		return ErrExpired
	}
	if s.puts.join(p) {
		s.lead()
	}
	return p.err
}

// lead commits one batch, the leader's own put among it, and hands the lead to
// a put that came meanwhile. So nobody works for others for longer than one
// batch, and no goroutine has to stand by.
func (s *SQLite) lead() {
	s.turn.Lock()
	batch := s.puts.take()
	err := s.noticed(s.transact(func() error { return s.keepAll(batch) }))
	s.turn.Unlock()
	if err != nil { // nothing of it is on the disk
		for _, p := range batch {
			p.err = err
		}
	}
	s.puts.finish(batch)
}

// keepAll applies the puts one by one. A put that is refused has changed
// nothing and does not disturb the others; any other error is the batch's.
func (s *SQLite) keepAll(batch []*put) error {
	for _, p := range batch {
		p.err = s.keep(p)
		if p.err != nil && !errors.Is(p.err, ErrFull) && !errors.Is(p.err, ErrQuota) && !errors.Is(p.err, ErrSuperseded) {
			return p.err
		}
	}
	return nil
}

func (s *SQLite) keep(p *put) error {
	now, err := s.lookAround(p)
	if err != nil {
		return err
	}
	if now.id != 0 && now.expires > p.now {
		take, err := newer(p.entry, now.seq, now.removed)
		if !take || err != nil {
			return err
		}
		return s.supersede(p, now.id, now.removed)
	}
	if now.id != 0 { // the same entry, and its lifetime is over
		if _, err := s.remove(&s.drop, now.id); err != nil {
			return err
		}
		if now, err = s.lookAround(p); err != nil {
			return err
		}
	}
	if now.rows >= s.limits.MaxEntriesPerKey {
		if err := s.makeRoom(p); err != nil {
			return err
		}
		if now, err = s.lookAround(p); err != nil {
			return err
		}
	}
	if err := s.fits(p, now); err != nil {
		return err
	}
	e := &p.entry
	err = s.insert.exec(p.key[:], p.item[:], int64(e.Mark(p.key)), e.Seq, e.Removed, e.Publisher[:], p.origin,
		p.created, p.expires, e.Signature[:], p.checksum(), p.value())
	s.weigh(e.Publisher[:], p.origin, usage{1, int64(len(e.Value))})
	return err
}

// around is what a put finds: a version of its entry or, without an id, none. Only
// then the rest is looked at.
type around struct {
	id, expires, seq int64
	removed          bool

	rows                  int // under the key, the expired ones too
	publisher, group, all usage
}

func (s *SQLite) lookAround(p *put) (now around, err error) {
	err = s.look.first(p.key[:], p.key[:], p.item[:], p.entry.Publisher[:], nameOf(p.origin)).Scan(
		&now.id, &now.expires, &now.seq, &now.removed, &now.rows, &now.publisher.Entries, &now.publisher.Bytes,
		&now.group.Entries, &now.group.Bytes, &now.all.Entries, &now.all.Bytes)
	now.publisher = now.publisher.plus(s.tally[string(p.entry.Publisher[:])])
	now.all = now.all.plus(s.tally[""])
	if len(p.origin) > 0 {
		now.group = now.group.plus(s.tally[string(p.origin)])
	}
	return now, err
}

// supersede puts p in the place of an older version of the same entry.
func (s *SQLite) supersede(p *put, id int64, removed bool) error {
	e := &p.entry
	mark := int64(e.Mark(p.key))
	if e.Removed == removed {
		err := s.renew.exec(mark, e.Seq, p.created, p.expires, e.Signature[:], p.checksum(), id)
		return err
	}
	var origin []byte
	var size int64
	if err := s.weight.first(id).Scan(&origin, &size); err != nil {
		return err
	}
	err := s.replace.exec(mark, e.Seq, p.created, p.expires, e.Signature[:], p.checksum(), e.Removed, p.value(), id)
	s.weigh(e.Publisher[:], origin, usage{0, int64(len(e.Value)) - size})
	return err
}

func (p *put) checksum() int64 { return checksum(p.key, p.entry, p.created, p.expires) }

// value is never nil, which would be NULL.
func (p *put) value() []byte { return append([]byte{}, p.entry.Value...) }

// makeRoom keeps a key at MaxEntriesPerKey rows, so that everything that walks
// a key's rows is bounded even between two sweeps: where live entries leave a
// place, the expired ones go.
func (s *SQLite) makeRoom(p *put) error {
	var live int
	if err := s.live.first(p.key[:], p.now).Scan(&live); err != nil {
		return err
	}
	if live >= s.limits.MaxEntriesPerKey {
		return fmt.Errorf("the key has %d entries: %w", live, ErrFull)
	}
	_, err := s.remove(&s.clear, p.key[:], p.now)
	return err
}

// put is one Put on its way.
type put struct {
	key                   kad.ID
	item                  [16]byte
	entry                 kad.Entry
	origin                []byte
	created, expires, now int64
	err                   error     // the outcome, once the batch is finished
	wake                  chan bool // true: lead; false: your outcome is there
}

// queue is the puts that wait for the next commit, and whether somebody leads.
type queue struct {
	mu      sync.Mutex
	waiting []*put
	led     bool
}

// join queues p and reports whether its caller must lead; where somebody else
// does, it waits until p is finished or the lead comes to it.
func (q *queue) join(p *put) (lead bool) {
	q.mu.Lock()
	q.waiting = append(q.waiting, p)
	if !q.led {
		q.led = true
		q.mu.Unlock()
		return true
	}
	p.wake = make(chan bool, 1)
	q.mu.Unlock()
	return <-p.wake
}

// take removes the next batch. The leader's own put is the oldest that waits.
func (q *queue) take() []*put {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), maxBatch)
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	return batch
}

// finish hands the lead to the oldest put that came meanwhile, then wakes the
// batch behind its leader.
func (q *queue) finish(batch []*put) {
	q.mu.Lock()
	if len(q.waiting) > 0 {
		q.waiting[0].wake <- true
	} else {
		q.led = false
	}
	q.mu.Unlock()
	for _, p := range batch[1:] {
		p.wake <- false
	}
}
