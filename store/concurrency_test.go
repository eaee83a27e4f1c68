package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

func TestConcurrentPutsAreAllKeptOnceWhileOthersReadAndSweep(t *testing.T) {
	const writers, each = 16, 25
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		var crowd sync.WaitGroup
		for w := range writers {
			crowd.Go(func() {
				for i := range each {
					own := value(fmt.Sprintf("%d of %d", i, w), byte(w), 0, 60)
					shared := value(fmt.Sprint(i), 99, 0, 60+w) // versions of one entry
					shared.Seq += int64(w)
					if err := errors.Join(s.Put(key, own, nowhere, start), s.Put(otherKey, shared, nowhere, start)); err != nil {
						t.Error(err)
					}
					if page, _, err := s.Entries(otherKey, 0, 1<<20, start); err != nil || len(page) == 0 {
						t.Errorf("read %d entries, %v", len(page), err)
					}
					if n, err := s.Expire(start, 10); n != 0 || err != nil {
						t.Errorf("swept %d, %v", n, err)
					}
				}
			})
		}
		crowd.Wait()
		if got := all(t, s, key, 0); len(got) != writers*each {
			t.Errorf("%d own entries, want %d", len(got), writers*each)
		}
		got := all(t, s, otherKey, 0)
		if len(got) != each {
			t.Errorf("%d shared entries, want %d", len(got), each)
		}
		for _, e := range got {
			if e.TTL != (60+writers-1)*time.Second {
				t.Errorf("%q lives for %v: the newest version did not win", e.Value, e.TTL)
			}
		}
	})
}

// queued starts n puts that all wait while the connection is held, lets them
// go together and returns their outcomes.
func queued(s *store.SQLite, n int, one func(i int) error) []error {
	release := s.Hold()
	errs := make([]error, n)
	var puts sync.WaitGroup
	for i := range n {
		puts.Go(func() { errs[i] = one(i) })
	}
	for s.Waiting() < n {
		runtime.Gosched()
	}
	release()
	puts.Wait()
	return errs
}

func TestPutsThatWaitTogetherShareACommit(t *testing.T) {
	const puts = 600 // three batches
	written := func(run func(s *store.SQLite)) int64 {
		s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{})
		run(s)
		stats, err := s.Stats()
		if err != nil || stats.Entries != puts {
			t.Fatalf("%+v, %v", stats, err)
		}
		return stats.FileBytes
	}
	one := func(s *store.SQLite, i int) error {
		return s.Put(kad.HashID([]byte{byte(i), byte(i >> 8)}), value("v", 1, 0, 60), nowhere, start)
	}
	alone := written(func(s *store.SQLite) {
		for i := range puts {
			if err := one(s, i); err != nil {
				t.Fatal(err)
			}
		}
	})
	together := written(func(s *store.SQLite) {
		if err := errors.Join(queued(s, puts, func(i int) error { return one(s, i) })...); err != nil {
			t.Fatal(err)
		}
	})
	// Each commit writes the pages it touched to the log.
	if together > alone/4 {
		t.Fatalf("%d puts together wrote %d bytes, alone %d: they did not share commits", puts, together, alone)
	}
}

func TestARefusedPutDoesNotFailThoseItSharesACommitWith(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{Limits: store.Limits{MaxEntriesPerKey: 1}})
	put(t, s, key, value("first", 1, 0, 60), 0)
	errs := queued(s, 40, func(i int) error {
		if i%2 == 0 {
			return s.Put(key, value(fmt.Sprint(i), 1, 0, 60), nowhere, start)
		}
		return s.Put(kad.HashID([]byte{byte(i)}), value("v", 1, 0, 60), nowhere, start)
	})
	for i, err := range errs {
		if full := errors.Is(err, store.ErrFull); full != (i%2 == 0) || (err != nil && !full) {
			t.Errorf("put %d: %v", i, err)
		}
		if i%2 == 1 {
			want(t, s, kad.HashID([]byte{byte(i)}), 0, value("v", 1, 0, 60))
		}
	}
	want(t, s, key, 0, value("first", 1, 0, 60))
}

func TestAFailedCommitFailsAllThatShareIt(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{})
	s.Break()
	one := func(i int) error { return s.Put(key, value(fmt.Sprint(i), 1, 0, 60), nowhere, start) }
	for i, err := range queued(s, 20, one) {
		if err == nil {
			t.Errorf("put %d was acknowledged, but not committed", i)
		}
	}
	want(t, s, key, 0)
	s.Mend()
	if err := errors.Join(queued(s, 20, one)...); err != nil {
		t.Fatal(err)
	}
}

func TestCloseWhilePutsRunKeepsWhatWasAcknowledgedAndNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	for round := range 5 {
		s := openAt(t, path, store.Config{})
		var acknowledged sync.Map
		var count atomic.Int64
		var putters sync.WaitGroup
		for w := range 16 {
			putters.Go(func() {
				for i := 0; ; i++ {
					under := kad.HashID(fmt.Appendf(nil, "%d %d %d", round, w, i))
					if err := s.Put(under, value("v", 1, 0, 60), nowhere, start); err != nil {
						if !errors.Is(err, store.ErrClosed) {
							t.Error(err)
						}
						acknowledged.Store(under, false)
						return
					}
					acknowledged.Store(under, true)
					count.Add(1)
				}
			})
		}
		for count.Load() < int64(40*round) {
			runtime.Gosched()
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		putters.Wait()

		s = openAt(t, path, store.Config{})
		acknowledged.Range(func(under, kept any) bool {
			if got := all(t, s, under.(kad.ID), 0); (len(got) == 1) != kept.(bool) {
				t.Errorf("round %d: %d entries, acknowledged: %v", round, len(got), kept)
			}
			return true
		})
		s.Close()
	}
}

func TestEveryCallAfterCloseIsErrClosed(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		for range 2 { // closing twice does nothing
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		calls := map[string]error{
			"Put":          s.Put(key, value("v", 1, 0, 60), nowhere, start),
			"SetIdentity":  s.SetIdentity(nodeKey(1)),
			"SaveContacts": s.SaveContacts(nil),
		}
		_, _, calls["Entries"] = s.Entries(key, 0, 1, start)
		_, calls["Expire"] = s.Expire(start, 1)
		_, _, calls["Identity"] = s.Identity()
		_, calls["Contacts"] = s.Contacts()
		_, calls["Stats"] = s.Stats()
		for call, err := range calls {
			if !errors.Is(err, store.ErrClosed) {
				t.Errorf("%s after Close: %v", call, err)
			}
		}
	})
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		put(t, s, key, value("v", 1, 0, 60), 0)
		want(t, s, key, 0, value("v", 1, 0, 60))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	// database/sql tells its goroutine to end and does not wait for it.
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// The simulator holds 100,000 of them.
func TestAnEmptyMemoryCostsLessThanAKilobyte(t *testing.T) {
	const stores = 10_000
	var before, after runtime.MemStats
	kept := make([]*store.Memory, stores)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range kept {
		kept[i] = store.NewMemory(store.Config{})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := int64(after.HeapAlloc-before.HeapAlloc) / stores; each > 1024 {
		t.Fatalf("%d bytes each", each)
	}
	runtime.KeepAlive(kept)
}
