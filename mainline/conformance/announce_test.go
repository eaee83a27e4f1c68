package conformance

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestGetPeers(t *testing.T) {
	ask := func(arguments ...any) raw { return query("get_peers", append([]any{"id", me}, arguments...)...) }
	short := has("token", func(given string) bool { return len(given) > 1 && len(given) <= 32 })
	run(t, []trial{
		{5, "get_peers for what nobody announced gives nodes and a token", ask("info_hash", hash), answered(nodes4, short, lacks("values"))},
		{5, "get_peers without info_hash is a protocol error", ask(), refused(203)},
		{5, "an info_hash of 19 bytes is a protocol error", ask("info_hash", hash[:19]), refused(203)},
		{5, "an info_hash of 21 bytes is a protocol error", ask("info_hash", hash+"x"), refused(203)},
		{5, "an info_hash of 32 bytes is a protocol error", ask("info_hash", hash+hash[:12]), refused(203)},
		{5, "an empty info_hash is a protocol error", ask("info_hash", ""), refused(203)},
		{5, "an integer for an info_hash is a protocol error", ask("info_hash", 1), refused(203)},
		{5, "a list for an info_hash is a protocol error", ask("info_hash", l(hash)), refused(203)},
		{5, "a target is no info_hash", ask("target", hash), refused(203)},
		{33, "without announces there are no filters", ask("info_hash", hash, "scrape", 1), answered(nodes4, lacks("BFsd", "BFpe"))},
		{33, "noseed without announces", ask("info_hash", hash, "noseed", 1), answered(nodes4)},
		{33, "scrape a string is no reason for silence", ask("info_hash", hash, "scrape", "1"), answered().or(refused(203))},
		{33, "noseed a list is no reason for silence", ask("info_hash", hash, "noseed", l()), answered().or(refused(203))},
	})
}

func TestAnnouncePeer(t *testing.T) {
	ask := func(arguments ...any) raw { return query("announce_peer", append([]any{"id", me}, arguments...)...) }
	to := func(port any) raw { return ask("info_hash", hash, "port", port, "token", token) }
	implied := func(flag any, more ...any) raw {
		return ask(append([]any{"implied_port", flag, "info_hash", hash}, more...)...)
	}
	run(t, []trial{
		{5, "an announce is answered with an id alone", to(6881), announces(6881)},
		{5, "port 1", to(1), announces(1)},
		{5, "port 65535", to(65535), announces(65535)},
		{5, "port 256 keeps its byte order", to(256), announces(256)},
		{5, "port 0 is a protocol error", to(0), refusesPeer()},
		{5, "port 65536 is a protocol error", to(65536), refusesPeer()},
		{5, "port 65537 is a protocol error", to(65537), refusesPeer()},
		{5, "port 2 to the 32 and 6881 is a protocol error", to(1<<32 + 6881), refusesPeer()},
		{5, "a port over 64 bits is a protocol error", to(raw("i18446744073709558497e")), refusesPeer()},
		{5, "port -1 is a protocol error", to(-1), refusesPeer()},
		{5, "port -65535 is a protocol error", to(-65535), refusesPeer()},
		{5, "a port in a string is a protocol error", to("6881"), refusesPeer()},
		{5, "a port in a list is a protocol error", to(l(6881)), refusesPeer()},
		{5, "no port is a protocol error", ask("info_hash", hash, "token", token), refusesPeer()},
		{5, "an implied port is the one asked from", implied(1, "port", 6881, "token", token), announces(0)},
		{5, "an implied port needs no other", implied(1, "token", token), announces(0)},
		{5, "an implied port needs no good one beside it", implied(1, "port", 0, "token", token), announces(0)},
		{5, "an implied port ignores an impossible one beside it", implied(1, "port", 70000, "token", token), announces(0)},
		{5, "implied_port 2 is not zero either", implied(2, "port", 6881, "token", token), announces(0)},
		{5, "implied_port 0 implies nothing", implied(0, "port", 6881, "token", token), announces(6881)},
		{5, "implied_port 0 without port is a protocol error", implied(0, "token", token), refusesPeer()},
		{5, "implied_port 0 with port 0 is a protocol error", implied(0, "port", 0, "token", token), refusesPeer()},
		{5, "implied_port a string is no reason for silence", implied("1", "port", 6881, "token", token), answered().or(refused(203))},
		{5, "no info_hash is a protocol error", ask("port", 6881, "token", token), refused(203)},
		{5, "an info_hash of 19 bytes is a protocol error", ask("info_hash", hash[:19], "port", 6881, "token", token), refused(203)},
		{5, "an info_hash of 21 bytes is a protocol error", ask("info_hash", hash+"x", "port", 6881, "token", token), refused(203)},
		{5, "no token is a protocol error", ask("info_hash", hash, "port", 6881), refusesPeer()},
		{5, "an empty token is a protocol error", ask("info_hash", hash, "port", 6881, "token", ""), refusesPeer()},
		{5, "a made-up token is a protocol error", ask("info_hash", hash, "port", 6881, "token", "aoeusnth"), refusesPeer()},
		{5, "a token of 20 zeros is a protocol error", ask("info_hash", hash, "port", 6881, "token", strings.Repeat("\x00", 20)), refusesPeer()},
		{5, "a token of 500 bytes is a protocol error", ask("info_hash", hash, "port", 6881, "token", strings.Repeat("t", 500)), refusesPeer()},
		{5, "an integer for a token is a protocol error", ask("info_hash", hash, "port", 6881, "token", 1), refusesPeer()},
		{5, "a list for a token is a protocol error", ask("info_hash", hash, "port", 6881, "token", l(token)), refusesPeer()},
		{33, "seed 1", ask("info_hash", hash, "port", 6881, "seed", 1, "token", token), announces(6881)},
		{33, "seed 0", ask("info_hash", hash, "port", 6881, "seed", 0, "token", token), announces(6881)},
		{33, "seed 2 is no seed, and no reason for silence", ask("info_hash", hash, "port", 6881, "seed", 2, "token", token), answered().or(refused(203))},
		{5, "a name beside it is ignored", ask("info_hash", hash, "name", "a torrent", "port", 6881, "token", token), announces(6881)},
	})
}

