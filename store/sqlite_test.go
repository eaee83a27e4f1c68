package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/migrations"
	"github.com/khashmir/kad/store"
)

// The fault: the node id was never read back after a restart.
func TestAReopenedStoreHasItsIdentityItsEntriesAndItsContacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	for _, v := range []string{"a", "b", "c"} {
		put(t, s, key, value(v, v[0], 0, 60), 0)
	}
	put(t, s, key, value("a", 'a', 5, 60), 5)
	save(t, s, contacts())
	if err := errors.Join(s.SetIdentity(nodeKey(1)), s.Close()); err != nil {
		t.Fatal(err)
	}

	s = openAt(t, path, store.Config{})
	want(t, s, key, 5, value("a", 'a', 5, 60), value("b", 'b', 0, 60), value("c", 'c', 0, 60))
	wantContacts(t, s, contacts())
	if key, ok, err := s.Identity(); !key.Equal(nodeKey(1)) || !ok || err != nil {
		t.Fatalf("identity %x, %v, %v", key, ok, err)
	}
	if err := s.SetIdentity(nodeKey(2)); !errors.Is(err, store.ErrHasIdentity) {
		t.Fatalf("a second identity after a restart: %v", err)
	}
}

// A misspelt parameter is silently ignored on the way to SQLite: look at what
// the connection really runs with.
func TestTheConnectionRunsWithTheSettingsWeAskedFor(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{})
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "1", "locking_mode": "exclusive", "cache_size": "-256", "user_version": "7",
	} {
		if got := s.Pragma(pragma); got != want {
			t.Errorf("PRAGMA %s = %q, want %q", pragma, got, want)
		}
	}
	safe := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{PowerSafe: true})
	if got := safe.Pragma("synchronous"); got != "2" {
		t.Errorf("PRAGMA synchronous = %q, want 2: an fsync a commit", got)
	}
}

func TestTheFileIsItsOwnersAloneAndCloseLeavesNoLogBeside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "odd?name=%41#&.db") // stays a path, whatever a URI makes of it
	s := openAt(t, path, store.Config{})
	put(t, s, key, value("v", 1, 0, 60), 0)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 { // the file and its log
		t.Fatalf("files %v, %v", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", e.Name(), info.Mode(), err)
		}
	}
	if stats, err := s.Stats(); err != nil || stats.FileBytes < 4096 {
		t.Errorf("stats %+v, %v: no file?", stats, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Fatalf("after Close: %v, want only the file", entries)
	}
}

func TestASecondOpenerIsToldThatTheStoreIsInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	if _, err := store.Open(path, store.Config{}); !errors.Is(err, store.ErrInUse) {
		t.Fatalf("second opener: %v, want ErrInUse", err)
	}
	put(t, s, key, value("v", 1, 0, 60), 0) // the first one is not disturbed
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, openAt(t, path, store.Config{}), key, 0, value("v", 1, 0, 60))
}

func TestOpenSaysClearlyWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("garbage!"), 1024), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	raw(t, newer, "PRAGMA user_version = 99")
	for _, c := range []struct {
		path  string
		says  string
		cause error
	}{
		{garbage, "not a database", nil},
		{newer, "newer than this program", migrations.ErrNewer},
		{filepath.Join(dir, "missing", "node.db"), "its directory", fs.ErrNotExist},
		{dir, "it is a directory", nil},
		{filepath.Join(garbage, "node.db"), "not a directory", nil},
	} {
		_, err := store.Open(c.path, store.Config{})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.path) ||
			(c.cause != nil && !errors.Is(err, c.cause)) {
			t.Errorf("Open(%s): %v, want %q (%v)", c.path, err, c.says, c.cause)
		}
	}
	if after, _ := os.ReadFile(garbage); !bytes.Equal(after, bytes.Repeat([]byte("garbage!"), 1024)) {
		t.Error("the file that is not ours was changed")
	}
	raw(t, newer, "PRAGMA user_version = 0") // a refused Open let go of the file
	openAt(t, newer, store.Config{})
}

func TestDamagedContactsAreLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	good := contacts()
	save(t, s, append(good, good...))
	s.Close()
	raw(t, path, "UPDATE contacts SET public_key = x'0102' WHERE position = 5")
	raw(t, path, "UPDATE contacts SET v6 = 'nonsense' WHERE position = 6")
	raw(t, path, "UPDATE contacts SET v6 = '[::]:0' WHERE position = 7") // it has an IPv4 address too
	raw(t, path, "UPDATE contacts SET v4 = '192.0.2.1:99999999' WHERE position = 8")

	s = openAt(t, path, store.Config{})
	wantContacts(t, s, append(good, kad.NewContact(good[2].Key, good[2].V4)))
}

func TestADamagedContactsTableCostsOnlyTheContacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	put(t, s, key, value("v", 1, 0, 60), 0)
	save(t, s, contacts())
	if err := errors.Join(s.SetIdentity(nodeKey(1)), s.Close()); err != nil {
		t.Fatal(err)
	}
	scribble(t, path, "contacts")

	s = openAt(t, path, store.Config{})
	if got, err := s.Contacts(); len(got) > 0 || err != nil {
		t.Errorf("contacts %v, %v, want none, and another file", got, err)
	}
	want(t, s, key, 0, value("v", 1, 0, 60))
	put(t, s, key, value("w", 1, 0, 60), 0)
	want(t, s, key, 0, value("v", 1, 0, 60), value("w", 1, 0, 60))
	if key, ok, err := s.Identity(); !key.Equal(nodeKey(1)) || !ok || err != nil {
		t.Fatalf("identity %x, %v, %v", key, ok, err)
	}
}

// A node that cannot start is no better than a new one: it gets a new
// identity, is told so, and the old file is kept.
func TestADamagedIdentityIsGoneAndTheRestStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	put(t, s, key, value("v", 1, 0, 60), 0)
	if err := errors.Join(s.SetIdentity(nodeKey(1)), s.Close()); err != nil {
		t.Fatal(err)
	}
	raw(t, path, "UPDATE identity SET seed = x'01'")
	var said string
	s = openAt(t, path, store.Config{Warn: func(message string, err error) { said += message }})
	if key, ok, err := s.Identity(); key != nil || ok || err != nil {
		t.Errorf("identity %x, %v, %v, want none", key, ok, err)
	}
	if !strings.Contains(said, "NO identity") {
		t.Errorf("warned %q", said)
	}
	if err := s.SetIdentity(nodeKey(2)); err != nil {
		t.Error(err)
	}
	want(t, s, key, 0, value("v", 1, 0, 60))
}

func TestAFailedCommitIsReportedAndLeavesTheStoreUsable(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{})
	s.Break()
	if err := s.Put(key, value("v", 1, 0, 60), nowhere, start); err == nil || !strings.Contains(err.Error(), key.String()) {
		t.Errorf("put on a broken disk: %v, want an error that names the key", err)
	}
	if s.SaveContacts(contacts()) == nil {
		t.Error("contacts were saved on a broken disk")
	}
	want(t, s, key, 0)
	s.Mend()
	put(t, s, key, value("v", 1, 0, 60), 0)
	want(t, s, key, 0, value("v", 1, 0, 60))
}

// scribble overwrites the first page of a table.
func scribble(t *testing.T, path, table string) {
	t.Helper()
	var page, size int64
	db := rawOpen(t, path)
	err := db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = ?", table).Scan(&page)
	if err := errors.Join(err, db.QueryRow("PRAGMA page_size").Scan(&size), db.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(slices.Repeat([]byte{0xff}, int(size)), (page-1)*size)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// raw does what no store would to a file that none has open.
func raw(t *testing.T, path, statement string) {
	t.Helper()
	db := rawOpen(t, path)
	_, err := db.Exec(statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func rawOpen(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
