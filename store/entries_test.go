package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

var key, otherKey = kad.HashID([]byte("key")), kad.HashID([]byte("another key"))

// The fault: one writer's add overwrote another's values.
func TestOneWritersAddNeverOverwritesAnothersValues(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		a, b, c := value("a", 1, 0, 60), value("b", 2, 0, 60), value("a", 3, 1, 60)
		put(t, s, key, a, 0)
		put(t, s, key, b, 0)
		put(t, s, otherKey, c, 1) // the same value under another key is another entry

		want(t, s, key, 1, a, b)
		want(t, s, otherKey, 1, c)
		want(t, s, kad.ID{}, 1)
	})
}

func TestTheNewestVersionTakesTheEntrysPlace(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		// Given two entries, when the first is stored again.
		put(t, s, key, value("first", 1, 0, 60), 0)
		put(t, s, key, value("second", 2, 0, 60), 0)
		put(t, s, key, value("first", 1, 30, 60), 30)
		// Then it lives on in its place.
		want(t, s, key, 30, value("first", 1, 30, 60), value("second", 2, 0, 60))
		// And a copy of an older version changes nothing, nor one of the same.
		put(t, s, key, value("first", 1, 0, 60), 31)
		older := value("first", 1, 30, 60)
		older.Created = at(25)
		put(t, s, key, older, 31)
		want(t, s, key, 31, value("first", 1, 30, 60), value("second", 2, 0, 60))
		// And a newer one counts though it lives less long.
		put(t, s, key, value("first", 1, 32, 10), 32)
		want(t, s, key, 33, value("first", 1, 32, 10), value("second", 2, 0, 60))
		want(t, s, key, 42, value("second", 2, 0, 60))
	})
}

func TestTheSameValueOfAnotherIsAnotherEntry(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		put(t, s, key, value("v", 1, 0, 60), 0)
		put(t, s, key, value("v", 2, 1, 60), 1)
		want(t, s, key, 1, value("v", 1, 0, 60), value("v", 2, 1, 60))
		put(t, s, key, removal("v", 1, 2, 60), 2)
		want(t, s, key, 2, value("v", 2, 1, 60))
	})
}

func TestWhatIsRemovedDoesNotComeBackUntilItIsStoredAgain(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		// Given a removal, before the value was ever here and after.
		put(t, s, otherKey, removal("v", 1, 5, 60), 5)
		put(t, s, key, value("v", 1, 0, 60), 0)
		put(t, s, key, removal("v", 1, 5, 60), 5)
		// When a copy turns up that slept, then it is refused.
		for _, k := range []kad.ID{key, otherKey} {
			if err := s.Put(k, value("v", 1, 0, 600), nowhere, at(6)); !errors.Is(err, store.ErrSuperseded) {
				t.Errorf("an older copy of what was removed: %v, want ErrSuperseded", err)
			}
			want(t, s, k, 6)
		}
		// And the removal weighs what it is.
		if stats, err := s.Stats(); stats.Entries != 2 || stats.Bytes != 64 || err != nil {
			t.Errorf("two removals are %+v, %v", stats, err)
		}
		// When it is stored anew, then it is there, and its older removal is late.
		put(t, s, key, value("v", 1, 7, 60), 7)
		if err := s.Put(key, removal("v", 1, 5, 60), nowhere, at(8)); !errors.Is(err, store.ErrSuperseded) {
			t.Errorf("an older removal: %v, want ErrSuperseded", err)
		}
		want(t, s, key, 8, value("v", 1, 7, 60))
		if stats, err := s.Stats(); stats.Entries != 2 || stats.Bytes != 33 || err != nil {
			t.Errorf("a removal and a value are %+v, %v", stats, err)
		}
	})
}

// removal takes value's entry back.
func removal(v string, by byte, created, lives int) kad.Entry {
	e := value(v, by, created, lives)
	hash := e.Hash()
	e.Value, e.Removed = hash[:], true
	return e
}

// The fault: values never expired.
func TestAnExpiredEntryIsNeverReturnedEvenBeforeTheSweep(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		put(t, s, key, value("short", 1, 0, 10), 0)
		put(t, s, key, value("long", 1, 0, 20), 0)

		want(t, s, key, 9, value("short", 1, 0, 10), value("long", 1, 0, 20))
		want(t, s, key, 10, value("long", 1, 0, 20)) // at that instant it is gone
		if err := s.Put(key, value("late", 1, 0, 10), nowhere, at(10)); !errors.Is(err, store.ErrExpired) {
			t.Errorf("put of an expired entry: %v, want ErrExpired", err)
		}
		want(t, s, key, 10, value("long", 1, 0, 20))
	})
}

