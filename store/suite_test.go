package store_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// subject is what the twins have in common.
type subject interface {
	Put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error
	Entries(key kad.ID, after uint64, maxBytes int, now time.Time) ([]kad.Entry, uint64, error)
	Digest(r kad.Range, limit int, now time.Time) (kad.Digest, bool, error)
	Marks(r kad.Range, limit int, now time.Time) ([]store.Mark, error)
	Entry(m store.Mark, now time.Time) (kad.Entry, bool, error)
	Drop(marks []store.Mark) error
	Holdings(from kad.ID, limit int, now time.Time) ([]store.Holding, error)
	Expire(now time.Time, limit int) (int, error)
	Identity() (ed25519.PrivateKey, bool, error)
	SetIdentity(ed25519.PrivateKey) error
	SaveContacts([]kad.Contact) error
	Contacts() ([]kad.Contact, error)
	Keep(k store.Kept) error
	Postpone(k store.Kept) error
	Forget(key kad.ID, value []byte) (bool, error)
	Due(now time.Time, limit int) ([]store.Kept, error)
	Stats() (store.Stats, error)
	Close() error
}

// eachTwin runs a test over both, each fresh.
func eachTwin(t *testing.T, config store.Config, test func(t *testing.T, s subject)) {
	t.Run("sqlite", func(t *testing.T) {
		s := openAt(t, filepath.Join(t.TempDir(), "node.db"), config)
		test(t, s)
	})
	t.Run("memory", func(t *testing.T) {
		test(t, store.NewMemory(config))
	})
}

func openAt(t *testing.T, path string, config store.Config) *store.SQLite {
	t.Helper()
	s, err := store.Open(path, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The virtual clock of the tests starts here; at(3) is three seconds later.
var start = time.UnixMilli(1_700_000_000_000)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// nowhere is no group.
var nowhere netip.Prefix

// value is an entry that is stored at a second and lives for some.
func value(v string, by byte, created, lives int) kad.Entry {
	return kad.Entry{
		Value: []byte(v), Publisher: kad.PublicKey{by}, Created: at(created), TTL: time.Duration(lives) * time.Second,
		Seq: at(created).UnixMilli(), Signature: kad.Signature{by},
	}
}

func put(t *testing.T, s subject, key kad.ID, e kad.Entry, now int) {
	t.Helper()
	if err := s.Put(key, e, nowhere, at(now)); err != nil {
		t.Fatal(err)
	}
}

// all pages through everything under key, a few bytes at a time.
func all(t *testing.T, s subject, key kad.ID, now int) (entries []kad.Entry) {
	t.Helper()
	for cursor := uint64(0); ; {
		page, next, err := s.Entries(key, cursor, 100, at(now))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, page...)
		if next == 0 {
			return entries
		}
		cursor = next
	}
}

// want compares what is live under key with entries, in order and in full.
func want(t *testing.T, s subject, key kad.ID, now int, entries ...kad.Entry) {
	t.Helper()
	got := all(t, s, key, now)
	if !slices.EqualFunc(got, entries, same) {
		t.Fatalf("at %d s: got\n%s\nwant\n%s", now, show(got), show(entries))
	}
}

func same(a, b kad.Entry) bool {
	return bytes.Equal(a.Value, b.Value) && a.Publisher == b.Publisher && a.Created.Equal(b.Created) && a.TTL == b.TTL &&
		a.Seq == b.Seq && a.Removed == b.Removed && a.Signature == b.Signature
}

func show(entries []kad.Entry) (lines string) {
	for _, e := range entries {
		lines += fmt.Sprintf("  %.40q by %x at %v for %v\n", e.Value, e.Publisher[:1], e.Created.Sub(start), e.TTL)
	}
	return lines
}
