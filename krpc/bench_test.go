package krpc_test

import (
	"net/netip"
	"testing"
	"time"

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

// frequent are the other messages of a store and a find, as long as they are
// for a value of 200 bytes.
var frequent = []struct {
	name    string
	message krpc.Message
}{
	{"ping", query(krpc.Query{Method: krpc.Ping})},
	{"ping-answer", reply(krpc.Reply{})},
	{"ping-who", query(krpc.Query{Method: krpc.Ping, Who: true})},
	{"ping-who-answer", reply(krpc.Reply{Key: key(0xa1)})},
	{"find_node", query(krpc.Query{Method: krpc.FindNode, Target: id(0xdd)})},
	{"find_value", query(krpc.Query{Method: krpc.FindValue, Target: id(0xdd)})},
	{"find_value-answer", func() krpc.Message {
		m := findNodeAnswer()
		m.Reply.Entries = []krpc.Entry{{Value: make([]byte, 200), Publisher: key(0xb2), Age: time.Hour, TTL: kad.ValueTTL}}
		return m
	}()},
	{"store_value", query(krpc.Query{
		Method: krpc.StoreValue, Target: id(0xdd), Token: "tokentok",
		Entry: krpc.Entry{Value: make([]byte, 200), TTL: kad.ValueTTL, Seq: 1790000000000, Signature: signature},
	})},
	{"store_value-answer", reply(krpc.Reply{})},
}

func BenchmarkEncode(b *testing.B) {
	for _, f := range frequent {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := krpc.Encode(f.message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range frequent {
		b.Run(f.name, func(b *testing.B) {
			wire := encoded(b, f.message)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := krpc.Decode(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
