package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
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
	groups map[kad.ID]netip.Prefix // of each entry, by a name of its own
}

func name(key kad.ID, e kad.Entry) kad.ID {
	hash := e.Hash()
	return kad.HashID(fmt.Append(nil, key, e.Publisher, hash))
}

func (o *oracle) live(key kad.ID, now time.Time) []kad.Entry {
	o.keys[key] = slices.DeleteFunc(o.keys[key], func(e kad.Entry) bool { return !now.Before(e.Expires()) })
	return o.keys[key]
}

func (o *oracle) put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error {
	live := o.live(key, now)
	if !now.Before(e.Expires()) {
		return store.ErrExpired
	}
	for i, old := range live {
		switch {
		case old.Publisher != e.Publisher || old.Hash() != e.Hash():
			continue
		case e.Seq > old.Seq:
			live[i] = e
		case e.Seq < old.Seq && e.Removed != old.Removed:
			return store.ErrSuperseded
		}
		return nil
	}
	if len(live) >= o.limits.MaxEntriesPerKey {
		return store.ErrFull
	}
	ofThis, ofAll := o.usage(now, func(_ kad.ID, other kad.Entry) bool { return other.Publisher == e.Publisher })
	ofGroup, _ := o.usage(now, func(key kad.ID, other kad.Entry) bool {
		return group.IsValid() && o.groups[name(key, other)] == group
	})
	size := int64(len(e.Value))
	switch {
	case ofThis.Entries >= o.limits.MaxPublisherEntries || ofThis.Bytes+size > o.limits.MaxPublisherBytes:
		return store.ErrQuota
	case ofGroup.Entries >= o.limits.MaxGroupEntries || ofGroup.Bytes+size > o.limits.MaxGroupBytes:
		return store.ErrQuota
	case ofAll.Entries >= o.limits.MaxEntries || ofAll.Bytes+size > o.limits.MaxBytes:
		return store.ErrFull
	}
	o.keys[key] = append(live, e)
	o.groups[name(key, e)] = group
	return nil
}

// drop forgets what the marks are of.
func (o *oracle) drop(marks []store.Mark) {
	for _, m := range marks {
		o.keys[m.Key] = slices.DeleteFunc(o.keys[m.Key], func(e kad.Entry) bool { return e.Mark(m.Key) == m.Mark })
	}
}

// shown is what can be read under key.
func (o *oracle) shown(key kad.ID, now time.Time) (shown []kad.Entry) {
	for _, e := range o.live(key, now) {
		if !e.Removed {
			shown = append(shown, e)
		}
	}
	return shown
}

// marks is what other holders are told of r.
func (o *oracle) marks(r kad.Range, now time.Time) (marks []uint64) {
	for key := range o.keys {
		for _, e := range o.live(key, now) {
			if r.Contains(key) {
				marks = append(marks, e.Mark(key))
			}
		}
	}
	slices.Sort(marks)
	return marks
}