// announces is an answer after which the peer is found with this port, or with
// the one it asks from.
func announces(port uint16) outcome {
	return answered(lacks("values", "nodes", "token"), func(p *peer, _ message) error {
		peer := p.addr()
		if port != 0 {
			peer = netip.AddrPortFrom(peer.Addr(), port)
		}
		if found := p.peers(p.hash); !slices.Equal(found, []string{compact(peer)}) {
			return fmt.Errorf("then the peers are %q, not %q", found, compact(peer))
		}
		return nil
	})
}

// refusesPeer is an error 203 after which nobody is found.
func refusesPeer() outcome {
	o := refused(203)
	o.after = func(p *peer) error {
		if found := p.peers(p.hash); len(found) > 0 {
			return fmt.Errorf("refused, and %q is announced", found)
		}
		return nil
	}
	return o
}

// peers asks who is announced.
func (p *peer) peers(infohash string) []string {
	p.t.Helper()
	m := p.ask(query("get_peers", "id", me, "info_hash", infohash))
	if m.r["token"] == nil || m.r["nodes"] == nil && m.r["values"] == nil {
		p.t.Errorf("neither token nor anything to go on with in %q", m.raw)
	}
	var found []string
	values, _ := m.r["values"].([]any)
	for _, value := range values {
		found = append(found, value.(string))
	}
	slices.Sort(found)
	return found
}

// announce tells of a port under an info-hash.
func (p *peer) announce(infohash string, port int, more ...any) {
	p.t.Helper()
	arguments := append([]any{"id", me, "info_hash", infohash, "port", port}, more...)
	if m := p.ask(query("announce_peer", append(arguments, "token", p.token(infohash))...)); m.y != "r" {
		p.t.Fatalf("an announce is answered %q", m.raw)
	}
}

