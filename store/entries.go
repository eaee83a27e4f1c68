package store

import (
	"fmt"
	"math"
	"time"

	kad "github.com/khashmir/kad"
)

// Entries is one page of what is live under key, in the order it was first
// put: the entries after the cursor, at least one if there is any, then as
// many as fit into maxBytes, where each takes kad.EntryOverhead beside its
// value. next is the cursor of the page that follows, 0 after the last; the
// first page's is 0.
//
// A cursor is the position of the last entry seen. Whatever is under key
// throughout is returned exactly once, no matter what comes and goes between
// two pages.
func (s *SQLite) Entries(key kad.ID, after uint64, maxBytes int, now time.Time) (page []kad.Entry, next uint64, err error) {
	page, next, err = s.entries(key, after, maxBytes, now.UnixMilli())
	if err != nil {
		return nil, 0, fmt.Errorf("store: entries of %s: %w", key, err)
	}
	return page, next, nil
}

// A position is its row's id. SQLite gives a new row the highest id plus one,
// so ids of rows that are there together grow as they came. An id can come
// again only after its row and all later ones are gone: a cursor that points
// there skips nothing that was present throughout. AUTOINCREMENT would rule
// that out too, for one more write an entry.
func (s *SQLite) entries(key kad.ID, after uint64, maxBytes int, now int64) (page []kad.Entry, next uint64, err error) {
	if err := s.enter(); err != nil {
		return nil, 0, err
	}
	defer s.leave()
	if after > math.MaxInt64 {
		return nil, 0, nil // a stranger's number, past every position
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	rows, err := s.page.Queryx(key[:], int64(after), now)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for bytes := 0; rows.Next(); {
		var id, created, expires int64
		var value, publisher []byte
		if err := rows.Scan(&id, &value, &publisher, &created, &expires); err != nil {
			return nil, 0, err
		}
		bytes += len(value) + kad.EntryOverhead
		if len(page) > 0 && bytes > maxBytes {
			return page, after, nil
		}
		var by kad.PublicKey
		copy(by[:], publisher)
		page = append(page, entry(value, by, created, expires))
		after = uint64(id)
	}
	return page, 0, rows.Err()
}