func (o *oracle) usage(now time.Time, is func(kad.ID, kad.Entry) bool) (ofThis, ofAll store.Stats) {
	for key := range o.keys {
		for _, e := range o.live(key, now) {
			ofAll.Entries++
			ofAll.Bytes += int64(len(e.Value))
			if is(key, e) {
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
	t.Parallel()
	limits := store.Limits{MaxEntriesPerKey: 4, MaxEntries: 10, MaxBytes: 102,
		MaxPublisherEntries: 5, MaxPublisherBytes: 67, MaxGroupEntries: 6, MaxGroupBytes: 68}
	groups := []netip.Prefix{{}, {}, netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/48")}
	config := store.Config{Limits: limits}
	refused := map[error]int{}
	for round := range uint64(6) {
		src := rand.New(rand.NewPCG(round, 42))
		disk := openAt(t, filepath.Join(t.TempDir(), "node.db"), config)
		memory := store.NewMemory(config)
		model := &oracle{limits: limits, keys: map[kad.ID][]kad.Entry{}, groups: map[kad.ID]netip.Prefix{}}
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
			if src.IntN(20) == 0 {
				r := kad.NewRange(kad.HashID([]byte{byte(src.IntN(4))}), 160)
				for _, s := range []subject{disk, memory} {
					marks, err := s.Marks(r, 100, now)
					marks = slices.DeleteFunc(marks, func(m store.Mark) bool { return m.Mark%2 == 0 })
					slices.SortFunc(marks, func(a, b store.Mark) int { return cmp.Compare(a.Mark, b.Mark) })
					if len(marks) > 0 && step%2 == 0 {
						marks[0].Mark++ // another version by now
					}
					if err := errors.Join(err, s.Drop(marks)); err != nil {
						t.Fatal(err)
					}
					if s == subject(disk) {
						model.drop(marks)
					}
				}
			}
			e := kad.Entry{Value: []byte(fmt.Sprint(src.IntN(12))), Publisher: kad.PublicKey{byte(src.IntN(3))},
				Created: now.Add(-time.Duration(src.IntN(20)) * time.Second), TTL: time.Duration(src.IntN(60)) * time.Second,
				Seq: int64(src.IntN(400) + step), Signature: kad.Signature{byte(step)}}
			if src.IntN(4) == 0 {
				hash := e.Hash()
				e.Value, e.Removed = hash[:], true
			}
			group := groups[src.IntN(len(groups))]
			expected := model.put(key, e, group, now)
			refused[expected]++
			_, live := model.usage(now, func(kad.ID, kad.Entry) bool { return false })
			var held [2]store.Stats
			for i, s := range []subject{disk, memory} {
				if err := s.Put(key, e, group, now); !errors.Is(err, expected) {
					t.Fatalf("step %d: %T.Put: %v, want %v", step, s, err, expected)
				}
				want(t, s, key, int(now.Sub(start).Seconds()), model.shown(key, now)...)
				compareMarks(t, s, model, kad.NewRange(kad.HashID([]byte{byte(step)}), src.IntN(4)), now)
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
			if wrong := disk.Miscounted(); len(wrong) > 0 {
				t.Fatalf("step %d: the usage of %s is not what the entries add up to", step, wrong)
			}
		}
	}
	for _, why := range []error{nil, store.ErrFull, store.ErrQuota, store.ErrExpired, store.ErrSuperseded} {
		if refused[why] < 20 {
			t.Errorf("%v came %d times: the test does not try it", why, refused[why])
		}
	}
}

// compareMarks wants of s the model's marks in r, their digest, and an entry
// for each.
func compareMarks(t *testing.T, s subject, model *oracle, r kad.Range, now time.Time) {
	t.Helper()
	marks, err := s.Marks(r, 100, now)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	var sum kad.Digest
	for i, m := range marks {
		if i > 0 && marks[i-1].Key.Compare(m.Key) > 0 {
			t.Fatalf("%T.Marks: not in the order of keys", s)
		}
		e, ok, err := s.Entry(m, now)
		if !ok || err != nil || e.Mark(m.Key) != m.Mark || !r.Contains(m.Key) {
			t.Fatalf("%T.Entry: %v, %v, %v", s, e, ok, err)
		}
		got = append(got, m.Mark)
		sum.Add(m.Mark)
	}
	slices.Sort(got)
	if want := model.marks(r, now); !slices.Equal(got, want) {
		t.Fatalf("%T.Marks of %v: %x, want %x", s, r, got, want)
	}
	if digest, ok, err := s.Digest(r, len(got), now); digest != sum || !ok || err != nil {
		t.Fatalf("%T.Digest: %v, %v, %v, want %v", s, digest, ok, err, sum)
	}
	if len(got) > 0 {
		if digest, ok, err := s.Digest(r, len(got)-1, now); digest != (kad.Digest{}) || ok || err != nil {
			t.Fatalf("%T.Digest of more than its limit: %v, %v, %v", s, digest, ok, err)
		}
		if few, err := s.Marks(r, len(got)-1, now); len(few) != len(got)-1 || err != nil {
			t.Fatalf("%T.Marks: %d where %d is the limit, %v", s, len(few), len(got)-1, err)
		}
	}
}
