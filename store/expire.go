package store

import (
	"fmt"
	"time"
)

// Expire drops up to limit entries that are over at now, the soonest expired
// first, and returns how many: fewer than limit means that none is left. One
// call is one transaction; kad.ExpireSlice entries take about 10 ms.
func (s *SQLite) Expire(now time.Time, limit int) (dropped int, err error) {
	if err := s.enter(); err != nil {
		return 0, fmt.Errorf("store: expire: %w", s.noticed(err))
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	result, err := s.sweep.Exec(now.UnixMilli(), max(limit, 0)) // below 0 SQLite has no limit
	if err != nil {
		return 0, fmt.Errorf("store: expire: %w", s.noticed(err))
	}
	n, err := result.RowsAffected()
	return int(n), err
}
