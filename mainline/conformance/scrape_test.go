package conformance

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// filter is BEP 33's: 2048 bits, two for each address.
type filter [256]byte

func (f *filter) add(addr netip.Addr) {
	sum := sha1.Sum(addr.AsSlice())
	for _, at := range []int{0, 2} {
		bit := (int(sum[at]) | int(sum[at+1])<<8) % (8 * len(f))
		f[bit/8] |= 1 << (bit % 8)
	}
}

// The filter above is what the nodes are held against, so it is held against
// BEP 33's own vector first.
func TestTheFilterIsBEP33s(t *testing.T) {
	const vector = "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75ee7ccbae" +
		"fe5eedb1fbfaff67f6abff5e43ddbca3fd9b9ffdf4ffd3e9dff12d1bdf59db53dbe9fa5b" +
		"7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe148246c2bc5dbff7e7efdcf24f" +
		"d8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81fc7fcff1ff4ffffdfe5f7fdcbb7fd79b3" +
		"fa1fc77bfe07fff905b7b7ffc7fefeffe0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5" +
		"bfaf2e9ebffffeecd67adbf7c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb57" +
		"62abe8ff237279bfefbfeef5ffc5febfdfe5adffadfee1fb737ffffbfd9f6aeffeee76b6" +
		"fd8f72ef"
	var f filter
	addr := netip.MustParseAddr("192.0.2.0")
	for range 256 {
		f.add(addr)
		addr = addr.Next()
	}
	addr = netip.MustParseAddr("2001:db8::")
	for range 1000 {
		f.add(addr)
		addr = addr.Next()
	}
	if hex.EncodeToString(f[:]) != vector {
		t.Errorf("the filter is %x", f)
	}
}

func TestScrape(t *testing.T) {
	target := open(t)
	another(t, target)
	infohash := random(20)
	var seeds, peers filter
	for i := range 30 {
		p := dialFrom(t, target, fmt.Sprintf("127.0.3.%d", i+1))
		if i%3 == 0 {
			p.announce(infohash, 1000+i, "seed", 1)
			seeds.add(p.addr().Addr())
		} else {
			p.announce(infohash, 1000+i)
			peers.add(p.addr().Addr())
		}
	}
	p := dial(t, target)
	scrape := func(more ...any) message {
		return p.ask(query("get_peers", append([]any{"id", me, "info_hash", infohash}, more...)...))
	}
	t.Run("BEP 33: a scrape has the filters of seeds and of peers", func(t *testing.T) {
		m := scrape("scrape", 1)
		expectFilter(t, m, "BFsd", seeds)
		expectFilter(t, m, "BFpe", peers)
	})
	t.Run("BEP 32: a scrape with values stays within 1024 bytes", func(t *testing.T) {
		if m := scrape("scrape", 1, "want", l("n4", "n6")); len(m.raw) > maxReply {
			t.Errorf("%d bytes", len(m.raw))
		}
	})
	t.Run("BEP 33: no scrape, no filters", func(t *testing.T) {
		m := scrape("scrape", 0)
		if err := lacks("BFsd", "BFpe")(p, m); err != nil {
			t.Error(err)
		}
		if err := lacks("BFsd", "BFpe")(p, scrape()); err != nil {
			t.Error(err)
		}
	})
	t.Run("BEP 33: noseed gives no seeds while there are others", func(t *testing.T) {
		values, _ := scrape("noseed", 1).r["values"].([]any)
		if len(values) == 0 {
			t.Error("no values")
		}
		for _, value := range values {
			if addr, _ := netip.AddrFromSlice([]byte(value.(string)[:4])); (addr.As4()[3]-1)%3 == 0 {
				t.Errorf("%v is a seed", addr)
			}
		}
	})
	t.Run("BEP 33: who becomes a seed is no peer any more", func(t *testing.T) {
		infohash := random(20)
		a := dialFrom(t, target, "127.0.3.200")
		a.announce(infohash, 1000)
		a.announce(infohash, 1000, "seed", 1)
		var one, none filter
		one.add(a.addr().Addr())
		m := a.ask(query("get_peers", "id", me, "info_hash", infohash, "scrape", 1))
		expectFilter(t, m, "BFsd", one)
		expectFilter(t, m, "BFpe", none)
	})
}

func expectFilter(t *testing.T, m message, key string, want filter) {
	t.Helper()
	if got, _ := m.r[key].(string); got != string(want[:]) {
		t.Errorf("%s of %d bytes is not the filter: %x", key, len(got), strings.TrimRight(got, "\x00"))
	}
}

func TestManyPeersStayWithinOneDatagram(t *testing.T) {
	target := open(t)
	another(t, target)
	infohash := random(20)
	announced := make(map[string]bool)
	for i := range 250 {
		p := dialFrom(t, target, fmt.Sprintf("127.0.4.%d", i+1))
		p.announce(infohash, 2000)
		announced[compact(netip.AddrPortFrom(p.addr().Addr(), 2000))] = true
		p.conn.Close()
	}
	p := dial(t, target)
	for _, c := range []struct {
		rule  string
		least int // values that there must be room for
		more  []any
	}{
		{"250 peers", 60, nil},
		{"250 peers with both families of nodes", 20, []any{"want", l("n4", "n6")}},
		{"250 peers with filters", 0, []any{"scrape", 1}},
		{"250 peers with filters and both families of nodes", 0, []any{"scrape", 1, "want", l("n4", "n6")}},
	} {
		t.Run("BEP 32: "+c.rule+" stay within 1024 bytes", func(t *testing.T) {
			tx := strings.Repeat("t", 32)
			arguments := d(append([]any{"id", me, "info_hash", infohash}, c.more...)...)
			m := p.ask(d("a", arguments, "q", "get_peers", "t", tx, "y", "q"))
			if len(m.raw) > maxReply {
				t.Errorf("%d bytes", len(m.raw))
			}
			values, _ := m.r["values"].([]any)
			if len(values) < c.least {
				t.Errorf("only %d values", len(values))
			}
			seen := make(map[any]bool)
			for _, value := range values {
				if !announced[value.(string)] || seen[value] {
					t.Errorf("%q was never announced, or is there twice", value)
				}
				seen[value] = true
			}
		})
	}
}
