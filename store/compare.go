package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
)

// Mark stands for one version of an entry, and says where it is.
type Mark struct {
	Key      kad.ID
	Position uint64
	Mark     uint64 // kad.Entry.Mark
}

// Digest is of all live entries under the keys of r, the removed ones too. ok
// is false if they are more than limit: then it is of nothing. It reads the
// index alone, limit rows of it at the most.
func (s *SQLite) Digest(r kad.Range, limit int, now time.Time) (d kad.Digest, ok bool, err error) {
	if err := s.enter(); err != nil {
		return d, false, fmt.Errorf("store: digest: %w", s.noticed(err))
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	last := r.Last()
	var low, high int64 // sums of 32-bit halves do not run over
	err = s.digest.first(r.Prefix[:], last[:], now.UnixMilli(), limit+1).Scan(&d.Count, &low, &high)
	if err != nil {
		return kad.Digest{}, false, fmt.Errorf("store: digest: %w", s.noticed(err))
	}
	if d.Count > limit {
		return kad.Digest{}, false, nil
	}
	d.Sum = uint64(low) + uint64(high)<<32
	return d, true, nil
}

// Marks are those of the entries that Digest is of, limit at the most, in the
// order of their keys.
func (s *SQLite) Marks(r kad.Range, limit int, now time.Time) ([]Mark, error) {
	marks, err := s.readMarks(r, limit, now)
	if err != nil {
		return nil, fmt.Errorf("store: marks: %w", s.noticed(err))
	}
	return marks, nil
}

func (s *SQLite) readMarks(r kad.Range, limit int, now time.Time) (marks []Mark, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	last := r.Last()
	rows, err := s.marks.query(r.Prefix[:], last[:], now.UnixMilli(), max(limit, 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key []byte
		var id, mark int64
		if err := rows.Scan(&key, &id, &mark); err != nil {
			return nil, err
		}
		m := Mark{Position: uint64(id), Mark: uint64(mark)}
		copy(m.Key[:], key)
		marks = append(marks, m)
	}
	return marks, rows.Err()
}

// Entry is what m is of, if that version is still there and live.
func (s *SQLite) Entry(m Mark, now time.Time) (e kad.Entry, ok bool, err error) {
	if err := s.enter(); err != nil {
		return e, false, fmt.Errorf("store: entry under %s: %w", m.Key, s.noticed(err))
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	id, key, e, whole, err := scan(s.one.first(int64(m.Position), now.UnixMilli()))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return kad.Entry{}, false, nil
	case err != nil:
		return kad.Entry{}, false, fmt.Errorf("store: entry under %s: %w", m.Key, s.noticed(err))
	case !whole:
		s.giveUp([]int64{id})
		return kad.Entry{}, false, nil
	case key != m.Key || e.Mark(key) != m.Mark:
		return kad.Entry{}, false, nil
	}
	return e, true, nil
}

// Drop lets go of the entries that the marks are of, unless another version
// has come meanwhile.
func (s *SQLite) Drop(marks []Mark) error {
	if err := s.enter(); err != nil {
		return fmt.Errorf("store: drop: %w", s.noticed(err))
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	err := s.transact(func() error {
		for _, m := range marks {
			if _, err := s.remove(&s.letGo, int64(m.Position), m.Key[:], int64(m.Mark)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: drop: %w", s.noticed(err))
	}
	return nil
}

// Drop is SQLite.Drop.
func (m *Memory) Drop(marks []Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("store: drop: %w", ErrClosed)
	}
	for _, mark := range marks {
		if r := m.keys.marked(mark); r != nil {
			m.drop(r)
		}
	}
	return nil
}

// Digest is SQLite.Digest.
func (m *Memory) Digest(r kad.Range, limit int, now time.Time) (d kad.Digest, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return d, false, fmt.Errorf("store: digest: %w", ErrClosed)
	}
	moment := now.UnixMilli()
	for p := range m.keys.within(r) {
		if p.expires <= moment {
			continue
		}
		if d.Add(p.mark); d.Count > limit {
			return kad.Digest{}, false, nil
		}
	}
	return d, d.Count <= limit, nil
}

// Marks is SQLite.Marks.
func (m *Memory) Marks(r kad.Range, limit int, now time.Time) (marks []Mark, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("store: marks: %w", ErrClosed)
	}
	moment := now.UnixMilli()
	for p := range m.keys.within(r) {
		if len(marks) >= limit {
			break
		}
		if p.expires > moment {
			marks = append(marks, Mark{p.key, p.position, p.mark})
		}
	}
	return marks, nil
}

// Entry is SQLite.Entry.
func (m *Memory) Entry(mark Mark, now time.Time) (e kad.Entry, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return e, false, fmt.Errorf("store: entry under %s: %w", mark.Key, ErrClosed)
	}
	r := m.keys.marked(mark)
	if r == nil || r.expires <= now.UnixMilli() {
		return e, false, nil
	}
	e = r.entry()
	e.Value = bytes.Clone(e.Value)
	return e, true, nil
}
