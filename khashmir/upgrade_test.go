package khashmir_test

import (
	"compress/gzip"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// The file of a node as a program of 2026-11-21 has left it, with the schema of
// then (migration 4): "khashmir-testnet 10 --stores 20 --dir DIR --seed 7". It had
// this identity and this many entries.
const (
	oldFile    = "testdata/schema-0004.db.gz"
	oldID      = "2050112233cfdb51edb3e98ef3cd056bd956a920"
	oldEntries = 14
)

var oldTime = time.Date(2026, 11, 21, 15, 30, 0, 0, time.UTC)

// pastClock runs as the real one does, from another day on.
type pastClock struct {
	rand.Source
	begun time.Time
}

func (c pastClock) Now() time.Time { return oldTime.Add(time.Since(c.begun)) }

func (c pastClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

func TestANodeUpgradedInPlaceKeepsItsData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	unpack(t, oldFile, path)
	clock := pastClock{rand.NewPCG(1, 2), time.Now()}
	for _, start := range []string{"upgraded", "started again"} {
		node, err := khashmir.Open(khashmir.Config{Path: path, Listen: "127.0.0.1:0", Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		if node.ID().String() != oldID {
			t.Errorf("%s, it is %s, not %s", start, node.ID(), oldID)
		}
		held, err := node.Holdings(khashmir.ID{}, 100)
		entries := 0
		for _, h := range held {
			entries += h.Entries
		}
		if err != nil || entries != oldEntries {
			t.Errorf("%s, it holds %d entries, %v; want %d", start, entries, err, oldEntries)
		}
		for _, h := range held {
			n := 0
			for value, err := range node.Values(t.Context(), h.Key) {
				if err == nil && len(value) > 0 {
					n++
				}
			}
			if n != h.Entries {
				t.Errorf("%s, it gives %d values under %s, and holds %d", start, n, h.Key, h.Entries)
			}
		}
		if err := node.Abort(); err != nil {
			t.Fatal(err)
		}
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(unzipped)
	if err == nil {
		err = os.WriteFile(to, all, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
