package conformance

import (
	"context"
	"crypto/ed25519"
	"crypto/sha1"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/mainline"
)

// The other end of the rules: what the node asks when it is told to, and what
// it believes of the answers.

// among opens a node of ours that knows these neighbours and nobody else.
func among(t *testing.T, neighbours ...*neighbour) (*mainline.Node, context.Context) {
	t.Helper()
	onlyOurs(t)
	node := ours(t, mainline.Config{})
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	t.Cleanup(cancel)
	for _, n := range neighbours {
		if err := node.Join(ctx, n.addr.String()); err != nil {
			t.Fatalf("joining a neighbour: %v", err)
		}
	}
	return node, ctx
}

// on answers one method as told, with a token and no nodes besides, and all
// others as one should.
func on(method string, values ...any) func(*neighbour, message) raw {
	return func(n *neighbour, q message) raw {
		if q.top["q"] != method {
			return honest(n, q)
		}
		return d("r", encode(merged(n.id, values)), "t", q.tx, "y", "r")
	}
}

func merged(id string, values []any) map[string]any {
	r := map[string]any{"id": id, "nodes": "", "token": "a token"}
	for i := 0; i < len(values); i += 2 {
		if r[values[i].(string)] = values[i+1]; values[i+1] == nil {
			delete(r, values[i].(string))
		}
	}
	return r
}

// arguments are those of the questions of a method that a neighbour was asked.
func (n *neighbour) arguments(method string) (all []map[string]any) {
	for _, q := range n.questions() {
		if q.top["q"] == method {
			arguments, _ := q.top["a"].(map[string]any)
			all = append(all, arguments)
		}
	}
	return all
}

func TestGetBelievesNoLies(t *testing.T) {
	s, other := newSigner(""), newSigner("")
	v := encode("true")
	for _, c := range []struct {
		rule   string
		target string
		values []any
	}{
		{"an immutable item that is another", sha(string(v)), []any{"v", "false"}},
		{"an immutable item that is not canonical", sha("i03e"), []any{"v", raw("i03e")}},
		{"an immutable item of 1001 bytes", sha(string(encode(strings.Repeat("v", 997)))), []any{"v", strings.Repeat("v", 997)}},
		{"a mutable item with a signature for another version", s.target(), []any{"k", s.public(), "seq", 2, "sig", s.sign("", 1, v), "v", v}},
		{"a mutable item with a signature for another value", s.target(), []any{"k", s.public(), "seq", 1, "sig", s.sign("", 1, encode("false")), "v", v}},
		{"a mutable item of another key", s.target(), []any{"k", other.public(), "seq", 1, "sig", other.sign("", 1, v), "v", v}},
		{"a mutable item without version", s.target(), []any{"k", s.public(), "sig", s.sign("", 1, v), "v", v}},
		{"a mutable item without signature", s.target(), []any{"k", s.public(), "seq", 1, "v", v}},
		{"a mutable item with half a key", s.target(), []any{"k", s.public()[:16], "seq", 1, "sig", s.sign("", 1, v), "v", v}},
		{"a mutable item signed with a salt that was not asked for", s.target(), []any{"k", s.public(), "seq", 1, "sig", s.sign("salt", 1, v), "v", v}},
		{"a version without value", s.target(), []any{"seq", 9}},
	} {
		t.Run("BEP 44: "+c.rule, func(t *testing.T) {
			node, ctx := among(t, settle(t, random(20), on("get", c.values...)))
			if item, err := node.Get(ctx, kad.ID([]byte(c.target))); err == nil {
				t.Errorf("it finds %q, %v", item.Value, err)
			}
		})
	}
}

func TestGetTakesTheLatestVersion(t *testing.T) {
	for _, salt := range []string{"", "salt"} {
		s := newSigner(salt)
		version := func(seq int, text string) func(*neighbour, message) raw {
			v := encode(text)
			return on("get", "k", s.public(), "seq", seq, "sig", s.sign(salt, seq, v), "v", v)
		}
		node, ctx := among(t,
			settle(t, random(20), version(3, "three")),
			settle(t, random(20), version(7, "seven")),
			settle(t, random(20), version(5, "five")),
			settle(t, random(20), on("get", "k", s.public(), "seq", 9, "sig", strings.Repeat("x", 64), "v", "nine")))
		item, err := node.Get(ctx, kad.ID([]byte(s.target())), mainline.GetOptions{Salt: []byte(salt)})
		if err != nil || item.Seq != 7 || string(item.Value) != "5:seven" {
			t.Errorf("BEP 44: with salt %q it finds version %d, %q, %v", salt, item.Seq, item.Value, err)
		}
	}
}

