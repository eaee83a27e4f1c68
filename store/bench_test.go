package store_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

func BenchmarkPut(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		for i := range b.N {
			mustPut(b, s, numbered(i))
		}
	})
}

func BenchmarkPutBy64Callers(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		putBy64(b, s, b.N)
	})
}

// The price of surviving a power cut, to set beside BenchmarkPut.
func BenchmarkPutPowerSafe(b *testing.B) {
	s, err := store.Open(filepath.Join(b.TempDir(), "bench.db"), store.Config{PowerSafe: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.Run("1 caller", func(b *testing.B) {
		for i := range b.N {
			mustPut(b, s, numbered(i))
		}
	})
	b.Run("64 callers", func(b *testing.B) { putBy64(b, s, b.N) })
}

func BenchmarkRenew(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		for i := range b.N {
			p := numbered(i % 1000)
			p.TTL += time.Duration(i) * time.Millisecond
			mustPut(b, s, p)
		}
	})
}

// Each put counts what is under its key: here 512 entries on average.
func BenchmarkPutToBusyKeys(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		for i := range b.N {
			p := numbered(i)
			p.key = kad.HashID(binary.BigEndian.AppendUint64(nil, uint64(i/1023)))
			mustPut(b, s, p)
		}
	})
}

func BenchmarkPutToAFullKey(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		b.StopTimer()
		for i := range kad.MaxEntriesPerKey {
			p := numbered(i)
			p.key = kad.ID{}
			mustPut(b, s, p)
		}
		b.StartTimer()
		for i := range b.N {
			p := numbered(kad.MaxEntriesPerKey + i)
			if err := s.Put(kad.ID{}, p.Entry, nowhere, start); err == nil {
				b.Fatal("a full key took one more")
			}
		}
	})
}

func BenchmarkEntries(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		fill(b, s, 10_000)
		b.ResetTimer()
		for i := range b.N {
			get(b, s, i%10_000)
		}
	})
}

// 64 callers put without a pause while one reads: the reader's p50 and p99.
func BenchmarkEntriesDuringPuts(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		fill(b, s, 10_000)
		var stop atomic.Bool
		var puts atomic.Int64
		var putters sync.WaitGroup
		for c := range 64 {
			putters.Go(func() {
				for i := 10_000 + c; !stop.Load(); i += 64 {
					mustPut(b, s, numbered(i))
					puts.Add(1)
				}
			})
		}
		took := make([]time.Duration, b.N)
		b.ResetTimer()
		for i := range b.N {
			begin := time.Now()
			get(b, s, i%10_000)
			took[i] = time.Since(begin)
		}
		b.StopTimer()
		seconds := b.Elapsed().Seconds()
		b.ReportMetric(float64(puts.Load())/seconds, "puts/s")
		stop.Store(true)
		putters.Wait()
		slices.Sort(took)
		b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
		b.ReportMetric(float64(took[b.N-1].Microseconds()), "max-µs")
	})
}

