package store

import (
	"cmp"

	kad "github.com/khashmir/kad"
)

// A publisher's quota is what it is guaranteed. What it has beyond, up to
// MaxPublisherEntries and MaxPublisherBytes, is on loan: it stays as long as
// nobody needs the room. When the store is full and a publisher within its quota
// wants to put something, entries of those who have something on loan go: the
// key farthest from our own ID first, under one key the soonest to expire; a
// slice at a time, and never so many that their publisher falls below its quota.
// What a publisher has within its quota nobody can take.
//
// The next slice begins where the last one ended, and from the far end again when
// we have come to our own ID: what has come to the far end meanwhile is mostly
// what others were given the room for.

// candidate is an entry that may be evicted.
type candidate struct {
	id      int64 // its position
	key     kad.ID
	expires int64
}

// byEviction orders candidates, the first to go first.
func byEviction(self kad.ID) func(a, b candidate) int {
	return func(a, b candidate) int {
		return cmp.Or(-self.CompareDistance(a.key, b.key), cmp.Compare(a.expires, b.expires), cmp.Compare(a.id, b.id))
	}
}

// mayEvict: with a value of that size the publisher is still within its quota.
func (l Limits) mayEvict(u usage, size int) bool {
	return !l.above(usage{u.Entries + 1, u.Bytes + int64(size)})
}

// above reports whether a publisher that takes this much has something on loan.
// It may be above its quota by number or by bytes.
func (l Limits) above(u usage) bool { return u.Entries > l.QuotaEntries || u.Bytes > l.QuotaBytes }

// evict makes room for a put of a publisher that takes this much; evicted is
// how many entries went. The caller has the turn.
func (s *SQLite) evict(p *put, publisher usage) (evicted int, err error) {
	if !s.limits.mayEvict(publisher, len(p.entry.Value)) {
		return 0, nil
	}
	if s.futile > 0 {
		s.futile--
		return 0, nil
	}
	if err := s.knowSelf(); err != nil {
		return 0, err
	}
	e := &eviction{store: s}
	for {
		whole := s.nearest == theFarEnd
		if err := e.walk(); err != nil {
			return 0, err
		}
		switch {
		case e.over():
			if e.evicted == 0 {
				s.futile = futileFor
			}
			return e.evicted, nil
		case e.evicted > 0:
			s.nearest = theFarEnd
			return e.evicted, nil
		case whole:
			s.futile = futileFor
			return 0, nil
		}
		s.nearest = theFarEnd
	}
}

// knowSelf reads our own ID if nobody has. It never changes.
func (s *SQLite) knowSelf() error {
	if s.self != (kad.ID{}) {
		return nil
	}
	key, err := s.readIdentity()
	if key != nil {
		s.self = kad.PublicKeyOf(key).ID()
	}
	return err
}

// theFarEnd is the greatest distance there is.
var theFarEnd = kad.NewRange(kad.ID{}, 0).Last()

// futileFor is how many puts are refused at once after one for which nothing was
// found, unless somebody has borrowed meanwhile.
const futileFor = 4096