func TestGetPeersTakesWhatAPeerCanBe(t *testing.T) {
	good := compact(netip.MustParseAddrPort("192.0.2.7:6881"))
	for _, c := range []struct {
		rule   string
		values any
		peers  int
	}{
		{"peers of six bytes", l(good, compact(netip.MustParseAddrPort("192.0.2.8:1"))), 2},
		{"the same peer twice is one", l(good, good), 1},
		{"strings of other lengths are none", l("", "x", good[:5], good+"x", good), 1},
		{"what is no string is none", l(1, l(good), d("a", good), good), 1},
		{"port 0 is none", l(good[:4]+"\x00\x00", good), 1},
		{"values that are a string", good, 0},
		{"values that are a dictionary", d("a", good), 0},
		{"an answer of 1400 bytes is read", raw("l" + strings.Repeat(string(encode(good)), 1300/8) + "e"), 1},
	} {
		t.Run("BEP 5: "+c.rule, func(t *testing.T) {
			node, ctx := among(t, settle(t, random(20), on("get_peers", "values", c.values)))
			peers, _ := node.GetPeers(ctx, kad.ID([]byte(random(20))))
			if len(peers) != c.peers {
				t.Errorf("%d peers: %v", len(peers), peers)
			}
		})
	}
}

func TestWhatAnAnnounceSays(t *testing.T) {
	for _, token := range []string{"t", "a token", "\x00\xff\x00", strings.Repeat("t", 200)} {
		t.Run(fmt.Sprintf("BEP 5: a token of %d bytes comes back as it is", len(token)), func(t *testing.T) {
			n := settle(t, random(20), on("get_peers", "token", token))
			node, ctx := among(t, n)
			infohash := random(20)
			if _, err := node.AnnouncePeer(ctx, kad.ID([]byte(infohash)), 6881); err != nil {
				t.Errorf("announce: %v", err)
			}
			said := n.arguments("announce_peer")
			if len(said) != 1 {
				t.Fatalf("%d announces", len(said))
			}
			a := said[0]
			if a["token"] != token || a["info_hash"] != infohash || a["port"] != 6881 || a["implied_port"] == 1 {
				t.Errorf("it announces %q", encode(a))
			}
		})
	}
	t.Run("BEP 33: who gives no token is announced nothing", func(t *testing.T) {
		n := settle(t, random(20), on("get_peers", "token", nil))
		node, ctx := among(t, n)
		node.AnnouncePeer(ctx, kad.ID([]byte(random(20))), 6881)
		if said := n.arguments("announce_peer"); len(said) > 0 {
			t.Errorf("it announces %q", encode(said[0]))
		}
	})
	t.Run("BEP 5: port 0 is the node's own, implied", func(t *testing.T) {
		n := settle(t, random(20), on("get_peers"))
		node, ctx := among(t, n)
		node.AnnouncePeer(ctx, kad.ID([]byte(random(20))), 0)
		if said := n.arguments("announce_peer"); len(said) != 1 || said[0]["implied_port"] != 1 || said[0]["port"] == nil {
			t.Errorf("it announces %v", said)
		}
	})
	t.Run("BEP 33: a seed says so", func(t *testing.T) {
		n := settle(t, random(20), on("get_peers"))
		node, ctx := among(t, n)
		node.AnnounceSeed(ctx, kad.ID([]byte(random(20))), 6881)
		if said := n.arguments("announce_peer"); len(said) != 1 || said[0]["seed"] != 1 {
			t.Errorf("it announces %v", said)
		}
	})
	t.Run("BEP 5: a refusal is told", func(t *testing.T) {
		n := settle(t, random(20), func(n *neighbour, q message) raw {
			if q.top["q"] == "announce_peer" {
				return d("e", l(203, "bad token"), "t", q.tx, "y", "e")
			}
			return on("get_peers")(n, q)
		})
		node, ctx := among(t, n)
		result, err := node.AnnouncePeer(ctx, kad.ID([]byte(random(20))), 6881)
		var refusal *mainline.Error
		if err == nil || len(result.Refused) != 1 || !errors.As(result.Refused[0].Err, &refusal) || refusal.Code != 203 {
			t.Errorf("it says %v, %v", result, err)
		}
	})
}

