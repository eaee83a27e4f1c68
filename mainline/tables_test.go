package mainline_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/mainline"
)

// someone is the i-th of many contacts, some of whose IDs begin alike.
func someone(i int) kad.Contact {
	id := kad.HashID(binary.BigEndian.AppendUint32(nil, uint32(i)))
	if i%3 == 0 {
		copy(id[:5], "alike")
	}
	return kad.Contact{ID: id}.WithAddr(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1))
}

// Both research tables are held to a list that is sorted each time.
func TestResearchTablesKeepEveryNodeEverSeenAndFindTheClosest(t *testing.T) {
	for _, table := range []mainline.Table{new(mainline.FlatTable), new(mainline.PrefixTable)} {
		t.Run(fmt.Sprintf("%T", table), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			alive := map[kad.ID]kad.Contact{}
			ever := map[kad.ID]bool{}
			for step := range 4000 {
				c := someone(random.IntN(1500))
				if random.IntN(3) == 0 {
					table.Failed(c)
					delete(alive, c.ID)
				} else {
					table.Seen(mainline.Sighting{Contact: c, At: time.Unix(int64(step), 0)})
					alive[c.ID], ever[c.ID] = c, true
				}
				if step%50 != 0 {
					continue
				}
				target, n := someone(random.IntN(3000)).ID, random.IntN(40)
				var want []kad.Contact
				for _, c := range alive {
					want = append(want, c)
				}
				slices.SortFunc(want, func(a, b kad.Contact) int { return target.CompareDistance(a.ID, b.ID) })
				want = want[:min(n, len(want))]
				if got := table.Closest(target, n); !slices.Equal(got, want) || table.Len() != len(ever) {
					t.Fatalf("step %d: closest %d:\n%v\nwant\n%v\nlen %d, want %d", step, n, got, want, table.Len(), len(ever))
				}
			}
		})
	}
}

func TestATableRemembersWhenANodeWasSeen(t *testing.T) {
	var flat mainline.FlatTable
	var prefix mainline.PrefixTable
	a, b := someone(1), someone(2)
	for _, table := range []mainline.Table{&flat, &prefix} {
		table.Seen(mainline.Sighting{Contact: a, Version: "LT20", At: time.Unix(1, 0)})
		table.Seen(mainline.Sighting{Contact: b, At: time.Unix(2, 0)})
		table.Seen(mainline.Sighting{Contact: a, At: time.Unix(3, 0)})
		table.Failed(b)
		table.Failed(someone(3))
	}
	want := []mainline.Entry{
		{Contact: a, Version: "LT20", FirstSeen: time.Unix(1, 0), LastSeen: time.Unix(3, 0), Sightings: 2},
		{Contact: b, FirstSeen: time.Unix(2, 0), LastSeen: time.Unix(2, 0), Sightings: 1, Silent: true},
	}
	if got := flat.Entries(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for _, w := range want {
		if got := prefix.Under(kad.NewRange(w.Contact.ID, 12)); !reflect.DeepEqual(got, []mainline.Entry{w}) {
			t.Errorf("%+v", got)
		}
	}
	if got := prefix.Under(kad.Range{}); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestAResearchTableHearsOfAllThatTheNodeHears(t *testing.T) {
	table := new(mainline.FlatTable)
	n := open(t, func(c *mainline.Config) { c.Table = table })
	nodes := known(t, n, 40)
	if table.Len() != len(nodes) {
		t.Errorf("%d of %d", table.Len(), len(nodes))
	}
}