func TestAnExpiredRowIsReplacedByTheSameValueAsIfItHadNeverBeen(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		put(t, s, key, value("again", 1, 0, 10), 0)
		put(t, s, key, value("other", 1, 0, 60), 0)

		again := value("again", 1, 15, 10)
		again.Seq = 1             // whatever it was before
		put(t, s, key, again, 15) // in the last place
		want(t, s, key, 15, value("other", 1, 0, 60), again)
		if n, err := s.Expire(at(15), 100); n != 0 || err != nil {
			t.Errorf("the sweep found %d rows, %v: the old row was left behind", n, err)
		}
	})
}

// The fault: values were never deleted.
func TestTheSweepDeletesInSlicesSoonestExpiredFirst(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		for i := range 10 { // expiring at 10, 9, ... 1
			put(t, s, kad.HashID([]byte{byte(i)}), value("v", 1, 0, 10-i), 0)
		}
		renewed := value("v", 1, 0, 60) // the soonest, in time
		renewed.Seq++
		put(t, s, kad.HashID([]byte{9}), renewed, 0)
		for _, step := range []struct{ now, limit, dropped int }{
			{1, 5, 0}, {8, 3, 3}, {8, 0, 0}, {8, -1, 0}, {8, 100, 4}, {8, 100, 0}, {59, 100, 2}, {60, 100, 1}, {99, 100, 0},
		} {
			if n, err := s.Expire(at(step.now), step.limit); n != step.dropped || err != nil {
				t.Fatalf("Expire(%d s, %d) = %d, %v, want %d", step.now, step.limit, n, err, step.dropped)
			}
			if step.now == 8 && step.limit == 3 { // 2, 3 and 4 went; 5 is still there, though over
				want(t, s, kad.HashID([]byte{5}), 4, value("v", 1, 0, 5))
				want(t, s, kad.HashID([]byte{6}), 3)
			}
		}
		if stats, err := s.Stats(); stats.Entries != 0 || stats.Bytes != 0 || err != nil {
			t.Errorf("after the sweep: %+v, %v", stats, err)
		}
	})
}

func TestAFullKeyRefusesOneMoreRenewsWhatItHasAndLeavesOthersAlone(t *testing.T) {
	eachTwin(t, store.Config{Limits: store.Limits{MaxEntriesPerKey: 3}}, func(t *testing.T, s subject) {
		for i := range 3 {
			put(t, s, key, value(fmt.Sprint(i), 1, 0, 10+i), 0)
		}
		if err := s.Put(key, value("more", 1, 0, 60), nowhere, at(0)); !errors.Is(err, store.ErrFull) {
			t.Fatalf("put under a full key: %v, want ErrFull", err)
		}
		put(t, s, key, value("1", 1, 5, 60), 5)
		put(t, s, otherKey, value("more", 1, 0, 60), 5)
		// An expired entry does not count, swept or not.
		put(t, s, key, value("more", 1, 0, 60), 10)
		want(t, s, key, 10, value("1", 1, 5, 60), value("2", 1, 0, 12), value("more", 1, 0, 60))
		if err := s.Put(key, value("0", 1, 10, 60), nowhere, at(10)); !errors.Is(err, store.ErrFull) {
			t.Fatalf("the expired value comes back to a full key: %v, want ErrFull", err)
		}
	})
}

func TestTheLimitIsKadsUnlessConfigured(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		for i := range kad.MaxEntriesPerKey {
			put(t, s, key, value(fmt.Sprint(i), 1, 0, 60), 0)
		}
		if err := s.Put(key, value("more", 1, 0, 60), nowhere, start); !errors.Is(err, store.ErrFull) {
			t.Fatalf("entry %d: %v, want ErrFull", kad.MaxEntriesPerKey+1, err)
		}
	})
}

