package store

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
)

// The table taken says what each publisher's entries take, each network's and
// everybody's, so that a limit costs one look and not a count. What a
// transaction makes of it is tallied here and goes into the table with the
// commit, once for each name: a slice that is evicted is of few publishers, and a
// batch of puts counts once for everybody. Nothing may change entries but in a
// transaction, and not without a word to weigh.

// tally is what has come and gone in the transaction, by name: a publisher's, an
// origin's, and everybody's, which is the empty one.
type tally map[string]usage

func (u usage) plus(v usage) usage { return usage{u.Entries + v.Entries, u.Bytes + v.Bytes} }

// weigh tallies an entry of publisher from origin that came, went or changed.
func (s *SQLite) weigh(publisher, origin []byte, change usage) {
	if s.tally == nil {
		s.tally = make(tally)
	}
	s.tally[""] = s.tally[""].plus(change)
	for _, name := range [][]byte{publisher, origin} {
		if len(name) > 0 { // no origin is not limited
			s.tally[string(name)] = s.tally[string(name)].plus(change)
		}
	}
}

// settle brings the table up to the tally.
func (s *SQLite) settle() error {
	for _, name := range slices.Sorted(maps.Keys(s.tally)) {
		change := s.tally[name]
		if change == (usage{}) {
			continue
		}
		if err := s.count.exec([]byte(name), change.Entries, change.Bytes); err != nil {
			return err
		}
		if change.Entries < 0 && name != "" {
			if err := s.uncount.exec([]byte(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove runs a statement that deletes entries and returns publisher, origin and
// size of each. The caller is in a transaction.
func (s *SQLite) remove(by *statement, args ...any) (gone int, err error) {
	rows, err := by.query(args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); gone++ {
		var publisher, origin []byte
		var size int64
		if err := rows.Scan(&publisher, &origin, &size); err != nil {
			return gone, err
		}
		s.weigh(publisher, origin, usage{-1, -size})
	}
	return gone, rows.Err()
}

// Stats is how much the file holds.
func (s *SQLite) Stats() (Stats, error) {
	if err := s.enter(); err != nil {
		return Stats{}, fmt.Errorf("store: stats: %w", err)
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	stats := Stats{Damaged: s.damaged}
	err := s.conn.QueryRowxContext(context.Background(), "SELECT entries, bytes FROM taken WHERE name = x''").Scan(&stats.Entries, &stats.Bytes)
	if err != nil {
		return Stats{}, fmt.Errorf("store: stats: %w", s.noticed(err))
	}
	for _, name := range []string{s.path, s.path + "-wal"} {
		if info, err := os.Stat(name); err == nil { // never opened: see create
			stats.FileBytes += info.Size()
		}
	}
	return stats, nil
}
