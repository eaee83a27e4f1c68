package ktable_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

var start = time.Date(2002, 3, 7, 9, 0, 0, 0, time.UTC)

// In these tests our own ID is all zeros but for the last bit, and an ID is
// written as its first byte: 0x80 to 0xff share no bit with us, 0x40 to 0x7f one.
var self = kad.ID{kad.IDSize - 1: 1}

func contact(b byte) kad.Contact { return contactAt(b, 4000) }

func contactAt(b byte, port uint16) kad.Contact {
	return kad.Contact{ID: kad.ID{b}, V4: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, b}), port)}
}

// after is the time some minutes past the start.
func after(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

// newTable has seen these contacts, one a minute.
func newTable(config ktable.Config, seen ...byte) *ktable.Table {
	table := ktable.New(self, config)
	for i, b := range seen {
		table.Seen(contact(b), after(i))
	}
	return table
}

// drawn is the table in one line: a bucket after the other, the first bytes of
// its contacts, then how many wait.
func drawn(table *ktable.Table) string {
	line := ""
	for _, b := range table.Buckets() {
		line += "["
		for i, m := range b.Contacts {
			if i > 0 {
				line += " "
			}
			line += fmt.Sprintf("%02x", m.Contact.ID[0])
		}
		line += "]"
		if b.Waiting > 0 {
			line += fmt.Sprintf("+%d", b.Waiting)
		}
	}
	return line
}

func wantDrawn(t *testing.T, table *ktable.Table, want string) {
	t.Helper()
	if got := drawn(table); got != want {
		t.Errorf("the table is %s, want %s", got, want)
	}
}

func wantSuspect(t *testing.T, table *ktable.Table, seen byte, now time.Time, want byte) {
	t.Helper()
	suspect, ok := table.Seen(contact(seen), now)
	if ok != (want != 0) || suspect.ID[0] != want {
		t.Errorf("the suspect is %02x (%t), want %02x", suspect.ID[0], ok, want)
	}
}

func TestAFullBucketKeepsItsOldestLiveContact(t *testing.T) {
	table := newTable(ktable.Config{K: 2}, 0x80, 0x90)
	wantSuspect(t, table, 0xa0, after(60), 0x80)

	table.Seen(contact(0x80), after(60)) // it answers the ping

	wantDrawn(t, table, "[90 80]+1")
	if _, placed := table.Get(contact(0xa0).ID); placed {
		t.Error("the newcomer has a place")
	}
}

func TestTheOldestIsPingedOnlyAfterMinPingInterval(t *testing.T) {
	table := newTable(ktable.Config{K: 2, MinPingInterval: 15 * time.Minute}, 0x80, 0x90)
	wantSuspect(t, table, 0xa0, after(15).Add(-time.Microsecond), 0)
	wantSuspect(t, table, 0xa0, after(15), 0x80)
}

func TestTheOldestIsPingedOnceAtATime(t *testing.T) {
	table := newTable(ktable.Config{K: 2}, 0x80, 0x90)
	wantSuspect(t, table, 0xa0, after(60), 0x80)
	wantSuspect(t, table, 0xb0, after(61), 0)
	wantSuspect(t, table, 0xa0, after(62), 0)

	table.Seen(contact(0x80), after(63))

	wantSuspect(t, table, 0xb0, after(64), 0x90) // the next one is the oldest now
}

func TestAContactWithFailuresIsPingedAtOnce(t *testing.T) {
	table := newTable(ktable.Config{K: 2, MinPingInterval: time.Hour}, 0x80, 0x90)
	wantSuspect(t, table, 0xa0, after(2), 0)
	table.Failed(contact(0x80).ID)
	wantSuspect(t, table, 0xa0, after(2), 0x80)
	wantSuspect(t, table, 0xa0, after(2), 0)
	table.Failed(contact(0x80).ID) // the check failed; it may be checked again
	wantSuspect(t, table, 0xa0, after(2), 0x80)
}

func TestAFailedSuspectGivesItsPlaceToTheMostRecentlySeenWaiter(t *testing.T) {
	table := newTable(ktable.Config{K: 2, MaxFailures: 1}, 0x80, 0x90, 0xa0, 0xb0, 0xa0)
	wantSuspect(t, table, 0xc0, after(60), 0x80)
	table.Seen(contact(0xb0), after(61)) // of a0, c0 and b0, b0 is the latest now

	dropped := table.Failed(contact(0x80).ID)

	if !dropped {
		t.Error("the suspect was not dropped")
	}
	wantDrawn(t, table, "[90 b0]+2")
}

func TestAPromotedContactRanksByWhenItWasSeen(t *testing.T) {
	table := newTable(ktable.Config{K: 3, MaxFailures: 1}, 0x80, 0x90, 0xa0, 0xb0)
	table.Seen(contact(0xa0), after(9)) // later than b0, which waits since minute 3
	table.Failed(contact(0x80).ID)
	wantDrawn(t, table, "[90 b0 a0]")
}

func TestTheCacheKeepsTheMostRecentlySeen(t *testing.T) {
	table := newTable(ktable.Config{K: 1, Replacements: 2, MaxFailures: 1}, 0x80, 0x90, 0xa0, 0xb0)
	wantDrawn(t, table, "[80]+2")
	table.Failed(contact(0x80).ID)
	table.Failed(contact(0xb0).ID)
	table.Failed(contact(0xa0).ID)
	wantDrawn(t, table, "[]") // 90 had to go
}

func TestAWaitingContactLeavesAtItsFirstFailure(t *testing.T) {
	table := newTable(ktable.Config{K: 1, MaxFailures: 3}, 0x80, 0x90)
	if !table.Failed(contact(0x90).ID) {
		t.Error("it was not dropped")
	}
	wantDrawn(t, table, "[80]")
}

func TestMaxFailuresInARowCostThePlace(t *testing.T) {
	table := newTable(ktable.Config{MaxFailures: 3}, 0x80)
	for i, want := range []bool{false, false, true, false} {
		if got := table.Failed(contact(0x80).ID); got != want {
			t.Errorf("failure %d: dropped is %t, want %t", i+1, got, want)
		}
	}
	wantDrawn(t, table, "[]")
}

func TestAnAnswerResetsTheFailures(t *testing.T) {
	table := newTable(ktable.Config{MaxFailures: 3}, 0x80)
	table.Failed(contact(0x80).ID)
	table.Failed(contact(0x80).ID)
	table.Seen(contact(0x80), after(1))
	table.Failed(contact(0x80).ID)
	table.Failed(contact(0x80).ID)
	wantDrawn(t, table, "[80]")
}

func TestAnAnswerFromAnotherAddressMovesTheContact(t *testing.T) {
	table := newTable(ktable.Config{K: 1, MaxFailures: 1}, 0x80, 0x90)
	moved, waiting := contactAt(0x80, 5000), contactAt(0x90, 6000)
	table.Seen(moved, after(2))
	table.Seen(waiting, after(2))
	if got, _ := table.Get(moved.ID); got != moved {
		t.Errorf("it is at %s, want %s", got, moved)
	}
	table.Failed(moved.ID)
	if got, _ := table.Get(waiting.ID); got != waiting {
		t.Errorf("the promoted one is at %s, want %s", got, waiting)
	}
	wantDrawn(t, table, "[90]")
}

func TestWhoCannotBeAskedNeverEnters(t *testing.T) {
	unreachable := contact(0x80)
	unreachable.V4 = netip.AddrPort{}
	us, nobody := contact(0), contact(0)
	us.ID = self
	table := ktable.New(self, ktable.Config{})
	for _, c := range []kad.Contact{unreachable, us, nobody} {
		table.Seen(c, start)
	}
	wantDrawn(t, table, "[]")
	if table.Wants(self) || table.Wants(kad.ID{}) {
		t.Error("it wants our own ID or the zero ID")
	}
}

func TestAnExcusedSuspectKeepsItsPlaceAndMayBeCheckedAgain(t *testing.T) {
	table := newTable(ktable.Config{K: 1, MaxFailures: 1}, 0x80)
	later := start.Add(kad.MinPingInterval)
	if suspect, ok := table.Seen(contact(0x90), later); !ok || suspect.ID != contact(0x80).ID {
		t.Fatalf("the suspect is %v, %t", suspect, ok)
	}
	if _, ok := table.Seen(contact(0x90), later); ok {
		t.Fatal("it is being checked, and came again")
	}
	table.Excused(contact(0x80).ID)
	if suspect, ok := table.Seen(contact(0x90), later); !ok || suspect.ID != contact(0x80).ID {
		t.Errorf("after the excuse the suspect is %v, %t", suspect, ok)
	}
	table.Failed(contact(0x80).ID)
	if _, ok := table.Get(contact(0x90).ID); !ok {
		t.Error("the waiter did not take the place of a suspect that failed")
	}
}

func TestTheTableWantsThoseItHasUseFor(t *testing.T) {
	config := ktable.Config{K: 2, Replacements: 1}
	failing := newTable(config, 0x80, 0x90, 0xa0)
	failing.Failed(contact(0x90).ID)
	for name, test := range map[string]struct {
		table *ktable.Table
		id    byte
		want  bool
	}{
		"known":                    {newTable(config, 0x80), 0x80, false},
		"known, waiting":           {newTable(config, 0x80, 0x90, 0xa0), 0xa0, false},
		"room in the bucket":       {newTable(config, 0x80), 0x90, true},
		"only to wait":             {newTable(config, 0x80, 0x90), 0xa0, false},
		"no room":                  {newTable(config, 0x80, 0x90, 0xa0), 0xb0, false},
		"no room, but failures":    {failing, 0xb0, true},
		"no room, but it splits":   {newTable(config, 0x80, 0x90, 0xa0), 0x40, true},
		"no room, and not our own": {newTable(config, 0x80, 0x90, 0xa0, 0x40), 0xb0, false},
	} {
		if got := test.table.Wants(contact(test.id).ID); got != test.want {
			t.Errorf("%s: Wants is %t, want %t", name, got, test.want)
		}
	}
}

func TestOnlyTheWidePartOfABucketIsSpare(t *testing.T) {
	// Given tables whose farthest bucket is twice as wide as K
	config := ktable.Config{K: 3, Wide: 1}
	failing := newTable(config, 0x80, 0x90, 0xb0, 0x40, 0x20, 0x10)
	failing.Failed(contact(0x90).ID)
	for name, test := range map[string]struct {
		table *ktable.Table
		id    byte
		want  bool
	}{
		"one bucket, not wide yet":    {newTable(config, 0x80, 0x90), 0xa0, false},
		"a wide one, with few":        {newTable(config, 0x80, 0x40, 0x20, 0x10), 0xa0, false},
		"a wide one, with enough":     {newTable(config, 0x80, 0x90, 0xb0, 0x40, 0x20, 0x10), 0xa0, true},
		"with enough, but failures":   {failing, 0xa0, false},
		"near us, where none is wide": {newTable(config, 0x80, 0x90, 0x40, 0x20, 0x10), 0x08, false},
	} {
		if got := test.table.Spare(contact(test.id).ID); got != test.want {
			t.Errorf("%s: Spare is %t, want %t", name, got, test.want)
		}
	}
}

func TestOrderIsKeptWhenTheCallerBreaksOffTheIteration(t *testing.T) {
	table := newTable(ktable.Config{K: 2}, 0x40, 0x90, 0x80)
	var got []byte
	for c := range table.Contacts() {
		if got = append(got, c.ID[0]); len(got) == 2 {
			break
		}
	}
	if !slices.Equal(got, []byte{0x90, 0x80}) {
		t.Errorf("got %x", got)
	}
}

func TestAZeroConfigMeansTheDefaults(t *testing.T) {
	table := ktable.New(self, ktable.Config{})
	for b := range byte(kad.K + kad.ReplacementsPerBucket + 1) {
		table.Seen(contact(0x80+b), start)
	}
	far := table.Buckets()[0]
	if len(far.Contacts) != kad.K || far.Waiting != kad.ReplacementsPerBucket {
		t.Errorf("%d have a place and %d wait", len(far.Contacts), far.Waiting)
	}
	wantSuspect(t, table, 0xff, start.Add(kad.MinPingInterval-1), 0)
	wantSuspect(t, table, 0xff, start.Add(kad.MinPingInterval), 0x80)
	for i := range kad.MaxFailures {
		if got, want := table.Failed(contact(0x80).ID), i == kad.MaxFailures-1; got != want {
			t.Errorf("failure %d: dropped is %t", i+1, got)
		}
	}
}

// What is known again after a restart: all of the table, those around us first, and
// who has been silent once is no reason to forget anybody.
func TestTheNearestAreThoseOfTheNearestBuckets(t *testing.T) {
	table, all := crowd()
	silent := 0
	for _, c := range all {
		if _, known := table.Get(c.ID); known && silent < 20 {
			table.Failed(c.ID)
			silent++
		}
	}
	nearest := table.Nearest(nil, table.Len()+1)
	buckets := table.Buckets()
	slices.Reverse(buckets)
	left := nearest
	for _, b := range buckets {
		if len(left) < len(b.Contacts) {
			t.Fatalf("%d contacts, of %d", len(nearest), table.Len())
		}
		for _, c := range left[:len(b.Contacts)] {
			if !b.Range.Contains(c.ID) {
				t.Errorf("%s comes among those of %v", c, b.Range)
			}
		}
		left = left[len(b.Contacts):]
	}
	if len(left) > 0 {
		t.Errorf("%d too many", len(left))
	}
	for _, n := range []int{0, 1, kad.K, table.Len() - 1} {
		if got := table.Nearest(nil, n); !slices.Equal(got, nearest[:n]) {
			t.Errorf("of the nearest %d come %v", n, got)
		}
	}
}
