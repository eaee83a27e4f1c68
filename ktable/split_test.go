package ktable_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

func TestOnlyOurOwnBucketSplits(t *testing.T) {
	// given a full bucket on our side and a full one on the other
	table := newTable(ktable.Config{K: 2}, 0x80, 0x90, 0x40, 0x20)
	wantDrawn(t, table, "[80 90][40 20]")
	// when one more comes to each
	table.Seen(contact(0xa0), after(5))
	table.Seen(contact(0x50), after(5))
	// then the far one waits, and our own bucket has split
	wantDrawn(t, table, "[80 90]+1[40 50][20]")
}

func TestABucketSplitsUntilItsContactsAreToldApart(t *testing.T) {
	table := newTable(ktable.Config{K: 2}, 0x01, 0x02, 0x03)
	// 02 and 03 share six bits with us, 01 seven; nobody shares fewer
	wantDrawn(t, table, "[][][][][][][02 03][01]")
}

func TestABucketWhoseContactsAreAllOnOneSideDoesNotSplit(t *testing.T) {
	table := newTable(ktable.Config{K: 2}, 0x80, 0x90, 0xa0)
	wantDrawn(t, table, "[80 90]+1")
	// those who wait go along when it splits in the end
	table.Seen(contact(0x40), after(5))
	wantDrawn(t, table, "[80 90]+1[40]")
}

func TestEverybodyNearUsFits(t *testing.T) {
	// given K=1, the narrowest table, and one contact for each number of shared bits
	table := ktable.New(self, ktable.Config{K: 1})
	for n := range 8*kad.IDSize - 1 { // at n = 159 it would be the zero ID
		c := contact(0)
		c.ID = self.Flip(n)
		table.Seen(c, start)
	}
	if got := table.Len(); got != 159 {
		t.Errorf("%d have a place, want 159", got)
	}
}

func TestTheLastBucketsMergeWhenOneIsEmptied(t *testing.T) {
	config := ktable.Config{K: 2, MaxFailures: 1}
	for _, test := range []struct {
		seen, failed []byte
		want         string
	}{
		{[]byte{0x80, 0x90, 0x40}, []byte{0x40}, "[80 90]"},
		{[]byte{0x80, 0x40, 0x20}, []byte{0x80}, "[40 20]"},
		{[]byte{0x80, 0x90, 0x40, 0x20}, []byte{0x40}, "[80 90][20]"},
		{[]byte{0x80, 0x90, 0xa0, 0x40}, []byte{0x40}, "[80 90]+1"},
		// an empty bucket farther out stays, until those nearer are gone too
		{[]byte{0x80, 0x40, 0x50, 0x20}, []byte{0x80}, "[][40 50][20]"},
		{[]byte{0x80, 0x40, 0x50, 0x20}, []byte{0x80, 0x20}, "[40 50]"},
		{[]byte{0x80, 0x40, 0x50, 0x20}, []byte{0x80, 0x20, 0x40, 0x50}, "[]"},
	} {
		t.Run(fmt.Sprintf("%x without %x", test.seen, test.failed), func(t *testing.T) {
			table := newTable(config, test.seen...)
			for _, b := range test.failed {
				table.Failed(contact(b).ID)
			}
			wantDrawn(t, table, test.want)
		})
	}
}

func TestANewTableIsStaleAndALookupFreshensItsBucket(t *testing.T) {
	table := newTable(ktable.Config{K: 1}, 0x80, 0x40, 0x20)
	silent(table, 0x80, 0x40, 0x20)
	far, middle, near := span(0x80, 1), span(0x40, 2), span(0, 2)

	wantStale(t, table, after(0), far, middle, near)

	table.LookedUp(kad.ID{0x77}, after(10))
	wantStale(t, table, after(10), far, near)
	wantStale(t, table, after(70).Add(-time.Microsecond), far, near)
	wantStale(t, table, after(70), far, middle, near)

	table.LookedUp(self, after(70))
	wantStale(t, table, after(70), far, middle)
}

