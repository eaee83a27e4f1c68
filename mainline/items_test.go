package mainline_test

import (
	"crypto/ed25519"
	"crypto/sha1"
	"database/sql"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/mainline"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The test vectors of BEP 44.
func TestTheVectorsOfBEP44(t *testing.T) {
	const key = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548"
	for _, test := range []struct{ name, key, salt, sig, target string }{
		{"mutable", key, "", "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff" +
			"1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01", "4a533d47ec9c7d95b1ad75f576cffc641853b750"},
		{"mutable with salt", key, "foobar", "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d" +
			"df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08", "411eba73b6f087ca51a3795d9c8c938d365e32c1"},
		{"immutable", "", "", "", "e5f96f6f38320f0f33959cb4d3d656452117aadb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			item := mainline.Item{Value: []byte("12:Hello World!")}
			args := dict{"v": "Hello World!"}
			if test.key != "" {
				item.Mutable, item.Key, item.Seq = true, kad.PublicKey(unhex(t, test.key)), 1
				item.Salt, item.Sig = []byte(test.salt), kad.Signature(unhex(t, test.sig))
				args["k"], args["sig"], args["seq"] = string(item.Key[:]), string(item.Sig[:]), 1
				if test.salt != "" {
					args["salt"] = test.salt
				}
			}
			if got := item.Target().String(); got != test.target || !item.Authentic() {
				t.Errorf("target %s, authentic %v", got, item.Authentic())
			}
			// And by the node.
			c := dial(t, open(t))
			target := dict{"target": string(unhex(t, test.target))}
			args["token"] = str(c.values("get", target)["token"])
			c.values("put", args)
			if r := c.values("get", target); r["v"] != "Hello World!" || str(r["k"]) != str(args["k"]) || str(r["sig"]) != str(args["sig"]) {
				t.Errorf("%q", r)
			}
		})
	}
}

var author = ed25519.NewKeyFromSeed([]byte("the author of all these items..."))

// mutable is the arguments of a put, but for the token.
func mutable(salt string, seq int64, v any) (args dict, target string) {
	raw, _ := bencode.EncodeBytes(v)
	item := mainline.Item{Value: raw, Salt: []byte(salt), Seq: seq}
	item.Sign(author)
	id := item.Target()
	args = dict{"k": string(item.Key[:]), "sig": string(item.Sig[:]), "seq": seq, "v": v}
	if salt != "" {
		args["salt"] = salt
	}
	return args, string(id[:])
}

func immutable(v any) (args dict, target string) {
	raw, _ := bencode.EncodeBytes(v)
	sum := sha1.Sum(raw)
	return dict{"v": v}, string(sum[:])
}

func (c *client) token(target string) string {
	c.t.Helper()
	return str(c.values("get", dict{"target": target})["token"])
}

func with(args dict, more dict) dict {
	all := dict{}
	for _, m := range []dict{args, more} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

func TestEveryMistakeInAPutIsToldWithItsCodeAndStoresNothing(t *testing.T) {
	c := dial(t, open(t))
	good, target := mutable("", 5, "v")
	salted, saltedTarget := mutable(strings.Repeat("s", 65), 5, "v")
	plain, plainTarget := immutable("v")
	large, largeTarget := immutable(strings.Repeat("x", 997)) // 1,001 bytes
	for _, test := range []struct {
		name   string
		args   dict
		target string
		want   int64
	}{
		{"no token", with(plain, dict{"token": nil}), plainTarget, 203},
		{"a token that is none", with(plain, dict{"token": "abcdefgh"}), plainTarget, 203},
		{"no value", with(plain, dict{"v": nil}), plainTarget, 203},
		{"too large", large, largeTarget, 205},
		{"a salt too large", salted, saltedTarget, 207},
		{"a key without a signature", with(good, dict{"sig": nil}), target, 203},
		{"a key without a seq", with(good, dict{"seq": nil}), target, 203},
		{"a key alone, and the token of the immutable item", with(plain, dict{"k": good["k"]}), plainTarget, 203},
		{"a key that is short", with(good, dict{"k": "short"}), target, 203},
		{"a key that is a number", with(good, dict{"k": 5}), target, 203},
		{"a signature that is short", with(good, dict{"sig": "short"}), target, 206},
		{"a signature of something else", with(good, dict{"sig": strings.Repeat("s", 64)}), target, 206},
		{"a signature of another seq", with(good, dict{"seq": int64(6)}), target, 206},
		{"a signature of another value", with(good, dict{"v": "w"}), target, 206},
		{"a negative seq", with(good, dict{"seq": int64(-1)}), target, 203},
		{"a seq that is a string", with(good, dict{"seq": "5"}), target, 203},
		{"a cas that is a string", with(good, dict{"cas": "5"}), target, 203},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if _, given := args["token"]; !given {
				args = with(args, dict{"token": c.token(test.target)})
			}
			if got := c.refused("put", args); got != test.want {
				t.Errorf("answered %d, want %d", got, test.want)
			}
			if r := c.values("get", dict{"target": test.target}); r["v"] != nil {
				t.Errorf("stored all the same: %q", r)
			}
		})
	}
}

