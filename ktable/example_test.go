package ktable_test

import (
	"fmt"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

// A node with room for two contacts a bucket hears from four others. It keeps
// the two far ones that it knew first, asks after the older of them, and gives
// the place away once that one stays silent.
func Example() {
	table := ktable.New(kad.ID{0x10}, ktable.Config{K: 2, MaxFailures: 1})
	now := time.Date(2002, 3, 7, 9, 0, 0, 0, time.UTC)
	for i, first := range []byte{0x80, 0x90, 0x20, 0xa0} {
		c := kad.Contact{ID: kad.ID{first}, V4: netip.MustParseAddrPort(fmt.Sprintf("192.0.2.%d:4000", i+1))}
		if suspect, ok := table.Seen(c, now.Add(time.Duration(i)*time.Hour)); ok {
			fmt.Println("are you there?", suspect)
			table.Failed(suspect.ID) // no answer
		}
	}
	for _, c := range table.Closest(nil, kad.ID{0xff}, 2) {
		fmt.Println("close to ff:", c)
	}

	// Output:
	// are you there? 80000000@192.0.2.1:4000
	// close to ff: a0000000@192.0.2.4:4000
	// close to ff: 90000000@192.0.2.2:4000
}
