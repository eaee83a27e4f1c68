package store

import (
	"crypto/sha256"
	"encoding/binary"
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
		return nil, 0, fmt.Errorf("store: entries of %s: %w", key, s.noticed(err))
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
	var damaged []int64
	defer func() { s.giveUp(damaged) }()
	rows, err := s.page.query(key[:], int64(after), now)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for bytes := 0; rows.Next(); {
		id, under, e, ok, err := scan(rows)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			damaged = append(damaged, id)
		}
		if !ok || under != key { // else the index is damaged
			continue
		}
		bytes += len(e.Value) + kad.EntryOverhead
		if len(page) > 0 && bytes > maxBytes {
			return page, after, nil
		}
		page = append(page, e)
		after = uint64(id)
	}
	return page, 0, rows.Err()
}

// scan reads a row; ok is false if it is not as it was written.
func scan(from scanner) (id int64, key kad.ID, e kad.Entry, ok bool, err error) {
	var created, expires, sum int64
	var rawKey, publisher, signature []byte
	err = from.Scan(&id, &rawKey, &e.Seq, &e.Removed, &publisher, &created, &expires, &signature, &sum, &e.Value)
	copy(key[:], rawKey)
	copy(e.Publisher[:], publisher)
	copy(e.Signature[:], signature)
	e.Created, e.TTL = between(created, expires)
	return id, key, e, sum == checksum(key, e, created, expires), err
}

// checksum is eight bytes of the SHA-256 of all that matters in a row. SQLite
// would not notice if the disk changed a value.
func checksum(key kad.ID, e kad.Entry, created, expires int64) int64 {
	h := sha256.New()
	var head [kad.IDSize + 3*8 + 1]byte
	copy(head[:], key[:])
	binary.BigEndian.PutUint64(head[kad.IDSize:], uint64(e.Seq))
	binary.BigEndian.PutUint64(head[kad.IDSize+8:], uint64(created))
	binary.BigEndian.PutUint64(head[kad.IDSize+16:], uint64(expires))
	if e.Removed {
		head[len(head)-1] = 1
	}
	h.Write(head[:])
	h.Write(e.Publisher[:])
	h.Write(e.Signature[:])
	h.Write(e.Value)
	return int64(binary.BigEndian.Uint64(h.Sum(nil)))
}

// giveUp deletes rows that the disk has changed. The caller has the turn.
func (s *SQLite) giveUp(damaged []int64) {
	for _, id := range damaged {
		s.damaged++
		s.noticed(s.transact(func() error { // else the row is as useless as before
			_, err := s.remove(&s.drop, id)
			return err
		}))
	}
}