// What was seen at a time that is yet to come was seen nobody knows when, once that is further
// ahead than it would have to be back.
func TestAClockThatIsSetBackKeepsNothingFresh(t *testing.T) {
	// given buckets that are full, looked up and pinged late, [80][40][20]
	table := newTable(ktable.Config{K: 1, MinPingInterval: time.Hour}, 0x80, 0x40, 0x20)
	far, middle, near := span(0x80, 1), span(0x40, 2), span(0, 2)
	for _, b := range []byte{0x80, 0x40, 0x20} {
		table.Seen(contact(b), after(1000))
		table.LookedUp(kad.ID{b}, after(1000))
	}
	// when the clock is set back by less, and by as much as wantStale asks for
	wantStale(t, table, after(941))
	wantStale(t, table, after(940), far, middle, near)
	wantSuspect(t, table, 0xc0, after(941), 0)
	wantSuspect(t, table, 0xc0, after(940), 0x80)
}

func TestANewbornBucketInheritsTheLookupOfItsParent(t *testing.T) {
	table := newTable(ktable.Config{K: 1}, 0x80)
	table.LookedUp(self, after(10))
	table.Seen(contact(0x40), after(30))
	wantDrawn(t, table, "[80][40]")
	wantStale(t, table, after(69))
	wantStale(t, table, after(70), span(0x80, 1), span(0, 1))
}

func TestAMergedBucketIsAsStaleAsTheStalerOfTheTwo(t *testing.T) {
	table := newTable(ktable.Config{K: 1, MaxFailures: 1}, 0x80, 0x40)
	table.LookedUp(kad.ID{0x80}, after(10))
	table.LookedUp(self, after(50))
	table.Failed(contact(0x40).ID)
	wantDrawn(t, table, "[80]")
	wantStale(t, table, after(69))
	wantStale(t, table, after(70), span(0, 0))
}

func TestARefreshTargetFallsIntoItsRange(t *testing.T) {
	// given fresh buckets: a lookup for a target drawn from a range freshens just that one
	table := newTable(ktable.Config{K: 1}, 0x80, 0x40, 0x20, 0x10)
	silent(table, 0x80, 0x40, 0x20, 0x10)
	src := rand.NewPCG(1, 2)
	stale := table.Stale(start, time.Hour)
	if len(stale) != 4 {
		t.Fatalf("stale are %v", stale)
	}
	for i, r := range stale {
		table.LookedUp(kad.RandomInRange(r.Prefix, r.Bits, src), start)
		wantStale(t, table, start, stale[i+1:]...)
	}
}

// A bucket needs no lookup while it is full of contacts that have all been heard
// of: it would bring nobody in.
func TestAFullBucketOfContactsHeardOfLatelyIsNotStale(t *testing.T) {
	// [80 90][40][20 10]
	table := newTable(ktable.Config{K: 2}, 0x80, 0x90, 0x40, 0x20, 0x10)
	far, middle, near := span(0x80, 1), span(0x40, 2), span(0, 2)
	wantDrawn(t, table, "[80 90][40][20 10]")
	wantStale(t, table, after(5), middle, near) // there is room in one; the other is our own

	wantStale(t, table, after(60).Add(-time.Microsecond), middle, near)
	wantStale(t, table, after(60), far, middle, near) // nothing of 0x80 for an hour

	table.Seen(contact(0x80), after(60))
	wantStale(t, table, after(60), middle, near) // 0x90 was heard of a minute later
	wantStale(t, table, after(61), far, middle, near)

	table.Seen(contact(0x90), after(61))
	silent(table, 0x80)
	wantStale(t, table, after(61), far, middle, near) // it may be dead
	table.Seen(contact(0x80), after(62))
	wantStale(t, table, after(62), middle, near)
}

// silent has each of them leave a question unanswered.
func silent(table *ktable.Table, contacts ...byte) {
	for _, b := range contacts {
		table.Failed(contact(b).ID)
	}
}

func span(b byte, bits int) kad.Range { return kad.Range{Prefix: kad.ID{b}, Bits: bits} }

func wantStale(t *testing.T, table *ktable.Table, now time.Time, want ...kad.Range) {
	t.Helper()
	if got := table.Stale(now, time.Hour); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("at %s stale are %v, want %v", now.Format("15:04"), got, want)
	}
}
