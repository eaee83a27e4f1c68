package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

func TestEachLimitRefusesWithItsReason(t *testing.T) {
	const many = 1000
	roomy := store.Limits{MaxEntriesPerKey: many, MaxEntries: many, MaxBytes: many, MaxPublisherEntries: many, MaxPublisherBytes: many}
	for name, test := range map[string]struct {
		limit func(l *store.Limits)
		want  error
	}{
		"entries under a key":    {func(l *store.Limits) { l.MaxEntriesPerKey = 3 }, store.ErrFull},
		"entries in all":         {func(l *store.Limits) { l.MaxEntries = 3 }, store.ErrFull},
		"bytes in all":           {func(l *store.Limits) { l.MaxBytes = 12 }, store.ErrFull},
		"entries of a publisher": {func(l *store.Limits) { l.MaxPublisherEntries = 3 }, store.ErrQuota},
		"bytes of a publisher":   {func(l *store.Limits) { l.MaxPublisherBytes = 12 }, store.ErrQuota},
	} {
		t.Run(name, func(t *testing.T) {
			limits := roomy
			test.limit(&limits)
			eachTwin(t, store.Config{Limits: limits}, func(t *testing.T, s subject) {
				for i := range 3 {
					put(t, s, key, value(fmt.Sprintf("val%d", i), 1, 0, 60+i), 0)
				}
				if err := s.Put(key, value("more", 1, 0, 60), nowhere, at(0)); !errors.Is(err, test.want) {
					t.Fatalf("one too many: %v, want %v", err, test.want)
				}
				put(t, s, key, value("val0", 1, 1, 60), 1) // a renewal takes no room
				other := s.Put(kad.HashID([]byte("other")), value("them", 2, 1, 60), nowhere, at(1))
				if whole := name == "entries in all" || name == "bytes in all"; whole != errors.Is(other, store.ErrFull) {
					t.Errorf("another publisher, another key: %v", other)
				}
				put(t, s, key, value("next", 1, 62, 60), 62) // unswept, but over: they do not stand in the way
			})
		})
	}
}

func TestUsageIsRightAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	config := store.Config{Limits: store.Limits{MaxPublisherEntries: 2}}
	first := openAt(t, path, config)
	put(t, first, key, value("a", 1, 0, 10), 0)
	put(t, first, key, value("b", 1, 0, 60), 0)
	first.Close()

	second := openAt(t, path, config)
	if err := second.Put(key, value("c", 1, 0, 60), nowhere, at(0)); !errors.Is(err, store.ErrQuota) {
		t.Errorf("over quota: %v", err)
	}
	if n, err := second.Expire(at(10), 100); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	put(t, second, key, value("c", 1, 10, 60), 10)
	if stats, err := second.Stats(); err != nil || stats.Entries != 2 || stats.Bytes != 2 {
		t.Errorf("%+v, %v", stats, err)
	}
}

// Of what is put to a full store, one in 16 is a renewal and the rest refused.
func BenchmarkPutToAFullStore(b *testing.B) {
	const limit = 10_000
	eachBenchOf(b, store.Config{Limits: store.Limits{MaxEntries: limit}}, func(b *testing.B, s subject) {
		b.StopTimer()
		for i := range limit {
			mustPut(b, s, numbered(i))
		}
		b.StartTimer()
		for i := range b.N {
			p := numbered(limit + i)
			if i%16 == 0 {
				p = numbered(i % limit)
				p.TTL += time.Duration(i) * time.Millisecond
			}
			if err := s.Put(p.key, p.Entry, nowhere, start); (err == nil) != (i%16 == 0) {
				b.Fatal(err)
			}
		}
	})
}
