package ktable_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

// crowd is a table that 10,000 random contacts were offered to, and those contacts.
func crowd() (*ktable.Table, []kad.Contact) {
	src := rand.NewPCG(1, 2)
	table := ktable.New(kad.RandomID(src), ktable.Config{})
	all := make([]kad.Contact, 10_000)
	for i := range all {
		all[i] = contact(1)
		all[i].ID = kad.RandomID(src)
		table.Seen(all[i], start)
	}
	return table, all
}

func TestClosestAllocatesNothingWhenDstHasRoom(t *testing.T) {
	table, all := crowd()
	dst := make([]kad.Contact, 0, kad.K)
	allocations := testing.AllocsPerRun(100, func() {
		for _, c := range all[:100] {
			dst = table.Closest(dst[:0], c.ID, kad.K)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestClosestIsExactInATableOfRandomIDs(t *testing.T) {
	table, all := crowd()
	for _, target := range all[:500] {
		want := slices.SortedFunc(table.Contacts(), func(a, b kad.Contact) int {
			return a.ID.Distance(target.ID).Compare(b.ID.Distance(target.ID))
		})
		if got := table.Closest(nil, target.ID, 20); !slices.Equal(got, want[:20]) {
			t.Fatalf("to %s:\n got %v\nwant %v", target.ID, got, want[:20])
		}
	}
}

func TestClosestLeavesNothingOfWhatWasInDst(t *testing.T) {
	table, all := crowd()
	want := table.Closest(nil, all[0].ID, kad.K)
	dst := make([]kad.Contact, kad.K)
	for i := range dst {
		dst[i].V4, dst[i].V6 = netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1")
	}
	if got := table.Closest(dst[:0], all[0].ID, kad.K); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func BenchmarkClosest(b *testing.B) {
	table, all := crowd()
	dst := make([]kad.Contact, 0, kad.K)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dst = table.Closest(dst[:0], all[i%len(all)].ID, kad.K)
	}
}

func BenchmarkSeen(b *testing.B) {
	table, all := crowd()
	for name, contacts := range map[string][]kad.Contact{
		"placed":  slices.Collect(table.Contacts()),
		"anybody": all,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				table.Seen(contacts[i%len(contacts)], start)
			}
		})
	}
}

func BenchmarkWants(b *testing.B) {
	table, all := crowd()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.Wants(all[i%len(all)].ID)
	}
}

// BenchmarkTable is the memory that a table of 10,000 contacts' choosing costs.
func BenchmarkTable(b *testing.B) {
	_, all := crowd()
	b.ReportAllocs()
	for b.Loop() {
		table := ktable.New(kad.HashID(nil), ktable.Config{})
		for _, c := range all {
			table.Seen(c, start)
		}
	}
}
