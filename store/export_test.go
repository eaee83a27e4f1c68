package store

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// Pragma reads a setting of the store's own connection: no other can look,
// the file is this one's alone.
func (s *SQLite) Pragma(name string) (value string) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.conn.GetContext(context.Background(), &value, "PRAGMA "+name); err != nil {
		return err.Error()
	}
	return value
}

// Break makes every write fail as a full disk would; Mend ends it.
func (s *SQLite) Break() { s.Pragma("query_only = 1") }
func (s *SQLite) Mend()  { s.Pragma("query_only = 0") }

// Hold keeps the connection to itself until release is called, so that puts
// queue up; Waiting is how many do.
func (s *SQLite) Hold() (release func()) { s.turn.Lock(); return s.turn.Unlock }

func (s *SQLite) Waiting() int {
	s.puts.mu.Lock()
	defer s.puts.mu.Unlock()
	return len(s.puts.waiting)
}

// Takes is how many bytes the prepared statements and the cached pages are.
func (s *SQLite) Takes() (statements, pages int) {
	s.turn.Lock()
	defer s.turn.Unlock()
	err := s.conn.Raw(func(conn any) (err error) {
		status := conn.(sqlite.DBStatus)
		if statements, _, err = status.Status(sqlite.DBStatusStmtUsed, false); err == nil {
			pages, _, err = status.Status(sqlite.DBStatusCacheUsed, false)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	return statements, pages
}

// Pages is how many pages have been written to the log so far, and how many were
// read because the cache did not have them.
func (s *SQLite) Pages() (written, read int) {
	s.turn.Lock()
	defer s.turn.Unlock()
	err := s.conn.Raw(func(conn any) (err error) {
		status := conn.(sqlite.DBStatus)
		if written, _, err = status.Status(sqlite.DBStatusCacheWrite, false); err == nil {
			read, _, err = status.Status(sqlite.DBStatusCacheMiss, false)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	return written, read
}

// Miscounted is whose usage is not what the entries add up to.
func (s *SQLite) Miscounted() (names []string) {
	s.turn.Lock()
	defer s.turn.Unlock()
	err := s.conn.SelectContext(context.Background(), &names, `
		WITH counted AS (
			SELECT publisher AS name, COUNT(*) AS entries, SUM(length(value)) AS bytes FROM entries GROUP BY publisher
			UNION ALL SELECT origin, COUNT(*), SUM(length(value)) FROM entries WHERE origin <> x'' GROUP BY origin
			UNION ALL SELECT x'', COUNT(*), COALESCE(SUM(length(value)), 0) FROM entries)
		SELECT hex(name) FROM (SELECT * FROM counted EXCEPT SELECT * FROM taken)
		UNION SELECT hex(name) FROM (SELECT * FROM taken EXCEPT SELECT * FROM counted)`)
	if err != nil {
		panic(err)
	}
	return names
}

// Places is how many records a Memory has under its keys, and how many it knows
// the order of.
func (m *Memory) Places() (held, ordered int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys.order != nil {
		ordered = m.keys.order.Len()
	}
	for _, records := range m.keys.under {
		held += len(records)
	}
	return held, ordered
}

// Restless makes every rest fail until calm is called.
func (s *SQLite) Restless() (calm func()) {
	other, err := sqlx.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	closed, err := other.Connx(context.Background())
	if err := errors.Join(err, closed.Close(), other.Close()); err != nil {
		panic(err)
	}
	whole := s.conn
	s.conn = closed
	return func() { s.conn = whole }
}
