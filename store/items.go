package store

import (
	"context"
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
)

// Item is an item of BEP 44 as package mainline was given it. It is no entry:
// it has one place under its target, and whoever reads it back has to see
// whether it proves itself.
type Item struct {
	Target    kad.ID
	Key       []byte // of a mutable item
	Salt      []byte
	Seq       int64
	Signature []byte
	Value     []byte
	Expires   time.Time
}

// SaveItems keeps items, in one transaction; each takes the place of what was
// under its target.
func (s *SQLite) SaveItems(items []Item) error {
	if err := s.enter(); err != nil {
		return fmt.Errorf("store: save items: %w", err)
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.transact(func() error { return s.saveItems(items) }); err != nil {
		return fmt.Errorf("store: save items: %w", s.noticed(err))
	}
	return nil
}

func (s *SQLite) saveItems(items []Item) error {
	insert, err := s.conn.PreparexContext(context.Background(), `INSERT INTO items (target, public_key, salt, seq, signature, expires_at, value)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (target) DO UPDATE SET public_key = excluded.public_key, salt = excluded.salt,
		seq = excluded.seq, signature = excluded.signature, expires_at = excluded.expires_at, value = excluded.value`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for i := range items {
		item := &items[i]
		_, err := insert.Exec(item.Target[:], blob(item.Key), blob(item.Salt), item.Seq, blob(item.Signature),
			item.Expires.UnixMilli(), blob(item.Value))
		if err != nil {
			return err
		}
	}
	return nil
}

// blob is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Items is what of the items lives at now, the one that ends first in front.
func (s *SQLite) Items(now time.Time) ([]Item, error) {
	items, err := s.items(now)
	if err != nil {
		return items, fmt.Errorf("store: items: %w", s.noticed(err))
	}
	return items, nil
}

func (s *SQLite) items(now time.Time) (items []Item, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	rows, err := s.conn.QueryxContext(context.Background(), `SELECT target, public_key, salt, seq, signature, expires_at, value
		FROM items WHERE expires_at > ? ORDER BY expires_at, id`, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var item Item
		var target []byte
		var expires int64
		if err := rows.Scan(&target, &item.Key, &item.Salt, &item.Seq, &item.Signature, &expires, &item.Value); err != nil {
			return items, err
		}
		if len(target) == kad.IDSize {
			item.Target, item.Expires = kad.ID(target), time.UnixMilli(expires)
			items = append(items, item)
		}
	}
	return items, rows.Err()
}

// DropItems deletes items that have ended, up to limit of them, and says how
// many.
func (s *SQLite) DropItems(now time.Time, limit int) (dropped int, err error) {
	n, err := s.exec(`DELETE FROM items WHERE id IN (SELECT id FROM items WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?)`,
		now.UnixMilli(), max(limit, 0))
	if err != nil {
		return 0, fmt.Errorf("store: drop items: %w", err)
	}
	return int(n), nil
}
