package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
)

// Kept is a value that the node itself publishes and keeps alive. It is no
// entry: whether this node also holds one for the network is another matter.
type Kept struct {
	Key   kad.ID
	Value []byte
	TTL   time.Duration // the lifetime it is stored with
	Due   time.Time     // when to store it again
}

// Keep remembers k until Forget. The same value under the same key again
// changes its lifetime and when it is due.
func (s *SQLite) Keep(k Kept) error {
	if err := s.enter(); err != nil {
		return fmt.Errorf("store: keep %s: %w", k.Key, err)
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.keepNow(k); err != nil {
		return fmt.Errorf("store: keep %s: %w", k.Key, err)
	}
	return nil
}

// keepNow is Keep for who has the turn.
func (s *SQLite) keepNow(k Kept) error {
	hash := sha256.Sum256(k.Value)
	_, err := s.conn.ExecContext(context.Background(), `INSERT INTO kept (key, value_hash, ttl, due_at, value) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (key, value_hash) DO UPDATE SET ttl = excluded.ttl, due_at = excluded.due_at`,
		k.Key[:], hash[:], k.TTL.Milliseconds(), k.Due.UnixMilli(), append([]byte{}, k.Value...))
	return s.noticed(err)
}

// Postpone changes when k is due, if it is still kept.
func (s *SQLite) Postpone(k Kept) error {
	hash := sha256.Sum256(k.Value)
	_, err := s.exec(`UPDATE kept SET due_at = ? WHERE key = ? AND value_hash = ?`, k.Due.UnixMilli(), k.Key[:], hash[:])
	if err != nil {
		return fmt.Errorf("store: postpone %s: %w", k.Key, err)
	}
	return nil
}

// Forget undoes Keep; ok is false if there was nothing to undo.
func (s *SQLite) Forget(key kad.ID, value []byte) (ok bool, err error) {
	hash := sha256.Sum256(value)
	n, err := s.exec(`DELETE FROM kept WHERE key = ? AND value_hash = ?`, key[:], hash[:])
	if err != nil {
		return false, fmt.Errorf("store: forget %s: %w", key, err)
	}
	return n > 0, nil
}

// Due is up to limit of what is due at now, the longest due first.
func (s *SQLite) Due(now time.Time, limit int) ([]Kept, error) {
	due, err := s.due(now, limit)
	if err != nil {
		return nil, fmt.Errorf("store: what is due: %w", s.noticed(err))
	}
	return due, nil
}

func (s *SQLite) due(now time.Time, limit int) (due []Kept, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	rows, err := s.conn.QueryContext(context.Background(),
		`SELECT key, value, ttl, due_at FROM kept WHERE due_at <= ? ORDER BY due_at, id LIMIT ?`, now.UnixMilli(), max(limit, 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key, value []byte
		var ttl, at int64
		if err := rows.Scan(&key, &value, &ttl, &at); err != nil {
			return nil, err
		}
		k := Kept{Value: append([]byte{}, value...), TTL: time.Duration(ttl) * time.Millisecond, Due: time.UnixMilli(at)}
		copy(k.Key[:], key)
		due = append(due, k)
	}
	return due, rows.Err()
}

// exec runs one statement that changes what is seldom changed.
func (s *SQLite) exec(sql string, args ...any) (changed int64, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	result, err := s.conn.ExecContext(context.Background(), sql, args...)
	if err != nil {
		return 0, s.noticed(err)
	}
	return result.RowsAffected()
}

// Keep is SQLite.Keep.
func (m *Memory) Keep(k Kept) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("store: keep %s: %w", k.Key, ErrClosed)
	}
	k.TTL, k.Due = k.TTL.Truncate(time.Millisecond), time.UnixMilli(k.Due.UnixMilli())
	if i := m.keptAt(k.Key, k.Value); i >= 0 {
		m.kept[i].TTL, m.kept[i].Due = k.TTL, k.Due
		return nil
	}
	k.Value = append([]byte{}, k.Value...)
	m.kept = append(m.kept, k)
	return nil
}

// Postpone is SQLite.Postpone.
func (m *Memory) Postpone(k Kept) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("store: postpone %s: %w", k.Key, ErrClosed)
	}
	if i := m.keptAt(k.Key, k.Value); i >= 0 {
		m.kept[i].Due = time.UnixMilli(k.Due.UnixMilli())
	}
	return nil
}

// Forget is SQLite.Forget.
func (m *Memory) Forget(key kad.ID, value []byte) (ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, fmt.Errorf("store: forget %s: %w", key, ErrClosed)
	}
	i := m.keptAt(key, value)
	if i >= 0 {
		m.kept = slices.Delete(m.kept, i, i+1)
	}
	return i >= 0, nil
}

// Due is SQLite.Due.
func (m *Memory) Due(now time.Time, limit int) (due []Kept, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("store: what is due: %w", ErrClosed)
	}
	for _, k := range m.kept {
		if !k.Due.After(now) {
			k.Value = bytes.Clone(k.Value)
			due = append(due, k)
		}
	}
	slices.SortStableFunc(due, func(a, b Kept) int { return a.Due.Compare(b.Due) })
	return due[:min(len(due), max(limit, 0))], nil
}

func (m *Memory) keptAt(key kad.ID, value []byte) int {
	return slices.IndexFunc(m.kept, func(k Kept) bool { return k.Key == key && bytes.Equal(k.Value, value) })
}
