package lookup_test

import (
	"fmt"
	"net/netip"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

// We know one contact and look for the two closest to ff. Whoever is asked names
// the contacts that it knows; one of them is gone.
func Example() {
	at := func(first byte) kad.Contact {
		address := netip.AddrFrom4([4]byte{192, 0, 2, first})
		return kad.Contact{ID: kad.ID{first}, V4: netip.AddrPortFrom(address, 4000)}
	}
	knows := map[byte][]kad.Contact{
		0x10: {at(0x80), at(0xc0)},
		0x80: {at(0x10), at(0xf0)},
		0xc0: {at(0xf8), at(0x80)},
		0xf8: {at(0xc0), at(0xf0)},
	}

	search := lookup.New(kad.ID{0xff}, lookup.Config{K: 2, Alpha: 1})
	search.Add(at(0x10))
	for c, ok := search.Next(); ok; c, ok = search.Next() {
		closer, alive := knows[c.ID[0]]
		if alive {
			search.Reply(c.ID, closer)
		} else {
			search.Fail(c.ID)
		}
		fmt.Printf("%s, answers: %t\n", c, alive)
	}
	fmt.Println("done:", search.Done())
	fmt.Println("closest:", search.Closest())
	fmt.Println(search.Questions(), "questions,", search.Hops(), "hops")

	// Output:
	// 10000000@192.0.2.16:4000, answers: true
	// c0000000@192.0.2.192:4000, answers: true
	// f8000000@192.0.2.248:4000, answers: true
	// f0000000@192.0.2.240:4000, answers: false
	// done: true
	// closest: [f8000000@192.0.2.248:4000 c0000000@192.0.2.192:4000]
	// 4 questions, 3 hops
}
