package khashmir_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
)

// What an hour of coming and going leaves behind is nothing.
func TestAnHourOfChurnLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, files := t.TempDir(), 0
		w := newTown(t, 16, func(c *khashmir.Config) {
			s, err := store.Open(filepath.Join(dir, string(rune('a'+files%26))+string(rune('a'+files/26))), store.Config{})
			if err != nil {
				t.Fatal(err)
			}
			c.Store = s
			files++
		})
		churn := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); {
				time.Sleep(time.Minute)
				w.leaves(w.nodes[files%len(w.nodes)], files%2 == 0)
				w.come()
				w.store(w.nodes[0], files%8, khashmir.TTL(10*time.Minute))
			}
			time.Sleep(time.Minute)
		}
		// Given a network in which nodes come and go for some minutes
		churn(5 * time.Minute)
		before := measure(t)
		// when that goes on for an hour
		churn(time.Hour)
		// then it takes no more than before.
		after := measure(t)
		if after.goroutines > before.goroutines+before.goroutines/4 {
			t.Errorf("%d goroutines, and %d before", after.goroutines, before.goroutines)
		}
		if after.heap > before.heap+before.heap/2 {
			t.Errorf("%d bytes on the heap, and %d before", after.heap, before.heap)
		}
		if after.descriptors > before.descriptors+4 {
			t.Errorf("%d descriptors, and %d before", after.descriptors, before.descriptors)
		}
		t.Logf("before %+v, after %+v, %d nodes in all", before, after, files)
	})
}

type measures struct {
	goroutines, descriptors int
	heap                    uint64
}

func measure(t *testing.T) (m measures) {
	t.Helper()
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.goroutines, m.heap = runtime.NumGoroutine(), stats.HeapAlloc
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil { // where there is one
		m.descriptors = len(entries)
	}
	return m
}
