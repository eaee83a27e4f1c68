package store

import (
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
)

// Holding is what there is under one key, for people to look at.
type Holding struct {
	Key     kad.ID
	Entries int
	Bytes   int64     // of their values
	Oldest  time.Time // when the first of them was stored
	Soonest time.Time // when the first of them expires
	Latest  time.Time // when the last one does
}

// Holdings are those of the first limit keys from the given one on, in order,
// with live entries that were not removed.
func (s *SQLite) Holdings(from kad.ID, limit int, now time.Time) ([]Holding, error) {
	held, err := s.readHoldings(from, limit, now)
	if err != nil {
		return nil, fmt.Errorf("store: holdings: %w", s.noticed(err))
	}
	return held, nil
}

func (s *SQLite) readHoldings(from kad.ID, limit int, now time.Time) (held []Holding, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	rows, err := s.holdings.query(from[:], now.UnixMilli(), max(limit, 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key []byte
		var h Holding
		var oldest, soonest, latest int64
		if err := rows.Scan(&key, &h.Entries, &h.Bytes, &oldest, &soonest, &latest); err != nil {
			return nil, err
		}
		copy(h.Key[:], key)
		h.Oldest, h.Soonest, h.Latest = time.UnixMilli(oldest), time.UnixMilli(soonest), time.UnixMilli(latest)
		held = append(held, h)
	}
	return held, rows.Err()
}

// Holdings is SQLite.Holdings.
func (m *Memory) Holdings(from kad.ID, limit int, now time.Time) (held []Holding, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("store: holdings: %w", ErrClosed)
	}
	for r := range m.keys.from(from) {
		if r.expires <= now.UnixMilli() || r.removed {
			continue
		}
		if last := len(held) - 1; last < 0 || held[last].Key != r.key {
			if len(held) >= limit {
				break
			}
			held = append(held, Holding{Key: r.key})
		}
		held[len(held)-1].add(r)
	}
	return held, nil
}

func (h *Holding) add(r *record) {
	created, expires := time.UnixMilli(r.created), time.UnixMilli(r.expires)
	if h.Entries == 0 {
		h.Oldest, h.Soonest, h.Latest = created, expires, expires
	}
	h.Entries++
	h.Bytes += int64(len(r.value))
	h.Oldest = earlier(h.Oldest, created)
	h.Soonest = earlier(h.Soonest, expires)
	if expires.After(h.Latest) {
		h.Latest = expires
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