func BenchmarkExpire200(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		for range b.N {
			b.StopTimer()
			putBy64(b, s, kad.ExpireSlice)
			b.StartTimer()
			if err := mustExpire(s, kad.ExpireSlice); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func mustExpire(s subject, n int) error {
	if swept, err := s.Expire(start.Add(2*time.Hour), n); err != nil || swept != n {
		return fmt.Errorf("swept %d: %w", swept, err)
	}
	return nil
}

// A store that is opened for the first time: most of it is the fsyncs that
// SQLite makes for a new file.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for i := range b.N {
		s, err := store.Open(filepath.Join(dir, kad.HashID(binary.BigEndian.AppendUint64(nil, uint64(i))).String()), store.Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// An empty Memory is what the simulator holds 100,000 times.
func BenchmarkEmptyMemory(b *testing.B) {
	b.ReportAllocs()
	var keep *store.Memory
	for range b.N {
		keep = store.NewMemory(store.Config{})
	}
	runtime.KeepAlive(keep)
}

func eachBench(b *testing.B, run func(b *testing.B, s subject)) {
	const any = 1 << 40
	unlimited := store.Limits{MaxEntries: any, MaxBytes: any, MaxPublisherEntries: any, MaxPublisherBytes: any}
	eachBenchOf(b, store.Config{Limits: unlimited}, run)
}

func eachBenchOf(b *testing.B, config store.Config, run func(b *testing.B, s subject)) {
	b.Run("sqlite", func(b *testing.B) {
		s, err := store.Open(filepath.Join(b.TempDir(), "bench.db"), config)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		b.ReportAllocs()
		b.ResetTimer()
		run(b, s)
	})
	b.Run("memory", func(b *testing.B) {
		b.ReportAllocs()
		run(b, store.NewMemory(config))
	})
}

type numberedPut struct {
	key kad.ID
	kad.Entry
}

// numbered is the i-th entry of 100 bytes, under a key of its own.
func numbered(i int) numberedPut {
	value := make([]byte, 100)
	binary.BigEndian.PutUint64(value, uint64(i))
	return numberedPut{kad.HashID(value), kad.Entry{Value: value, Created: start, TTL: time.Hour}}
}

func mustPut(b *testing.B, s subject, p numberedPut) {
	if err := s.Put(p.key, p.Entry, nowhere, start); err != nil {
		b.Error(err)
	}
}

func putBy64(b *testing.B, s subject, n int) {
	var next atomic.Int64
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				mustPut(b, s, numbered(int(i)))
			}
		})
	}
	callers.Wait()
}

func fill(b *testing.B, s subject, n int) { putBy64(b, s, n); mustPut(b, s, numbered(0)) }

func get(b *testing.B, s subject, i int) {
	if page, _, err := s.Entries(numbered(i).key, 0, kad.PageSize, start); err != nil || len(page) != 1 {
		b.Fatal(len(page), err)
	}
}

// Holders compare narrow ranges: here of three entries or so among 100,000.
func BenchmarkDigestOfANarrowRange(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		const n = 100_000
		putBy64(b, s, n)
		b.ResetTimer()
		for i := range b.N {
			r := kad.NewRange(numbered(1+i*7919%n).key, bits.Len(n/4))
			if d, ok, err := s.Digest(r, 4096, start); d.Count == 0 || !ok || err != nil {
				b.Fatal(d, ok, err)
			}
		}
	})
}

// A digest of more than its limit ends there, however much there is.
func BenchmarkDigestOfTooMany(b *testing.B) {
	eachBench(b, func(b *testing.B, s subject) {
		putBy64(b, s, 100_000)
		b.ResetTimer()
		for range b.N {
			if _, ok, err := s.Digest(kad.Range{}, 16, start); ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
}

// What a store does costs the same whatever it holds: all of it goes by index.
// The digests and marks are of a range with about a thousand entries. Filling
// takes a minute; run it with -benchtime 400x, or there is nothing left to sweep.
func BenchmarkAMillionEntries(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			unlimited := store.Limits{MaxEntries: 2 * n, MaxPublisherEntries: 2 * n, MaxBytes: 1 << 40, MaxPublisherBytes: 1 << 40}
			s, err := store.Open(filepath.Join(b.TempDir(), "bench.db"), store.Config{Limits: unlimited})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			putBy64(b, s, n)
			thousand := func(i int) kad.Range { return kad.NewRange(numbered(i).key, bits.Len(uint(n/1000))-1) }
			put := n
			for _, work := range []struct {
				name string
				do   func(i int) error
			}{
				{"put", func(int) error { put++; mustPut(b, s, numbered(put)); return nil }},
				{"get", func(i int) error { get(b, s, 1+i*7919%n); return nil }},
				{"digest", func(i int) error { _, _, err := s.Digest(thousand(i), 4096, start); return err }},
				{"marks", func(i int) error { _, err := s.Marks(thousand(i), 4096, start); return err }},
				{"sweep of nothing", func(int) error { _, err := s.Expire(start, kad.ExpireSlice); return err }},
				{"sweep of 200", func(int) error { return mustExpire(s, kad.ExpireSlice) }},
			} {
				b.Run(work.name, func(b *testing.B) {
					for i := range b.N {
						if err := work.do(i); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
