package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/migrations"
	"github.com/khashmir/kad/store"
)

// Up to migration 5 SQLite counted by itself, with triggers.
func TestAnOldFileGoesOnCountingWhereItsTriggersEnded(t *testing.T) {
	// Given a file of the fifth schema with two entries of one publisher,
	path := filepath.Join(t.TempDir(), "node.db")
	db := rawOpen(t, path)
	old := fstest.MapFS{}
	files, err := fs.Glob(os.DirFS("../migrations"), "000[1-5]_*.sql")
	for _, name := range files {
		script, err := os.ReadFile(filepath.Join("../migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		old[name] = &fstest.MapFile{Data: script}
	}
	if err != nil || len(old) != 5 {
		t.Fatalf("%d files, %v", len(old), err)
	}
	if err := migrations.Run(t.Context(), db, old); err != nil {
		t.Fatal(err)
	}
	publisher := kad.PublicKey{1}
	for i := range 2 {
		_, err := db.Exec(`INSERT INTO entries (key, item, mark, seq, removed, publisher, origin, created_at, expires_at, signature, checksum, value)
			VALUES (?, ?, 0, 0, 0, ?, CAST('g1' AS BLOB), 0, ?, zeroblob(64), 0, CAST('four' AS BLOB))`, key[:], []byte{byte(i)}, publisher[:], at(10+i).UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// when it is opened now, then they count,
	s := openAt(t, path, store.Config{Limits: store.Limits{MaxPublisherEntries: 3}})
	put(t, s, key, value("five!", 1, 0, 60), 0)
	if stats, err := s.Stats(); err != nil || stats.Entries != 3 || stats.Bytes != 13 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if err := s.Put(key, value("six", 1, 0, 60), nowhere, at(0)); err == nil {
		t.Fatal("its publisher has three entries and got a fourth")
	}
	// and stop to count, once.
	for i, second := range []int{10, 11, 60} {
		left := 2 - i
		if n, err := s.Expire(at(second), 10); n != 1 || err != nil {
			t.Fatalf("at %d s it dropped %d, %v", second, n, err)
		}
		if stats, err := s.Stats(); err != nil || stats.Entries != left {
			t.Fatalf("at %d s: %+v, %v, want %d", second, stats, err, left)
		}
		if wrong := s.Miscounted(); len(wrong) > 0 {
			t.Fatalf("at %d s the usage of %s is not what the entries add up to", second, wrong)
		}
	}
}
