package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

func TestAFullStoreTakesBackWhatIsOnLoanFarthestKeysFirst(t *testing.T) {
	limits := store.Limits{MaxEntries: 100, QuotaEntries: 10, MaxPublisherEntries: 90}
	eachTwin(t, store.Config{Limits: limits}, func(t *testing.T, s subject) {
		if err := s.SetIdentity(nodeKey(1)); err != nil {
			t.Fatal(err)
		}
		self := kad.PublicKeyOf(nodeKey(1)).ID()
		random := rand.New(rand.NewPCG(1, 1))
		of := make(map[byte][]kad.ID) // each publisher's keys
		add := func(by byte) error {
			under := kad.RandomID(random)
			err := s.Put(under, value(fmt.Sprint("by ", by), by, 0, 60+random.IntN(60)), nowhere, start)
			if err == nil {
				of[by] = append(of[by], under)
			}
			return err
		}
		held := func(by byte) (n int) {
			for _, under := range of[by] {
				n += len(all(t, s, under, 0))
			}
			return n
		}
		// Given a full store, of which 1 has 77, 2 has 15 and 3 has 8.
		for by, n := range map[byte]int{1: 77, 2: 15, 3: 8} {
			for range n {
				if err := add(by); err != nil {
					t.Fatal(err)
				}
			}
		}
		// When a newcomer puts something,
		if err := add(4); err != nil {
			t.Fatalf("a newcomer at a full store: %v", err)
		}
		// then a slice goes of what 1 and 2 have on loan, the farthest keys.
		type loan struct {
			key kad.ID
			by  byte
		}
		var loans []loan
		for by := byte(1); by <= 2; by++ {
			for _, under := range of[by] {
				loans = append(loans, loan{under, by})
			}
		}
		slices.SortFunc(loans, func(a, b loan) int { return -self.CompareDistance(a.key, b.key) })
		left, gone := map[byte]int{1: 77, 2: 15}, 0
		for i, l := range loans {
			goes := gone < kad.EvictSlice && left[l.by] > 10
			if goes {
				left[l.by]--
				gone++
			}
			if got := len(all(t, s, l.key, 0)); (got == 0) != goes {
				t.Fatalf("number %d from the far end, of %d: %d are left", i, l.by, got)
			}
		}
		// When all take their quotas,
		refused := 0
		for by := byte(4); by < 16; by++ {
			for len(of[by]) < 10 {
				if err := add(by); errors.Is(err, store.ErrFull) {
					refused++
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		// then loans go and quotas stay, and in the end there is no room.
		for by := range of {
			if got, want := held(by), min(10, len(of[by])); got < want {
				t.Errorf("%d has %d of %d", by, got, want)
			}
		}
		if held(1) != 10 || held(2) != 10 || refused == 0 {
			t.Errorf("1 has %d, 2 has %d; %d were refused", held(1), held(2), refused)
		}
		// And who has its quota gets no more of others' loans.
		if err := add(1); !errors.Is(err, store.ErrFull) {
			t.Errorf("beyond its quota at a full store: %v", err)
		}
	})
}

// Both twins let go of the same, whatever happens, be their entries few or more
// than are listed at a time.
func TestTheTwinsEvictTheSame(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 8} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			twinsEvictTheSame(t, n)
		})
	}
}

func twinsEvictTheSame(t *testing.T, n int) {
	limits := store.Limits{
		MaxEntries: 60 * n, MaxBytes: int64(900 * n), QuotaEntries: 8 * n, QuotaBytes: int64(100 * n), MaxPublisherEntries: 40 * n,
	}
	steps := 1500 + 200*n
	var outcomes [][]string
	eachTwin(t, store.Config{Limits: limits}, func(t *testing.T, s subject) {
		random := rand.New(rand.NewPCG(2, 2))
		if err := s.SetIdentity(nodeKey(2)); err != nil {
			t.Fatal(err)
		}
		var outcome []string
		for i := range steps {
			now := i / 20
			e := value(fmt.Sprint(random.IntN(1_000_000_000)), byte(random.IntN(12)*random.IntN(2)), now, 30+random.IntN(60))
			err := s.Put(crowded(random.IntN(200*n)), e, nowhere, at(now))
			stats, _ := s.Stats()
			outcome = append(outcome, fmt.Sprint(errors.Is(err, store.ErrFull), err == nil, stats.Entries, stats.Bytes))
			if s, ok := s.(*store.SQLite); ok && i%(20*n) == 0 && len(s.Miscounted()) > 0 {
				t.Fatalf("step %d: the usage of %s is not what the entries add up to", i, s.Miscounted())
			}
		}
		for i := range 200 * n {
			outcome = append(outcome, show(all(t, s, crowded(i), steps/20)))
		}
		outcomes = append(outcomes, outcome)
	})
	if len(outcomes) != 2 || !slices.Equal(outcomes[0], outcomes[1]) {
		for i := range outcomes[0] {
			if outcomes[0][i] != outcomes[1][i] {
				t.Fatalf("step %d: %q and %q", i, outcomes[0][i], outcomes[1][i])
			}
		}
	}
}

// crowded is the i-th of keys of which half are anywhere, half side by side in
// a few places.
func crowded(i int) kad.ID {
	if i%2 == 0 {
		return kad.HashID(fmt.Append(nil, i))
	}
	key := kad.HashID([]byte{byte(i % 3)})
	key[kad.IDSize-2], key[kad.IDSize-1] = byte(i>>8), byte(i)
	return key
}

// A put that takes something back touches few pages more than one that need not:
// those of the row that goes, for the walk and the counting are once a slice.
func TestAPutThatEvictsTouchesTwoPagesMoreAndReadsNoOtherRows(t *testing.T) {
	const entries, puts = 4000, 320
	pages := func(limit int) (written, read int) {
		s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{Limits: store.Limits{
			MaxEntries: limit, MaxPublisherEntries: entries, QuotaEntries: entries / 8,
		}})
		if err := s.SetIdentity(nodeKey(3)); err != nil {
			t.Fatal(err)
		}
		defer s.Close() // what it has in the cache is in the other's way
		add := func(i int, by byte) {
			put(t, s, kad.HashID(fmt.Append(nil, i)), value(fmt.Sprintf("%100d", i), by, 0, 60), 0)
		}
		for i := range entries {
			add(i, byte(i%2))
		}
		w, r := s.Pages()
		for i := range puts {
			add(entries+i, byte(2+i%4))
		}
		written, read = s.Pages()
		written, read = written-w, read-r
		if stats, err := s.Stats(); err != nil || stats.Entries != min(entries+puts, limit) {
			t.Fatalf("%+v, %v", stats, err)
		}
		return written, read
	}
	roomWritten, roomRead := pages(2 * entries)
	fullWritten, fullRead := pages(entries)
	t.Logf("%d puts with room: %d written, %d read; full: %d written, %d read", puts, roomWritten, roomRead, fullWritten, fullRead)
	if more := fullWritten - roomWritten; more > 9*puts/4 { // now and then one is merged with its neighbour
		t.Errorf("%d puts that evict write %d pages more than %d", puts, more, roomWritten)
	}
	if more := fullRead - roomRead; more > 5*puts/2 {
		t.Errorf("%d puts that evict read %d pages more than %d", puts, more, roomRead)
	}
}