func TestAMalformedValueIsAProtocolError(t *testing.T) {
	c := dial(t, open(t))
	for _, v := range []string{"d1:bi1e1:ai1ee", "d1:ai1e1:ai2ee", "i01e", "i-0e", "i-01e", "03:abc", "l", "d1:ae", "ie", "i1", "di1ei1ee", "5:abc"} {
		token := c.token(raw(kad.HashID([]byte(v))))
		c.send("d1:ad2:id20:" + c.id + "5:token8:" + token + "1:v" + v + "e1:q3:put1:t4:tttt1:y1:qe")
		if got := code(c.answer("tttt")); got != 203 {
			t.Errorf("v = %s: answered %d", v, got)
		}
	}
}

func TestValuesOfAllKindsComeBackByteForByte(t *testing.T) {
	n := open(t)
	known(t, n, 8)
	c := dial(t, n)
	for _, v := range []any{
		"", "hello", 0, -5, int64(1<<63 - 1), []any{}, dict{}, dict{"a": []any{int64(1), "b", dict{"c": ""}}},
		strings.Repeat("x", 996), // 1,000 bytes: the answer is longer than others are
		bencode.RawMessage(strings.Repeat("l", 500) + strings.Repeat("e", 500)),
		bencode.RawMessage("i" + strings.Repeat("9", 900) + "e"),
	} {
		wire, err := bencode.EncodeBytes(v)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha1.Sum(wire)
		token := c.token(string(sum[:]))
		c.send("d1:ad2:id20:" + c.id + "5:token8:" + token + "1:v" + string(wire) + "e1:q3:put1:t4:tttt1:y1:qe")
		c.rawAnswer("1:y1:r")
		c.send("d1:ad2:id20:" + c.id + "6:target20:" + string(sum[:]) + "e1:q3:get1:t4:tttt1:y1:qe")
		if got := c.rawAnswer("1:y1:r"); !strings.Contains(got, "1:v"+string(wire)+"e1:t4:tttt") {
			t.Errorf("put %.50q, got %.300q", wire, got)
		}
	}
}

// rawAnswer is an answer as it came, which the guard of the house's own
// messages need not pass: values may be deep.
func (c *client) rawAnswer(want string) string {
	c.t.Helper()
	b := make([]byte, 8192)
	for {
		_ = c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _, err := c.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			c.t.Fatal(err)
		}
		switch packet := string(b[:n]); {
		case strings.Contains(packet, "1:y1:q"):
		case !strings.Contains(packet, want):
			c.t.Fatalf("answered %q", packet)
		default:
			return packet
		}
	}
}

func TestALaterVersionReplacesAnEarlierOneAndNeverTheReverse(t *testing.T) {
	c := dial(t, open(t))
	put := func(seq int64, v string, more dict) int64 {
		args, target := mutable("salt", seq, v)
		return c.refused("put", with(with(args, more), dict{"token": c.token(target)}))
	}
	_, target := mutable("salt", 0, "")
	for _, step := range []struct {
		seq  int64
		v    string
		more dict
		want int64
		here string
	}{
		{5, "five", nil, 0, "five"},
		{5, "five", nil, 0, "five"}, // again: it lives longer
		{5, "FIVE", nil, 302, "five"},
		{4, "four", nil, 302, "five"},
		{6, "six", dict{"cas": 4}, 301, "five"},
		{6, "six", dict{"cas": 5}, 0, "six"},
		{0, "zero", nil, 302, "six"},
		{1<<63 - 1, "last", nil, 0, "last"},
	} {
		if got := put(step.seq, step.v, step.more); got != step.want {
			t.Errorf("seq %d %v: answered %d, want %d", step.seq, step.more, got, step.want)
		}
		if r := c.values("get", dict{"target": target}); r["v"] != step.here {
			t.Errorf("after seq %d: %q", step.seq, r["v"])
		}
	}
	for seq, whole := range map[int64]bool{1<<63 - 2: true, 1<<63 - 1: false} {
		r := c.values("get", dict{"target": target, "seq": seq})
		if r["seq"] != int64(1<<63-1) || (r["v"] != nil) != whole || (r["k"] != nil) != whole || (r["sig"] != nil) != whole {
			t.Errorf("get with seq %d: %q", seq, r)
		}
	}
}