func TestAnnouncesOfSeveral(t *testing.T) {
	target := open(t)
	second := another(t, target)
	a, b := dial(t, target), dialFrom(t, target, second)
	t.Run("BEP 5: peers of two addresses are both found", func(t *testing.T) {
		infohash := random(20)
		a.announce(infohash, 1000)
		b.announce(infohash, 2000)
		if found := a.peers(infohash); len(found) != 2 {
			t.Errorf("%d peers: %q", len(found), found)
		}
	})
	t.Run("BEP 33: an announce again is no second peer", func(t *testing.T) {
		infohash := random(20)
		a.announce(infohash, 1000)
		a.announce(infohash, 1000)
		if found := b.peers(infohash); len(found) != 1 {
			t.Errorf("%d peers: %q", len(found), found)
		}
	})
	t.Run("BEP 33: an announce with another port is found", func(t *testing.T) {
		infohash := random(20)
		a.announce(infohash, 1000)
		a.announce(infohash, 2000)
		want := compact(netip.AddrPortFrom(a.addr().Addr(), 2000))
		if found := b.peers(infohash); !slices.Contains(found, want) {
			t.Errorf("%q is not in %q", want, found)
		}
	})
	t.Run("BEP 5: what is announced under one info-hash is not under another", func(t *testing.T) {
		infohash := random(20)
		a.announce(infohash, 1000)
		near := infohash[:19] + string([]byte{infohash[19] ^ 1})
		if found := a.peers(near); len(found) != 0 {
			t.Errorf("%q are under %x", found, near)
		}
	})
	t.Run("BEP 5: with peers there is still a token", func(t *testing.T) {
		infohash := random(20)
		a.announce(infohash, 1000)
		b.token(infohash)
	})
}

// another is a second address of this machine from which the node can be asked.
func another(t *testing.T, target node) string {
	t.Helper()
	if !target.addr.Addr().IsLoopback() || !target.addr.Addr().Is4() {
		t.Skip("only a node on 127.0.0.1 can be asked from two addresses here")
	}
	return "127.0.0.2"
}

func TestTokens(t *testing.T) {
	target := open(t)
	second := another(t, target)
	a, b := dial(t, target), dialFrom(t, target, second)
	announce := func(p *peer, infohash, given string) message {
		return p.ask(query("announce_peer", "id", me, "info_hash", infohash, "port", 6881, "token", given))
	}
	expect := func(rule string, infohash, given string, codes ...int) {
		t.Run(rule, func(t *testing.T) {
			m := announce(a, infohash, given)
			if !slices.Contains(codes, m.code) {
				t.Errorf("answered %q; the codes may be %v, 0 is an answer", m.raw, codes)
			}
			if found := b.peers(infohash); len(found) > 0 && m.y == "e" {
				t.Errorf("refused, and %q is announced", found)
			}
		})
	}
	infohash := random(20)
	given := a.token(infohash)
	expect("BEP 5: a token of another address is refused", random(20), b.token(random(20)), 203)
	expect("BEP 5: a token of another address for the same info-hash is refused", infohash, b.token(infohash), 203)
	for at := range len(given) {
		flipped := []byte(given)
		flipped[at] ^= 1
		expect(fmt.Sprintf("BEP 5: a token with byte %d of %d changed is refused", at+1, len(given)), infohash, string(flipped), 203)
	}
	expect("BEP 5: a token cut short is refused", infohash, given[:len(given)-1], 203)
	expect("BEP 5: a token's first byte is refused", infohash, given[:1], 203)
	expect("BEP 5: a token and a byte more is refused", infohash, given+"x", 203)
	expect("BEP 5: a token and a zero more is refused", infohash, given+"\x00", 203)
	expect("BEP 44: a token may or may not do for another info-hash", random(20), given, 0, 203)
	expect("BEP 5: a token does", infohash, given, 0)
	expect("BEP 5: a token does twice", infohash, given, 0)
	t.Run("BEP 5: a token does from another port of the same address", func(t *testing.T) {
		if m := announce(dial(t, target), infohash, given); m.y != "r" {
			t.Errorf("answered %q", m.raw)
		}
	})
	t.Run("BEP 5: a token does with another id", func(t *testing.T) {
		m := a.ask(query("announce_peer", "id", random(20), "info_hash", infohash, "port", 6881, "token", given))
		if m.y != "r" {
			t.Errorf("answered %q", m.raw)
		}
	})
	t.Run("BEP 5: a token given earlier does after another was given", func(t *testing.T) {
		for range 10 {
			a.token(infohash)
			b.token(infohash)
		}
		if m := announce(a, infohash, given); m.y != "r" {
			t.Errorf("answered %q", m.raw)
		}
	})
}
