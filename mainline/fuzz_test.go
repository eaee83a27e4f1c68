package mainline_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/mainline"
)

var stranger = netip.MustParseAddrPort("127.0.0.1:4242")

// packet is a query of a stranger's.
func packet(t testing.TB, method string, args dict) []byte {
	t.Helper()
	all := with(dict{"id": strings.Repeat("s", kad.IDSize)}, args)
	b, err := bencode.EncodeBytes(dict{"t": "tttt", "y": "q", "q": method, "a": all})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stocked is a node that knows nodes, holds peers and an item, and the queries
// that find all of these; each of them is answered.
func stocked(t testing.TB) (*mainline.Node, map[string][]byte) {
	t.Helper()
	n := open(t)
	for i := range 20 {
		c := dial(t, n).serve()
		if _, err := n.Ping(t.Context(), c.addr()); err != nil {
			t.Fatal(err)
		}
		c2 := dial(t, n)
		c2.announce(hash, 1000+i)
	}
	c := dial(t, n)
	args, target := mutable("", 3, strings.Repeat("v", 200))
	c.values("put", with(args, dict{"token": c.token(target)}))
	token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
	return n, map[string][]byte{
		"ping":      packet(t, "ping", nil),
		"find_node": packet(t, "find_node", dict{"target": raw(kad.ID{1})}),
		"get_peers": packet(t, "get_peers", dict{"info_hash": raw(hash)}),
		"announce":  packet(t, "announce_peer", dict{"info_hash": raw(hash), "port": 1000, "token": token}),
		"get":       packet(t, "get", dict{"target": target}),
		"sample":    packet(t, "sample_infohashes", dict{"target": raw(hash)}),
		"scrape":    packet(t, "get_peers", dict{"info_hash": raw(hash), "scrape": 1}),
		"unknown":   packet(t, "moo", nil),
	}
}

func TestTheAnswersOfAStockedNodeAllocateNothing(t *testing.T) {
	n, packets := stocked(t)
	for name, packet := range packets {
		mainline.Answering(n, func(answer func([]byte, netip.AddrPort, []byte) []byte) {
			b := make([]byte, 0, 4096)
			if got := string(answer(b, stranger, packet)); !strings.Contains(got, "1:y1:r") && name != "unknown" {
				t.Errorf("%s: answered %q", name, got)
			}
			if allocated := testing.AllocsPerRun(100, func() { answer(b, stranger, packet) }); allocated != 0 {
				t.Errorf("%s: %v allocations", name, allocated)
			}
		})
	}
}

func BenchmarkAnswer(b *testing.B) {
	n, packets := stocked(b)
	for _, name := range []string{"ping", "find_node", "get_peers", "announce", "get", "sample"} {
		b.Run(name, func(b *testing.B) {
			mainline.Answering(n, func(answer func([]byte, netip.AddrPort, []byte) []byte) {
				room := make([]byte, 0, 4096)
				b.ReportAllocs()
				for b.Loop() {
					answer(room, stranger, packets[name])
				}
			})
		})
	}
}

// FuzzAnswer: whatever comes, the node survives, and what it says is canonical
// and short.
func FuzzAnswer(f *testing.F) {
	n, packets := stocked(f)
	for _, packet := range packets {
		f.Add(packet)
	}
	put, _ := immutable("v")
	f.Add(packet(f, "put", with(put, dict{"token": "x"})))
	put, _ = mutable("salt", 3, "v")
	f.Add(packet(f, "put", with(put, dict{"token": "x", "cas": 3})))
	f.Add(packet(f, "announce_peer", dict{"implied_port": 1, "port": -1, "want": []string{"n4", "n6"}, "seed": 1, "noseed": 1}))
	f.Add(packet(f, "vote", dict{"info_hash": raw(hash), "want": []string{"n4", "n6"}}))
	f.Fuzz(func(t *testing.T, packet []byte) {
		mainline.Answering(n, func(answer func([]byte, netip.AddrPort, []byte) []byte) {
			b := answer(nil, stranger, packet)
			if len(b) == 0 {
				return
			}
			var m bep5.Message
			if err := bep5.Read(b, &m); err != nil || m.Kind == bep5.Query || len(b) > bep5.MaxReply {
				t.Fatalf("%q is answered with %q: %v", packet, b, err)
			}
			if err := krpc.Check(b); err != nil {
				t.Fatalf("%q is answered with %q: %v", packet, b, err)
			}
		})
	})
}
