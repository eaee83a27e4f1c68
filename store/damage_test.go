package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// pageSize is SQLite's.
const pageSize = 4096

// full makes a file with an identity, 100 contacts, 20 kept values and 1,000
// entries of many sizes, and returns its bytes and the entries.
func full(t *testing.T) (file []byte, entries map[kad.ID]kad.Entry) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.db")
	s, err := store.Open(path, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	entries = make(map[kad.ID]kad.Entry)
	for i := range 1000 {
		v := make([]byte, []int{10, 100, 1000, 9000}[random.IntN(4)])
		for j := range v {
			v[j] = byte(random.Uint32())
		}
		under := kad.HashID(fmt.Append(nil, i))
		e := value(string(v), byte(i), 0, 3600)
		put(t, s, under, e, 0)
		entries[under] = e
	}
	for i := range 20 {
		k := store.Kept{Key: kad.HashID(fmt.Append(nil, i)), Value: []byte(fmt.Sprint("kept ", i)), TTL: time.Hour, Due: at(0)}
		if err := s.Keep(k); err != nil {
			t.Fatal(err)
		}
	}
	save(t, s, contacts())
	if err := errors.Join(s.SetIdentity(nodeKey(1)), s.Close()); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return file, entries
}

// Whatever the disk does to the file, the node starts, nothing false is served,
// and what is lost hangs on the damage: twice, because what only a running store
// comes upon is saved by its next start.
func TestADamagedFileCostsWhatWasOnItsDamagedPages(t *testing.T) {
	file, entries := full(t)
	pages := len(file) / pageSize
	for seed := range uint64(24) {
		random := rand.New(rand.NewPCG(seed, 2))
		damaged := bytes.Clone(file)
		hurt := 1 + random.IntN(6)
		for range hurt {
			page := damaged[(1+random.IntN(pages-1))*pageSize:][:pageSize] // the first has the schema
			switch random.IntN(3) {
			case 0: // a few bits
				for range 3 {
					page[random.IntN(pageSize)] ^= 1 << random.IntN(8)
				}
			case 1: // never written
				clear(page)
			case 2: // torn: the end is of another page
				copy(page[pageSize/2:], damaged[random.IntN(len(damaged)-pageSize):])
			}
		}
		path := filepath.Join(t.TempDir(), "node.db")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		read := func() (whole int) {
			var said []string
			s, err := store.Open(path, store.Config{Warn: func(m string, err error) { said = append(said, fmt.Sprint(m, ": ", err)) }})
			if err != nil {
				t.Fatalf("seed %d: it does not start: %v, %q", seed, err, said)
			}
			defer s.Close()
			for under, want := range entries {
				page, _, err := s.Entries(under, 0, 1<<20, at(1))
				for _, got := range page {
					if !same(got, want) {
						t.Fatalf("seed %d: served what was never put: %.40q, %v", seed, got.Value, said)
					}
				}
				if err == nil {
					whole += len(page)
				}
			}
			if key, ok, err := s.Identity(); ok && !key.Equal(nodeKey(1)) {
				t.Errorf("seed %d: the identity is another: %v", seed, err)
			}
			return whole
		}
		read()
		if got, least := read(), len(entries)-hurt*300; got < least {
			t.Errorf("seed %d: of %d entries %d are left after damage to %d of %d pages", seed, len(entries), got, hurt, pages)
		}
		left, err := filepath.Glob(path + ".damaged-*")
		if err != nil || len(left) > 2 {
			t.Errorf("seed %d: kept %q, %v", seed, left, err)
		}
	}
}

func TestATruncatedFileStarts(t *testing.T) {
	file, _ := full(t)
	for _, size := range []int{len(file) - 1, len(file) - 100, len(file) / 2, 3 * pageSize} {
		path := filepath.Join(t.TempDir(), "node.db")
		if err := os.WriteFile(path, file[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(path, store.Config{})
		if err != nil {
			t.Fatalf("%d of %d bytes: %v", size, len(file), err)
		}
		put(t, s, key, value("v", 1, 0, 60), 0)
		want(t, s, key, 0, value("v", 1, 0, 60))
		s.Close()
	}
}

// A crash in the middle of a write leaves a torn end of the log: SQLite's own
// checksums drop it, and nothing else.
func TestATornLogLosesNothingButItsEnd(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "node.db"), filepath.Join(dir, "copy.db")
	s := openAt(t, path, store.Config{})
	for i := range 50 {
		put(t, s, key, value(fmt.Sprint(i), 1, 0, 60), 0)
	}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if suffix == "-wal" {
			copy(b[len(b)-2000:], bytes.Repeat([]byte{0xaa}, 2000))
		}
		if err := os.WriteFile(copied+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	torn := openAt(t, copied, store.Config{})
	if got := all(t, torn, key, 0); len(got) != 49 {
		t.Errorf("%d of 50 entries, the last of which was torn", len(got))
	}
}

func TestAnotherProgramsFileIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	picture := filepath.Join(dir, "picture.jpg")
	content := bytes.Repeat([]byte("\xff\xd8\xff\xe0 no database "), 1000)
	if err := os.WriteFile(picture, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(picture, store.Config{}); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("opened a picture: %v", err)
	}
	left, err := os.ReadDir(dir)
	if after, _ := os.ReadFile(picture); !bytes.Equal(after, content) || len(left) != 1 || err != nil {
		t.Errorf("the picture was changed, or moved: %v, %v", left, err)
	}
}
