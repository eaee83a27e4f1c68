package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// oracle is a store as simple as can be: what is live, under each key, in order.
type oracle struct {
	limits store.Limits
	keys   map[kad.ID][]kad.Entry
}

func (o *oracle) live(key kad.ID, now time.Time) []kad.Entry {
	o.keys[key] = slices.DeleteFunc(o.keys[key], func(e kad.Entry) bool { return !now.Before(e.Expires()) })
	return o.keys[key]
}

func (o *oracle) put(key kad.ID, e kad.Entry, now time.Time) error {
	live := o.live(key, now)
	if !now.Before(e.Expires()) {
		return store.ErrExpired
	}
	for i, old := range live {
		if string(old.Value) != string(e.Value) {
			continue
		}
		if e.Expires().After(old.Expires()) {
			live[i].Created, live[i].TTL = e.Created, e.TTL
		}
		return nil
	}
	if len(live) >= o.limits.MaxEntriesPerKey {
		return store.ErrFull
	}
	ofThis, ofAll := o.usage(e.Publisher, now)
	size := int64(len(e.Value))
	switch {
	case ofThis.Entries >= o.limits.MaxPublisherEntries || ofThis.Bytes+size > o.limits.MaxPublisherBytes:
		return store.ErrQuota
	case ofAll.Entries >= o.limits.MaxEntries || ofAll.Bytes+size > o.limits.MaxBytes:
		return store.ErrFull
	}
	o.keys[key] = append(live, e)
	return nil
}

func (o *oracle) usage(publisher kad.PublicKey, now time.Time) (ofThis, ofAll store.Stats) {
	for key := range o.keys {
		for _, e := range o.live(key, now) {
			ofAll.Entries++
			ofAll.Bytes += int64(len(e.Value))
			if e.Publisher == publisher {
				ofThis.Entries++
				ofThis.Bytes += int64(len(e.Value))
			}
		}
	}
	return ofThis, ofAll
}

// Both twins and the oracle go through the same random life; whatever can be
// seen of them must agree after every step, what the sweep drops included.
func TestRandomOperationsAgreeWithAPlainMap(t *testing.T) {
	limits := store.Limits{MaxEntriesPerKey: 4, MaxEntries: 10, MaxBytes: 14, MaxPublisherEntries: 5, MaxPublisherBytes: 6}
	config := store.Config{Limits: limits}
	refused := map[error]int{}
	for round := range uint64(4) {
		src := rand.New(rand.NewPCG(round, 42))
		disk := openAt(t, filepath.Join(t.TempDir(), "node.db"), config)
		memory := store.NewMemory(config)
		model := &oracle{limits: limits, keys: map[kad.ID][]kad.Entry{}}
		now := start
		for step := range 400 {
			now = now.Add(time.Duration(src.IntN(4)) * time.Second)
			key := kad.HashID([]byte{byte(src.IntN(4))})
			if src.IntN(10) == 0 {
				n := src.IntN(5)
				a, errA := disk.Expire(now, n)
				b, errB := memory.Expire(now, n)
				if a != b || a > n || errA != nil || errB != nil {
					t.Fatalf("step %d: the sweep dropped %d (%v) and %d (%v) of %d", step, a, errA, b, errB, n)
				}
			}
			e := kad.Entry{Value: []byte(fmt.Sprint(src.IntN(12))), Publisher: kad.PublicKey{byte(src.IntN(3))},
				Created: now.Add(-time.Duration(src.IntN(20)) * time.Second), TTL: time.Duration(src.IntN(60)) * time.Second}
			expected := model.put(key, e, now)
			refused[expected]++
			_, live := model.usage(e.Publisher, now)
			var held [2]store.Stats
			for i, s := range []subject{disk, memory} {
				if err := s.Put(key, e, now); !errors.Is(err, expected) {
					t.Fatalf("step %d: %T.Put: %v, want %v", step, s, err, expected)
				}
				want(t, s, key, int(now.Sub(start).Seconds()), model.live(key, now)...)
				stats, err := s.Stats()
				if err != nil || stats.Entries < live.Entries || stats.Bytes < live.Bytes {
					t.Fatalf("step %d: %T.Stats: %+v, %v, live are %+v", step, s, stats, err, live)
				}
				stats.FileBytes = 0
				held[i] = stats
			}
			if held[0] != held[1] {
				t.Fatalf("step %d: the twins hold %+v and %+v", step, held[0], held[1])
			}
		}
	}
	for _, why := range []error{nil, store.ErrFull, store.ErrQuota, store.ErrExpired} {
		if refused[why] < 20 {
			t.Errorf("%v came %d times: the test does not try it", why, refused[why])
		}
	}
}
