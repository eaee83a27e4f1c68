package store

import (
	"errors"
	"fmt"
	"time"
)

// Expire drops up to limit entries that are over at now, the soonest expired
// first, and returns how many: fewer than limit means that none is left. One
// call is one transaction; kad.ExpireSlice entries take about 10 ms. After the
// last one the store rests; where that fails, what was dropped is gone all the
// same.
func (s *SQLite) Expire(now time.Time, limit int) (dropped int, err error) {
	if err := s.enter(); err != nil {
		return 0, fmt.Errorf("store: expire: %w", s.noticed(err))
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	dropped, err = s.expire(now, max(limit, 0)) // below 0 SQLite has no limit
	if err != nil {
		return dropped, fmt.Errorf("store: expire: %w", s.noticed(err))
	}
	return dropped, nil
}

func (s *SQLite) expire(now time.Time, limit int) (dropped int, err error) {
	err = s.transact(func() (err error) {
		dropped, err = s.remove(&s.sweep, now.UnixMilli(), limit)
		return err
	})
	if err != nil {
		return 0, err // and all are back
	}
	if dropped == limit {
		return dropped, nil
	}
	return dropped, s.rest()
}

// rest closes the statements and empties the cache. What is in use comes back
// within a millisecond, what is not takes no memory until it is. The caller has
// the turn.
func (s *SQLite) rest() error { return errors.Join(s.statements.close(), s.shrink()) }
