package kad_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"net/netip"
	"testing"

	kad "github.com/khashmir/kad"
)

func TestAnIDIsTheFirst20BytesOfTheKeysSHA256(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key := kad.PublicKeyOf(private)
	sum := sha256.Sum256(private.Public().(ed25519.PublicKey))
	if got := kad.NewContact(key).ID; got != kad.ID(sum[:20]) {
		t.Fatalf("got %v, want %x", got, sum[:20])
	}
}

func TestAContactKeepsOneUsableAddressAFamily(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("[2001:db8::1]:4000")
	for _, test := range []struct {
		name   string
		addrs  []string
		want4  netip.AddrPort
		want6  netip.AddrPort
		prefer netip.AddrPort
	}{
		{"both families", []string{"[2001:db8::1]:4000", "192.0.2.1:4000"}, v4, v6, v4},
		{"only IPv6", []string{"[2001:db8::1]:4000"}, netip.AddrPort{}, v6, v6},
		{"IPv4 in IPv6 is IPv4", []string{"[::ffff:192.0.2.1]:4000"}, v4, netip.AddrPort{}, v4},
		{"a later one replaces", []string{"192.0.2.9:1", "192.0.2.1:4000"}, v4, netip.AddrPort{}, v4},
		{"a zone means nothing to others", []string{"[2001:db8::1%eth0]:4000"}, netip.AddrPort{}, v6, v6},
		{"nobody can be asked there", []string{"0.0.0.0:4000", "192.0.2.1:0", "224.0.0.1:4000", "[::]:1", "[ff02::1]:1"}, netip.AddrPort{}, netip.AddrPort{}, netip.AddrPort{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c kad.Contact
			for _, addr := range test.addrs {
				c = c.WithAddr(netip.MustParseAddrPort(addr))
			}
			if c.V4 != test.want4 || c.V6 != test.want6 || c.Addr() != test.prefer {
				t.Errorf("got %v and %v, preferring %v", c.V4, c.V6, c.Addr())
			}
			if c.Reachable() != test.prefer.IsValid() {
				t.Errorf("reachable: %v", c.Reachable())
			}
		})
	}
}

func TestAGroupIsTheNetworkOfAPublicAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.77:1":          "192.0.2.0/24",
		"[2001:db8:1:2::3]:1":   "2001:db8:1::/48",
		"127.0.0.1:1":           "invalid Prefix",
		"10.1.2.3:1":            "invalid Prefix",
		"[fd00::1]:1":           "invalid Prefix",
		"[::ffff:192.0.2.77]:1": "192.0.2.0/24",
	} {
		c := kad.NewContact(kad.PublicKey{1}, netip.MustParseAddrPort(addr))
		if got := c.Group().String(); got != want {
			t.Errorf("the group of %s is %s, want %s", addr, got, want)
		}
	}
	if got := (kad.Contact{}).Group(); got.IsValid() {
		t.Errorf("without an address the group is %s", got)
	}
}