func TestWhatAPutSays(t *testing.T) {
	t.Run("BEP 44: an immutable item", func(t *testing.T) {
		n := settle(t, random(20), on("get"))
		node, ctx := among(t, n)
		result, err := node.PutImmutable(ctx, "value")
		said := n.arguments("put")
		if err != nil || len(said) != 1 {
			t.Fatalf("%d puts, %v", len(said), err)
		}
		a := said[0]
		if string(result.Target[:]) != sha("5:value") || a["v"] != "value" || a["token"] != "a token" || a["k"] != nil || a["sig"] != nil {
			t.Errorf("it puts %q under %v", encode(a), result.Target)
		}
		if _, isNumber := a["seq"].(int); !isNumber {
			t.Errorf("without seq anacrolix takes no immutable item: %q", encode(a))
		}
		if looked := n.arguments("get"); len(looked) == 0 || looked[0]["target"] != sha("5:value") {
			t.Errorf("the token is not for the item: %v", looked)
		}
	})
	for _, salt := range []string{"", "salt"} {
		t.Run("BEP 44: a mutable item with salt "+fmt.Sprintf("%q", salt), func(t *testing.T) {
			s := newSigner(salt)
			n := settle(t, random(20), on("get"))
			node, ctx := among(t, n)
			result, err := node.PutMutable(ctx, s.key, []byte(salt), "value", 4, 3)
			said := n.arguments("put")
			if err != nil || len(said) != 1 {
				t.Fatalf("%d puts, %v", len(said), err)
			}
			a, v := said[0], encode("value")
			want := map[string]any{"id": a["id"], "cas": 3, "k": s.public(), "seq": 4, "sig": s.sign(salt, 4, v), "token": "a token", "v": "value"}
			if salt != "" {
				want["salt"] = salt
			}
			if encode(a) != encode(want) {
				t.Errorf("it puts %q, not %q", encode(a), encode(want))
			}
			if string(result.Target[:]) != s.target() {
				t.Errorf("the target is %v", result.Target)
			}
		})
	}
	for _, code := range []int{201, 202, 203, 205, 206, 207, 301, 302} {
		t.Run(fmt.Sprintf("BEP 44: error %d is told", code), func(t *testing.T) {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				if q.top["q"] == "put" {
					return d("e", l(code, "no"), "t", q.tx, "y", "e")
				}
				return on("get")(n, q)
			})
			node, ctx := among(t, n)
			_, key, _ := ed25519.GenerateKey(nil)
			result, err := node.PutMutable(ctx, key, nil, "value", 1)
			var refusal *mainline.Error
			if err == nil || len(result.Refused) != 1 || !errors.As(result.Refused[0].Err, &refusal) || refusal.Code != code {
				t.Errorf("it says %v, %v", result, err)
			}
		})
	}
}

// A neighbour that tells of six dead contacts each time does not hold a
// lookup up for ever, nor has it asked more than a few each time.
func TestALookupAmongTheDeadEnds(t *testing.T) {
	dead := settle(t, random(20), silent)
	n := settle(t, random(20), func(n *neighbour, q message) raw {
		var list []string
		for i := range 6 {
			sum := sha1.Sum([]byte(fmt.Sprint(q.tx, i)))
			list = append(list, string(sum[:])+compact(dead.addr))
		}
		return n.reply(q, "nodes", strings.Join(list, ""), "token", "t")
	})
	onlyOurs(t)
	node := ours(t, mainline.Config{})
	ctx, cancel := context.WithTimeout(context.Background(), 12*patience)
	defer cancel()
	if err := node.Join(ctx, n.addr.String()); err != nil {
		t.Fatalf("joining: %v", err)
	}
	before := len(dead.questions())
	found, err := node.FindNode(ctx, kad.ID([]byte(random(20))))
	if ids := slices.Collect(func(yield func(string) bool) {
		for _, c := range found {
			if !yield(string(c.ID[:])) {
				return
			}
		}
	}); err != nil || !slices.Equal(ids, []string{n.id}) {
		t.Errorf("it finds %d contacts, %v", len(found), err)
	}
	if asked := len(dead.questions()) - before; asked > 200 {
		t.Errorf("it asks the dead %d times", asked)
	}
}
