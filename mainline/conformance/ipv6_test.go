package conformance

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/khashmir/kad/mainline"
)

// six opens a node of ours on ::1, if this machine has that.
func six(t *testing.T) node {
	t.Helper()
	onlyOurs(t)
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 on this machine: %v", err)
	}
	conn.Close()
	return node{ours(t, mainline.Config{Listen: netip.MustParseAddrPort("[::1]:0")}).Addr()}
}

func TestIPv6(t *testing.T) {
	target := six(t)
	p := dial(t, target)
	t.Run("BEP 42: the asker's address has 18 bytes", func(t *testing.T) {
		if m := p.ask(aPing); m.top["ip"] != p.compact() || len(p.compact()) != 18 {
			t.Errorf("ip is %q, not %q", m.top["ip"], p.compact())
		}
	})
	for _, c := range []struct {
		rule string
		want []any
		keep outcome
	}{
		{"BEP 32: no want over IPv6 is n6", nil, answered(nodes6, lacks("nodes"))},
		{"BEP 32: want n6", []any{"want", l("n6")}, answered(nodes6, lacks("nodes"))},
		{"BEP 32: want n4", []any{"want", l("n4")}, answered(lacks("nodes6"))},
		{"BEP 32: want both", []any{"want", l("n4", "n6")}, answered(nodes6)},
	} {
		t.Run(c.rule, func(t *testing.T) {
			for _, method := range []struct{ name, key string }{
				{"find_node", "target"}, {"get_peers", "info_hash"}, {"get", "target"}, {"sample_infohashes", "target"},
			} {
				dial(t, target).try(query(method.name, append([]any{"id", me, method.key, hash}, c.want...)...), c.keep)
			}
		})
	}
	t.Run("BEP 32: peers have 18 bytes", func(t *testing.T) {
		infohash := random(20)
		p.announce(infohash, 6881)
		want := compact(netip.AddrPortFrom(p.addr().Addr(), 6881))
		if found := p.peers(infohash); !slices.Equal(found, []string{want}) {
			t.Errorf("the peers are %q, not %q", found, want)
		}
	})
	t.Run("BEP 33: a scrape counts an address of 16 bytes", func(t *testing.T) {
		infohash := random(20)
		p.announce(infohash, 6881, "seed", 1)
		var seeds, none filter
		seeds.add(p.addr().Addr())
		m := p.ask(query("get_peers", "id", me, "info_hash", infohash, "scrape", 1))
		expectFilter(t, m, "BFsd", seeds)
		expectFilter(t, m, "BFpe", none)
	})
	t.Run("BEP 32: contacts have 38 bytes", func(t *testing.T) {
		n := settleAt(t, "[::1]:0", random(20), nil)
		n.ask(target, aPing)
		p.eventually("a neighbour is in the table", func() bool {
			list, _ := p.ask(query("find_node", "id", me, "target", n.id)).r["nodes6"].(string)
			return list == n.contact()
		})
	})
}

// A node of both families is two nodes in one: who asks by IPv4 hears of IPv6
// contacts if it wants to, and never of IPv6 peers.
func TestBothFamilies(t *testing.T) {
	six(t)
	both := ours(t, mainline.Config{
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), Listen6: netip.MustParseAddrPort("[::1]:0"),
	})
	addrs := both.Addrs()
	if len(addrs) != 2 {
		t.Fatalf("it listens at %v", addrs)
	}
	by4, by6 := node{addrs[0]}, node{addrs[1]}
	p4, p6 := dial(t, by4), dial(t, by6)
	n := settleAt(t, "[::1]:0", random(20), nil)
	n.ask(by6, aPing)
	want6 := query("find_node", "id", me, "target", n.id, "want", l("n6"))
	p4.eventually("BEP 32: by IPv4 it tells of IPv6 contacts to who wants them", func() bool {
		m := p4.ask(want6)
		list, _ := m.r["nodes6"].(string)
		return list == n.contact() && m.r["nodes"] == nil
	})
	t.Run("BEP 32: who wants nothing hears of its own family alone", func(t *testing.T) {
		p4.try(query("find_node", "id", me, "target", n.id), answered(nodes4, lacks("nodes6")))
		p6.try(query("find_node", "id", me, "target", n.id), answered(nodes6, lacks("nodes")))
	})
	t.Run("BEP 32: peers stay in their family", func(t *testing.T) {
		infohash := random(20)
		p6.announce(infohash, 6881)
		if found := p4.peers(infohash); len(found) > 0 {
			t.Errorf("by IPv4 it tells of %q", found)
		}
		p4.announce(infohash, 6882)
		if found := p4.peers(infohash); len(found) != 1 || len(found[0]) != 6 {
			t.Errorf("by IPv4 it tells of %q", found)
		}
		if found := p6.peers(infohash); len(found) != 1 || len(found[0]) != 18 {
			t.Errorf("by IPv6 it tells of %q", found)
		}
	})
	t.Run("BEP 5: a token of one family is none in the other", func(t *testing.T) {
		infohash := random(20)
		m := p6.ask(query("announce_peer", "id", me, "info_hash", infohash, "port", 1, "token", p4.token(infohash)))
		if m.code != 203 {
			t.Errorf("answered %q", m.raw)
		}
	})
}
