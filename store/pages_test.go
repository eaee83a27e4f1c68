package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khashmir/kad/store"
)

// What was lost is known by what the file itself counted.
func TestASalvageSaysHowManyEntriesThereWere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	for i := range 100 {
		put(t, s, key, value(fmt.Sprintf("%100d", i), 1, 0, 60), 0)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := len(file) - pageSize; ; at -= pageSize {
		if file[at] == 0x0d { // the last page that has rows
			clear(file[at:][:pageSize])
			break
		}
	}
	clear(file[100:pageSize])
	var warning string
	openAt(t, write(t, file), store.Config{Warn: func(m string, err error) { warning = m }})
	if !strings.Contains(warning, "entries of 100;") {
		t.Errorf("the warning is %q", warning)
	}
}

// A file from before has pages of 4 KiB, for its size is fixed when it is made.
// It goes on as it is, and whatever its damage is, it is read by its own size.
func TestAFileOfOlderAndLargerPagesIsOpenedAndSalvaged(t *testing.T) {
	for _, size := range []int{4096, pageSize} {
		path := filepath.Join(t.TempDir(), "node.db")
		raw(t, path, fmt.Sprintf("PRAGMA page_size = %d; CREATE TABLE first (page); DROP TABLE first; VACUUM", size))
		const entries = 150
		s := openAt(t, path, store.Config{})
		if got := s.Pragma("page_size"); got != fmt.Sprint(size) {
			t.Fatalf("a file of %d is one of %s", size, got)
		}
		if err := s.SetIdentity(nodeKey(1)); err != nil {
			t.Fatal(err)
		}
		for i := range entries {
			put(t, s, key, value(fmt.Sprintf("%*d", 10+i%7*900, i), 1, 0, 60), 0)
		}
		log, err := os.ReadFile(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what      string
			file, log []byte
		}{
			{"whole", file, nil},
			{"no schema", append(bytes.Clone(file[:200]), append(make([]byte, size-200), file[size:]...)...), nil},
			{"no first page", append(make([]byte, size), file[size:]...), nil},
			{"no first page, and a log", append(make([]byte, size), file[size:]...), log},
		} {
			path := write(t, c.file)
			if c.log != nil {
				if err := os.WriteFile(path+"-wal", c.log, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := openAt(t, path, store.Config{})
			if got := all(t, s, key, 0); len(got) != entries {
				t.Errorf("pages of %d, %s: %d entries of %d", size, c.what, len(got), entries)
			}
			if got, ok, err := s.Identity(); !ok || !got.Equal(nodeKey(1)) || err != nil {
				t.Errorf("pages of %d, %s: identity %v, %v", size, c.what, ok, err)
			}
		}
	}
}
