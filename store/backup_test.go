package store_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// A backup that is made while others put opens as a store that has all that was
// there when it began, and the same identity.
func TestABackupIsAStore(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "node.db"), store.Config{})
	identity := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	if err := s.SetIdentity(identity); err != nil {
		t.Fatal(err)
	}
	large := string(bytes.Repeat([]byte("x"), 4000)) // a page each: the copy takes several turns
	key := func(i int) (id kad.ID) { binary.BigEndian.PutUint32(id[:], uint32(i)); return id }
	const before, meanwhile = 3000, 200
	for i := range before {
		put(t, s, key(i), value(large, 1, 0, 1000), 0)
	}
	var putting sync.WaitGroup
	putting.Go(func() {
		for i := range meanwhile {
			if err := s.Put(key(before+i), value(large, 1, 0, 1000), nowhere, at(0)); err != nil {
				t.Error(err)
			}
		}
	})
	path := filepath.Join(dir, "copy.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	putting.Wait()

	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy, which has the identity, is %v, %v", info.Mode(), err)
	}
	kept := openAt(t, path, store.Config{})
	if got, ok, err := kept.Identity(); err != nil || !ok || !got.Equal(identity) {
		t.Errorf("the copy has another identity: %v, %v", ok, err)
	}
	for i := range before {
		want(t, kept, key(i), 1, value(large, 1, 0, 1000))
	}
	if stats, err := kept.Stats(); err != nil || stats.Entries < before || stats.Entries > before+meanwhile {
		t.Errorf("the copy has %d entries, %v", stats.Entries, err)
	}
	if err := s.Backup(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
}

func TestABackupThatIsCutShortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "node.db"), store.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(dir, "copy.db")
	if err := s.Backup(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it left a file: %v", err)
	}
	if err := s.Put(kad.ID{1}, value("still", 1, 0, 10), nowhere, at(0)); err != nil {
		t.Error(err)
	}
}
