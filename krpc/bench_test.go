package krpc_test

import (
	"net/netip"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// findNodeAnswer is the message that a network sends most.
func findNodeAnswer() krpc.Message {
	r := krpc.Reply{Token: "12345678"}
	for i := range byte(kad.K) {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, i}), 6881)
		r.Contacts = append(r.Contacts, kad.NewContact(key(i+1), addr))
	}
	return reply(r)
}

func BenchmarkCheckFindNodeAnswer(b *testing.B) {
	wire := encoded(b, findNodeAnswer())
	b.ReportAllocs()
	for b.Loop() {
		if err := krpc.Check(wire); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeFindNodeAnswer(b *testing.B) {
	m := findNodeAnswer()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := krpc.Encode(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeFindNodeAnswer(b *testing.B) {
	wire := encoded(b, findNodeAnswer())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := krpc.Decode(wire); err != nil {
			b.Fatal(err)
		}
	}
}
