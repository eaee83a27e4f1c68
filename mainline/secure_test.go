package mainline_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/mainline"
)

// The test vectors of BEP 42.
func TestTheVectorsOfBEP42(t *testing.T) {
	for _, test := range []struct{ ip, id string }{
		{"124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"},
		{"21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"},
		{"65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"},
		{"84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"},
		{"43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"},
	} {
		id, err := kad.ParseID(test.id)
		if err != nil {
			t.Fatal(err)
		}
		ip := netip.MustParseAddr(test.ip)
		if !mainline.IsSecure(id, ip) {
			t.Errorf("%s does not fit %s", test.id, ip)
		}
		if mainline.IsSecure(id.Flip(3), ip) || mainline.IsSecure(id.Flip(20), ip) || !mainline.IsSecure(id.Flip(21), ip) {
			t.Errorf("%s: it is the first 21 bits that count", ip)
		}
		random := id
		random[0], random[1], random[2] = 0xff, 0xff, id[2]&7|0xf8
		if got := mainline.SecureID(ip, random); got != id {
			t.Errorf("%s: made %s, want %s", ip, got, id)
		}
	}
	if !mainline.IsSecure(kad.ID{1}, netip.MustParseAddr("192.168.1.1")) {
		t.Error("a private address takes any ID")
	}
	six := netip.MustParseAddr("2001:db8::1")
	if id := mainline.SecureID(six, kad.ID{}); !mainline.IsSecure(id, six) || mainline.IsSecure(id, netip.MustParseAddr("2001:db9::1")) {
		t.Error("IPv6")
	}
}

// The test vector of BEP 33.
func TestTheVectorOfBEP33(t *testing.T) {
	const want = "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75ee7ccbaefe5eedb1fbfaff67f6abff5e" +
		"43ddbca3fd9b9ffdf4ffd3e9dff12d1bdf59db53dbe9fa5b7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe14" +
		"8246c2bc5dbff7e7efdcf24fd8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81fc7fcff1ff4ffffdfe5f7fdcbb7fd79b3" +
		"fa1fc77bfe07fff905b7b7ffc7fefeffe0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5bfaf2e9ebffffeecd67adbf7" +
		"c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb5762abe8ff237279bfefbfeef5ffc5febfdfe5adffadfee1fb" +
		"737ffffbfd9f6aeffeee76b6fd8f72ef"
	var f mainline.Bloom
	for i := range 256 {
		f.Add(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	for i := range 0x3e8 {
		f.Add(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i)))
	}
	if got := hex.EncodeToString(f[:]); got != want {
		t.Errorf("filter\n%s\nwant\n%s", got, want)
	}
	if e := fmt.Sprintf("%.3f", f.Estimate()); !strings.HasPrefix(e, "1224.93") {
		t.Errorf("estimate %s", e)
	}
}
