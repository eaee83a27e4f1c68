package floors

import (
	"crypto/ed25519"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// grouped is how many callers put at once, and how many rows a bare
// transaction has beside them.
const grouped = 64

// puts are of 100 bytes under keys of their own.
func puts(dir string) ([]pair, error) {
	kept, err := store.Open(filepath.Join(dir, "ours.db"), store.Config{})
	if err != nil {
		return nil, err
	}
	if err := kept.SetIdentity(identity(1)); err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	memory := store.NewMemory(store.Config{})
	bare, err := openBare(filepath.Join(dir, "bare.db"))
	if err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	return []pair{
		{"put", []task{{"put, 1 caller", put(kept, 1)}, {"bare SQLite, a transaction each", bare.insert(1)}}, nothing},
		{"put", []task{
			{fmt.Sprintf("put, %d callers", grouped), put(kept, grouped)},
			{fmt.Sprintf("bare SQLite, %d in a transaction", grouped), bare.insert(grouped)},
			{fmt.Sprintf("put in memory, %d callers", grouped), put(memory, grouped)},
		}, func() error { return errors.Join(kept.Close(), memory.Close(), bare.db.Close()) }},
	}, nil
}

type putter interface {
	Put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error
}

func put(s putter, callers int) func(count int) error {
	var number atomic.Uint64
	publisher := kad.PublicKey(identity(9).Public().(ed25519.PublicKey))
	return func(count int) error {
		return share(callers, count, func() error {
			value := binary.BigEndian.AppendUint64(make([]byte, 92, 100), number.Add(1))
			now := time.Now()
			return s.Put(kad.HashID(value), kad.Entry{
				Value: value, Publisher: publisher, Created: now, TTL: time.Hour, Seq: 1,
				Signature: kad.Signature(make([]byte, len(kad.Signature{}))),
			}, netip.Prefix{}, now)
		})
	}
}

// share has callers do something count times in all.
func share(callers, count int, do func() error) error {
	var next atomic.Int64
	var working sync.WaitGroup
	var failed atomic.Pointer[error]
	for range callers {
		working.Go(func() {
			for next.Add(1) <= int64(count) {
				if err := do(); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	working.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// bare is SQLite with the least that could hold such an entry.
type bare struct {
	db     *sql.DB
	number uint64
}

func openBare(path string) (*bare, error) {
	db, err := sql.Open("sqlite", path+"?_journal_mode=WAL&_synchronous=NORMAL")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
		CREATE TABLE entries (key BLOB, publisher BLOB, value BLOB, created INTEGER, expires INTEGER, seq INTEGER, signature BLOB);
		CREATE UNIQUE INDEX entries_key ON entries (key)`)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &bare{db: db}, nil
}

func (b *bare) insert(together int) func(count int) error {
	return func(count int) error {
		insert, err := b.db.Prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for done := 0; done < count; done += together {
			if err := b.transaction(insert, min(together, count-done)); err != nil {
				return err
			}
		}
		return nil
	}
}

func (b *bare) transaction(insert *sql.Stmt, rows int) error {
	tx, err := b.db.Begin()
	if err != nil {
		return err
	}
	inTx := tx.Stmt(insert)
	for range rows {
		b.number++
		value := binary.BigEndian.AppendUint64(make([]byte, 92, 100), b.number)
		key := kad.HashID(value)
		if _, err := inTx.Exec(key[:], value[:32], value, 1, 2, 3, value[:64]); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
