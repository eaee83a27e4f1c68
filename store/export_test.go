package store

import (
	"context"

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