func TestOfTwoVersionsThatComeTogetherTheLaterStays(t *testing.T) {
	// Given a node with so much to verify that what comes meanwhile waits
	const busy = 32
	c := dial(t, open(t))
	_, target := mutable("salt", 0, "")
	token := c.token(target)
	put := func(salt string, seq int64) string {
		args, _ := mutable(salt, seq, seq)
		return string(packet(t, "put", with(args, dict{"token": token})))
	}
	var packets []string
	for i := range int64(busy) {
		packets = append(packets, put("another", i))
	}
	// when a version comes, and an earlier one right after it
	for _, packet := range append(packets, put("salt", 5), put("salt", 4)) {
		c.send(packet)
	}
	// then the earlier one is refused, and the later is kept.
	refused := 0
	for range busy + 2 {
		if strings.Contains(c.rawAnswer("1:y1:"), "i302e") {
			refused++
		}
	}
	if r := c.values("get", dict{"target": target}); refused != 1 || r["v"] != int64(5) {
		t.Errorf("%d are refused, and %q is kept", refused, r)
	}
}

func TestAnItemEndsTwoHoursAfterItWasLastPut(t *testing.T) {
	clock := newClock()
	n := open(t, withClock(clock))
	c := dial(t, n)
	args, target := immutable("v")
	put := func() { c.values("put", with(args, dict{"token": c.token(target)})) }
	put()
	clock.pass(90 * time.Minute)
	put()
	clock.pass(90 * time.Minute)
	if r := c.values("get", dict{"target": target}); r["v"] != "v" {
		t.Errorf("90 min after the second put: %q", r)
	}
	clock.pass(31 * time.Minute)
	if r := c.values("get", dict{"target": target}); r["v"] != nil {
		t.Errorf("121 min after: %q", r)
	}
	if s := n.Stats(); s.Items != 0 {
		t.Errorf("the node still holds %d", s.Items)
	}
}

func TestAnImmutablePutMayHaveASeqAndASaltAllTheSame(t *testing.T) {
	c := dial(t, open(t))
	args, target := immutable("v")
	c.values("put", with(args, dict{"token": c.token(target), "seq": 0, "salt": "x"}))
	if r := c.values("get", dict{"target": target}); r["v"] != "v" || r["seq"] != nil {
		t.Errorf("%q", r)
	}
}

func TestItemsContactsAndTheIDSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	onDisk := func(c *mainline.Config) { c.Path = path }
	n := open(t, onDisk)
	id := n.ID()
	c := dial(t, n)
	args, target := mutable("", 3, "v")
	c.values("put", with(args, dict{"token": c.token(target)}))
	node := known(t, n, 1)[0]
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	n = open(t, onDisk)
	c = dial(t, n)
	if n.ID() != id {
		t.Errorf("the ID was %s and is %s", id, n.ID())
	}
	if r := c.values("get", dict{"target": target}); r["v"] != "v" || r["seq"] != int64(3) || str(r["sig"]) != args["sig"] {
		t.Errorf("%q", r)
	}
	eventually(t, func() bool { // no bootstrap contact was named
		return strings.HasPrefix(str(c.values("find_node", dict{"target": node.id}, dict{"ro": 1})["nodes"]), node.id)
	})
}

func TestAnItemThatCouldNotBeSavedIsNotKept(t *testing.T) {
	// Given a node with an item, whose disk takes no more
	path := filepath.Join(t.TempDir(), "node.db")
	onDisk := func(c *mainline.Config) { c.Path = path }
	n := open(t, onDisk)
	c := dial(t, n)
	first, target := mutable("", 1, "first")
	c.values("put", with(first, dict{"token": c.token(target)}))
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	breakItems(t, path)
	n = open(t, onDisk)
	c = dial(t, n)

	// when the next version is put, and another item
	second, _ := mutable("", 2, "second")
	other, elsewhere := immutable("other")

	// then both are refused, and neither is shown.
	if got := c.refused("put", with(second, dict{"token": c.token(target)})); got != 202 {
		t.Errorf("the next version is answered with %d", got)
	}
	if got := c.refused("put", with(other, dict{"token": c.token(elsewhere)})); got != 202 {
		t.Errorf("another item is answered with %d", got)
	}
	if r := c.values("get", dict{"target": target}); r["v"] != "first" || r["seq"] != int64(1) {
		t.Errorf("after it was not saved: %q", r)
	}
	if r := c.values("get", dict{"target": elsewhere}); r["v"] != nil || n.Stats().Items != 1 {
		t.Errorf("of %d items: %q", n.Stats().Items, r)
	}
}

// breakItems has a file take no more items.
func breakItems(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON items BEGIN SELECT RAISE(FAIL, 'full'); END`); err != nil {
		t.Fatal(err)
	}
}
