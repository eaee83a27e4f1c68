package store_test

import (
	"fmt"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

func TestHoldingsListWhatLivesKeyByKey(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		first, second, third := kad.ID{1}, kad.ID{2}, kad.ID{3}
		put(t, s, first, value("one", 1, 0, 100), 0)
		put(t, s, first, value("three", 2, 10, 300), 10)
		put(t, s, second, value("short", 1, 0, 20), 0)
		removed := value("gone", 1, 0, 500)
		put(t, s, third, removed, 0)
		hash := removed.Hash()
		removed.Value, removed.Removed, removed.Seq = hash[:], true, removed.Seq+1
		put(t, s, third, removed, 1)

		both := []store.Holding{
			{Key: first, Entries: 2, Bytes: 8, Oldest: at(0), Soonest: at(100), Latest: at(310)},
			{Key: second, Entries: 1, Bytes: 5, Oldest: at(0), Soonest: at(20), Latest: at(20)},
		}
		for _, test := range []struct {
			from  kad.ID
			limit int
			now   int
			want  []store.Holding
		}{
			{kad.ID{}, 10, 15, both},
			{kad.ID{}, 1, 15, both[:1]},
			{kad.ID{1, 1}, 10, 15, both[1:]},
			{second, 10, 15, both[1:]},
			{kad.ID{}, 10, 20, both[:1]},
			{kad.ID{9}, 10, 15, nil},
			{kad.ID{}, -1, 15, nil},
		} {
			got, err := s.Holdings(test.from, test.limit, at(test.now))
			if err != nil || !slices.EqualFunc(got, test.want, func(a, b store.Holding) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
				t.Errorf("%d from %s at %d s: got %v, %v\nwant %v", test.limit, test.from, test.now, got, err, test.want)
			}
		}
	})
}
