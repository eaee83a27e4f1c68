package bep5_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/khashmir/kad/krpc/bep5"
)

const id = "abcdefghij0123456789"

func TestReadTakesThePacketsOfBEP5(t *testing.T) {
	for _, test := range []struct {
		name, wire string
		check      func(m bep5.Message) bool
	}{
		{"ping", "d1:ad2:id20:" + id + "e1:q4:ping1:t2:aa1:y1:qe", func(m bep5.Message) bool {
			return m.Kind == bep5.Query && string(m.Method) == bep5.Ping && string(m.Tx) == "aa" && string(m.ID) == id
		}},
		{"ping's reply", "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re", func(m bep5.Message) bool {
			return m.Kind == bep5.Reply && string(m.ID) == "mnopqrstuvwxyz123456"
		}},
		{"find_node", "d1:ad2:id20:" + id + "6:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe", func(m bep5.Message) bool {
			return string(m.Target) == "mnopqrstuvwxyz123456"
		}},
		{"find_node's reply", "d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re", func(m bep5.Message) bool {
			return string(m.Nodes) == "def456..."
		}},
		{"get_peers' reply", "d1:rd2:id20:" + id + "5:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re", func(m bep5.Message) bool {
			var peers []netip.AddrPort
			for p := range m.Peers() {
				peers = append(peers, p)
			}
			return string(m.Token) == "aoeusnth" && len(peers) == 2 && peers[0] == netip.MustParseAddrPort("97.120.106.101:11893")
		}},
		{"announce_peer", "d1:ad2:id20:" + id + "12:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe", func(m bep5.Message) bool {
			return m.ImpliedPort && m.Port == 6881 && string(m.Token) == "aoeusnth" && m.Has&bep5.FieldPort != 0
		}},
		{"an error", "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee", func(m bep5.Message) bool {
			return m.Kind == bep5.Failure && m.Code == 201 && string(m.Text) == "A Generic Error Ocurred"
		}},
		{"read only, want, scrape", "d1:ad2:id20:" + id + "6:scrapei1e4:wantl2:n42:n6ee1:q9:get_peers2:roi1e1:t2:aa1:y1:qe", func(m bep5.Message) bool {
			return m.ReadOnly && m.Want4 && m.Want6 && m.Scrape
		}},
		{"the largest seq", "d1:ad2:id20:" + id + "3:seqi9223372036854775807ee1:q3:get1:t1:a1:y1:qe", func(m bep5.Message) bool {
			return m.Seq == 1<<63-1 && m.Has&bep5.FieldSeq != 0
		}},
		{"a seq of more than 64 bits", "d1:ad2:id20:" + id + "3:seqi9223372036854775808ee1:q3:get1:t1:a1:y1:qe", func(m bep5.Message) bool {
			return m.Has&bep5.FieldSeq == 0 && m.Wrong&bep5.FieldSeq != 0
		}},
		{"a port that is a string", "d1:ad2:id20:" + id + "4:port4:6881e1:q4:ping1:t1:a1:y1:qe", func(m bep5.Message) bool {
			return m.Wrong == bep5.FieldPort && string(m.ID) == id
		}},
		{"a value of lists, as deep as 1,000 bytes allow", "d1:ad1:v" + strings.Repeat("l", 500) + strings.Repeat("e", 500) + "e1:q3:put1:t1:a1:y1:qe", func(m bep5.Message) bool {
			return len(m.Value) == 1000
		}},
		{"an empty transaction id", "d1:ade1:q4:ping1:t0:1:y1:qe", func(m bep5.Message) bool { return m.Tx != nil && len(m.Tx) == 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m bep5.Message
			if err := bep5.Read([]byte(test.wire), &m); err != nil || !test.check(m) {
				t.Errorf("read %v, %+v", err, m)
			}
		})
	}
}

// refused are datagrams that are no messages, and the transaction id of those
// that were meant as queries.
var refused = []struct{ name, wire, tx string }{
	{"nothing", "", ""},
	{"no dictionary", "li1ee", ""},
	{"no end", "d1:ad2:id20:" + id + "e1:q4:ping1:t2:aa1:y1:q", ""},
	{"something after the end", "d1:ade1:q4:ping1:t2:aa1:y1:qee", ""},
	{"keys out of order", "d1:q4:ping1:ade1:t2:aa1:y1:qe", "aa"},
	{"a key twice", "d1:ade1:q4:ping1:q4:ping1:t2:aa1:y1:qe", "aa"},
	{"a leading zero", "d1:ad4:porti01ee1:q4:ping1:t2:aa1:y1:qe", "aa"},
	{"minus zero", "d1:ad4:porti-0ee1:q4:ping1:t2:aa1:y1:qe", "aa"},
	{"a length with a leading zero", "d1:ad2:id020:" + id + "e1:q4:ping1:t2:aa1:y1:qe", "aa"},
	{"a length beyond the end", "d1:ad2:id99:" + id + "e1:q4:ping1:t2:aa1:y1:qe", "aa"},
	{"a length beyond 64 bits", "d1:ad2:id99999999999999999999:e1:q4:ping1:t2:aa1:y1:qe", "aa"},
	{"unsorted keys in a value", "d1:ad1:vd1:bi1e1:ai1eee1:q3:put1:t2:aa1:y1:qe", "aa"},
	{"a thousand lists", "d1:ad1:v" + strings.Repeat("l", 1000) + strings.Repeat("e", 1000) + "e1:q3:put1:t2:aa1:y1:qe", "aa"},
	{"a broken reply", "d1:rd2:id99:e1:t2:aa1:y1:re", ""},
	{"no transaction id", "d1:ade1:q4:ping1:y1:qe", ""},
	{"a transaction id that is a number", "d1:ade1:q4:ping1:ti1e1:y1:qe", ""},
	{"no kind", "d1:ade1:q4:ping1:t2:aae", ""},
	{"a kind nobody knows", "d1:ade1:q4:ping1:t2:aa1:y1:xe", ""},
	{"a reply without values", "d1:t2:aa1:y1:re", ""},
}

func TestReadRefusesWhatIsNoMessageAndSalvageFindsWhoIsOwedAnError(t *testing.T) {
	for _, test := range refused {
		t.Run(test.name, func(t *testing.T) {
			var m bep5.Message
			if err := bep5.Read([]byte(test.wire), &m); err == nil {
				t.Errorf("read as %+v", m)
			}
			if tx, ok := bep5.Salvage([]byte(test.wire)); ok != (test.tx != "") || string(tx) != test.tx {
				t.Errorf("salvaged %q, %v, want %q", tx, ok, test.tx)
			}
		})
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	wire := []byte("d1:ad2:id20:" + id + "6:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t4:aaaa1:v4:KM0\x011:y1:qe")
	var m bep5.Message
	if n := testing.AllocsPerRun(100, func() { _ = bep5.Read(wire, &m) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkRead(b *testing.B) {
	wire := []byte("d1:ad2:id20:" + id + "6:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t4:aaaa1:v4:KM0\x011:y1:qe")
	var m bep5.Message
	b.ReportAllocs()
	for b.Loop() {
		_ = bep5.Read(wire, &m)
	}
}
