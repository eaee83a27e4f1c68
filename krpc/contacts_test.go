package krpc_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

func TestContactsKeepTheOrderOfNodesThenOfNodes6(t *testing.T) {
	// given contacts closest first, the closest with IPv6 only
	far := kad.NewContact(key(3), only)
	near := kad.NewContact(key(1), v4, v6)
	closest := kad.NewContact(key(2), v6)
	got := travel(t, reply(krpc.Reply{Contacts: []kad.Contact{closest, near, far}})).Reply.Contacts
	// then those of nodes come first, and each list kept its order
	if want := []kad.Contact{near, closest, far}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAContactWithBothFamiliesIsOneContact(t *testing.T) {
	got := decodeContacts(t,
		packed(key(1), "192.0.2.1:1")+packed(key(2), "192.0.2.2:2"),
		packed(key(2), "[2001:db8::2]:3"))
	want := []kad.Contact{
		kad.NewContact(key(1), netip.MustParseAddrPort("192.0.2.1:1")),
		kad.NewContact(key(2), netip.MustParseAddrPort("192.0.2.2:2"), netip.MustParseAddrPort("[2001:db8::2]:3")),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheIDOfAContactIsThatOfItsKey(t *testing.T) {
	got := decodeContacts(t, packed(key(1), "192.0.2.1:1"), packed(key(2), "[2001:db8::2]:3"))
	if len(got) != 2 || got[0].ID != key(1).ID() || got[1].ID != key(2).ID() {
		t.Errorf("got %v", got)
	}
}

func TestOfAKeyThatStandsTwiceTheFirstCounts(t *testing.T) {
	got := decodeContacts(t,
		packed(key(1), "192.0.2.1:1")+packed(key(1), "192.0.2.9:9"),
		packed(key(1), "[2001:db8::1]:1")+packed(key(1), "[2001:db8::9]:9"))
	want := kad.NewContact(key(1), netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1"))
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %v", got)
	}
}

func TestOfManyContactsToo(t *testing.T) {
	// given more than anybody believes, all of them twice in each list
	var nodes, nodes6 string
	var want []kad.Contact
	for i := range byte(40) {
		k := key(i + 1)
		nodes += packed(k, "192.0.2.1:1")
		nodes6 += packed(k, "[2001:db8::1]:1")
		want = append(want, kad.NewContact(k, netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1")))
	}
	for i := range byte(40) {
		nodes += packed(key(i+1), "192.0.2.9:9")
		nodes6 += packed(key(i+1), "[2001:db8::9]:9")
	}
	// then the first counts, as it does of few
	if got := decodeContacts(t, nodes, nodes6); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestContactsThatNobodyCanAskAreLeftOut(t *testing.T) {
	good := packed(key(1), "192.0.2.1:1")
	for _, addr := range []string{"192.0.2.2:0", "0.0.0.0:1", "224.0.0.1:1"} {
		if got := decodeContacts(t, packed(key(2), addr)+good, ""); len(got) != 1 || got[0].Key != key(1) {
			t.Errorf("%s: got %v", addr, got)
		}
	}
	for _, addr := range []string{"[2001:db8::1]:0", "[::]:1", "[ff02::1]:1", "[::ffff:192.0.2.2]:1"} {
		got := decodeContacts(t, good, packed(key(2), addr)+packed(key(1), addr))
		if len(got) != 1 || got[0] != kad.NewContact(key(1), netip.MustParseAddrPort("192.0.2.1:1")) {
			t.Errorf("%s: got %v", addr, got)
		}
	}
	if got := decodeContacts(t, packed(kad.PublicKey{}, "192.0.2.2:1"), ""); got != nil {
		t.Errorf("a key of zeros: got %v", got)
	}
}

func TestContactsThatNobodyCanAskAreNotSent(t *testing.T) {
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.1]:1")
	sent := []kad.Contact{
		kad.NewContact(key(1)),              // no address
		kad.NewContact(kad.PublicKey{}, v4), // no key
		{Key: key(2), V4: netip.MustParseAddrPort("224.0.0.1:1"), V6: netip.MustParseAddrPort("[::1]:0")},
		{Key: key(3), V6: mapped}, // made by hand, in the wrong place
	}
	got := travel(t, reply(krpc.Reply{Contacts: sent})).Reply.Contacts
	if len(got) != 1 || got[0] != kad.NewContact(key(3), mapped) {
		t.Errorf("got %v", got)
	}
	// The reader would have left them out too: so see that none was sent.
	if wire := string(encoded(t, reply(krpc.Reply{Contacts: sent}))); wire != "d1:rd5:nodes38:"+packed(key(3), "192.0.2.1:1")+"e1:vi1e1:y1:re" {
		t.Errorf("sent %q", wire)
	}
}

func TestAMessageFullOfContactsIsRead(t *testing.T) {
	nodes := ""
	for i := range 3000 {
		k := key(1)
		k[0], k[1] = byte(i), byte(i>>8)
		nodes += packed(k, "192.0.2.1:1")
	}
	if got := decodeContacts(t, nodes, ""); len(got) != 3000 {
		t.Errorf("got %d contacts", len(got))
	}
}

func decodeContacts(t *testing.T, nodes, nodes6 string) []kad.Contact {
	t.Helper()
	m, err := krpc.Decode(fmt.Appendf(nil, "d1:rd5:nodes%d:%s6:nodes6%d:%se1:y1:re", len(nodes), nodes, len(nodes6), nodes6))
	if err != nil {
		t.Fatal(err)
	}
	return m.Reply.Contacts
}

// packed writes a contact by hand, as docs/PROTOCOL.md says.
func packed(key kad.PublicKey, addr string) string {
	a := netip.MustParseAddrPort(addr)
	return string(key[:]) + string(a.Addr().AsSlice()) + string([]byte{byte(a.Port() >> 8), byte(a.Port())})
}