func TestValuesOfEverySizeUpTo64KiBComeBackByteForByte(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		src := rand.New(rand.NewPCG(1, 2))
		for _, size := range []int{0, 1, 2, 255, 256, 4000, 4096, 5000, 65535, kad.MaxValueSize} {
			v := make([]byte, size)
			for i := range v {
				v[i] = byte(src.Uint32())
			}
			e := kad.Entry{Value: v, Publisher: kad.PublicKey{1}, Created: start, TTL: time.Hour}
			under := kad.HashID(v)
			put(t, s, under, e, 0)
			want(t, s, under, 0, e)
			// Its twin that differs in the last bit is another entry.
			if size > 0 {
				other := e
				other.Value = bytes.Clone(v)
				other.Value[size-1] ^= 1
				put(t, s, under, other, 0)
				want(t, s, under, 0, e, other)
			}
		}
		put(t, s, key, kad.Entry{Created: start, TTL: time.Hour}, 0) // nil is an empty value
		want(t, s, key, 0, kad.Entry{Created: start, TTL: time.Hour})
	})
}

func TestTheStoreKeepsNoHandOnItsCallersBytes(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		mine := value("mine", 1, 0, 60)
		put(t, s, key, mine, 0)
		copy(mine.Value, "!!!!")
		copy(all(t, s, key, 0)[0].Value, "????")
		want(t, s, key, 0, value("mine", 1, 0, 60))
	})
}

func TestAPageHasAtLeastOneEntryThenWhatFits(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		for _, v := range []string{"12345", "123", "12", "1", "1234567"} {
			put(t, s, key, value(v, 1, 0, 60), 0)
		}
		for _, c := range []struct {
			maxBytes int
			pages    []int
		}{
			{-1, []int{1, 1, 1, 1, 1}}, {0, []int{1, 1, 1, 1, 1}}, {2*kad.EntryOverhead + 2, []int{1, 1, 1, 1, 1}},
			{2*kad.EntryOverhead + 3, []int{1, 1, 2, 1}}, {2*kad.EntryOverhead + 8, []int{2, 2, 1}},
			{3*kad.EntryOverhead + 10, []int{3, 2}}, {4*kad.EntryOverhead + 11, []int{4, 1}},
			{5*kad.EntryOverhead + 17, []int{4, 1}}, {5*kad.EntryOverhead + 18, []int{5}}, {1 << 20, []int{5}},
		} {
			cursor := uint64(0)
			for i, n := range c.pages {
				page, next, err := s.Entries(key, cursor, c.maxBytes, start)
				if err != nil || len(page) != n || (next == 0) != (i == len(c.pages)-1) {
					t.Fatalf("%d bytes, page %d: %d entries, next %d, %v, want pages of %v", c.maxBytes, i, len(page), next, err, c.pages)
				}
				cursor = next
			}
		}
		for _, stranger := range []uint64{1 << 40, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
			if page, next, err := s.Entries(key, stranger, 100, start); len(page) != 0 || next != 0 || err != nil {
				t.Errorf("cursor %d: %d entries, next %d, %v, want an empty last page", stranger, len(page), next, err)
			}
		}
	})
}

// Between two pages entries come, expire and are swept, under this key and
// under others: whatever is there throughout is seen exactly once.
func TestPagingSkipsAndRepeatsNothingThatIsPresentThroughout(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		for round := range 10 {
			src := rand.New(rand.NewPCG(uint64(round), 7))
			under := kad.HashID([]byte{byte(round)})
			now, n, stays := 1000*round, 0, map[string]int{}
			add := func(lives int) string {
				n++
				v := fmt.Sprintf("%d-%0*d", round, 1+src.IntN(60), n)
				put(t, s, under, value(v, 1, now, lives), now)
				put(t, s, kad.HashID([]byte(v)), value(v, 1, now, lives), now)
				return v
			}
			for range 40 {
				stays[add(900)] = 0
				add(1 + src.IntN(20))
			}
			for cursor := uint64(0); ; {
				page, next, err := s.Entries(under, cursor, src.IntN(200), at(now))
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page {
					if _, ok := stays[string(e.Value)]; ok {
						stays[string(e.Value)]++
					}
				}
				if cursor = next; next == 0 {
					break
				}
				if src.IntN(3) > 0 {
					add(1 + src.IntN(20))
				}
				now += src.IntN(2)
				if _, err := s.Expire(at(now), src.IntN(10)); err != nil {
					t.Fatal(err)
				}
			}
			for v, times := range stays {
				if times != 1 {
					t.Fatalf("round %d: %q was seen %d times", round, v, times)
				}
			}
		}
	})
}
