package conformance

import (
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"
)

func sha(parts ...string) string {
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return string(sum[:])
}

// item asks for what is stored under a target.
func (p *peer) item(target string, more ...any) message {
	p.t.Helper()
	arguments := append([]any{"id", me}, more...)
	return p.ask(query("get", append(arguments, "target", target)...))
}

// put stores an immutable item, with the token for it.
func (p *peer) put(v raw) message {
	p.t.Helper()
	p.hash = sha(string(v))
	return p.ask(query("put", "id", me, "token", token, "v", v))
}

// keeps is an answer after which v is given back, byte for byte.
func keeps(v raw) outcome {
	o := answered(lacks("nodes", "token", "v"), func(p *peer, _ message) error {
		m := p.item(sha(string(v)))
		if m.r["v"] == nil || encode(m.r["v"]) != v {
			return fmt.Errorf("then v is %#v, not %.200q", m.r["v"], v)
		}
		return lacks("k", "sig", "seq")(p, m)
	})
	o.target = sha(string(v))
	return o
}

// refusesItem is an error after which nothing is stored under the value's hash.
func refusesItem(v raw, codes ...int) outcome {
	o := refused(codes...)
	o.target = sha(string(v))
	o.after = func(p *peer) error {
		if m := p.item(sha(string(v))); m.r["v"] != nil {
			return fmt.Errorf("refused, and stored: %q", m.raw)
		}
		return nil
	}
	return o
}

func TestGet(t *testing.T) {
	ask := func(arguments ...any) raw { return query("get", append([]any{"id", me}, arguments...)...) }
	written := has("token", func(given string) bool { return len(given) > 1 })
	run(t, []trial{
		{44, "get for what nobody put gives nodes and a token", ask("target", hash), answered(nodes4, written, lacks("v", "k", "sig", "seq"))},
		{44, "get with a seq for what nobody put", ask("seq", 5, "target", hash), answered(nodes4, written, lacks("v", "seq"))},
		{44, "get without target is a protocol error", ask(), refused(203)},
		{44, "a target of 19 bytes is a protocol error", ask("target", hash[:19]), refused(203)},
		{44, "a target of 21 bytes is a protocol error", ask("target", hash+"x"), refused(203)},
		{44, "a target of 32 bytes is a protocol error", ask("target", hash+hash[:12]), refused(203)},
		{44, "an integer for a target is a protocol error", ask("target", 7), refused(203)},
		{44, "a list for a target is a protocol error", ask("target", l(hash)), refused(203)},
		{44, "a seq of letters is no reason for silence", ask("seq", "5", "target", hash), answered().or(refused(203))},
		{44, "a seq over 64 bits is no reason for silence", ask("seq", raw("i99999999999999999999e"), "target", hash), answered().or(refused(203))},
		{44, "a negative seq is no reason for silence", ask("seq", -1, "target", hash), answered().or(refused(203))},
	})
}

func TestImmutableItems(t *testing.T) {
	put := func(v raw) raw { return query("put", "id", me, "token", token, "v", v) }
	unique := func(size int) string { return (random(20) + strings.Repeat("v", 2000))[:size] }
	var trials []trial
	kept := func(rule string, v raw) { trials = append(trials, trial{44, rule, put(v), keeps(v)}) }
	kept("a string", encode(unique(30)))
	kept("the vector", encode("Hello World!"))
	kept("an empty string", encode(""))
	kept("a string that looks like bencode", encode("d1:v1:ve"))
	kept("zero", encode(0))
	kept("a negative integer", encode(-123456))
	kept("the largest integer of 64 bits", encode(1<<63-1))
	kept("the smallest integer of 64 bits", encode(-1<<63))
	kept("an empty list", l())
	kept("a list", l(1, "two", l(3), d("four", 4)))
	kept("an empty dictionary", d())
	kept("a dictionary", d("", 0, "a", l(), "aa", d("v", "k"), "b", unique(20)))
	kept("a dictionary with the keys of a put", d("k", "x", "salt", "s", "seq", 1, "sig", "y", "token", "t", "v", "z"))
	kept("a dictionary whose keys are no text", d("\x00", 1, "\x80", 2, "\xff", 3))
	kept("four lists in each other", "lllleeee")
	for _, size := range []int{500, 700, 997, 998} {
		kept(fmt.Sprintf("a value of %d bytes", size), encode(unique(size-4)))
	}
	run(t, trials)
}

// An answer with a value of 1000 bytes, its token and an id cannot keep to 1024
// bytes; the value is what was asked for.
func TestTheLargestItemComesBackWhole(t *testing.T) {
	target := open(t)
	p := dial(t, target)
	v := encode(random(996))
	if m := p.put(v); m.y != "r" || len(v) != 1000 {
		t.Fatalf("a put of %d bytes is answered %q", len(v), m.raw)
	}
	m := p.item(sha(string(v)))
	if encode(m.r["v"]) != v || len(m.raw) > maxDatagram {
		t.Errorf("v is %.40q in a datagram of %d bytes", m.r["v"], len(m.raw))
	}
	smaller := encode(random(600))
	p.put(smaller)
	if m := p.item(sha(string(smaller))); len(m.raw) > maxReply || m.r["v"] == nil {
		t.Errorf("BEP 32: a value of 600 bytes comes in a datagram of %d", len(m.raw))
	}
}

func TestImmutableItemsRefused(t *testing.T) {
	put := func(v any) raw { return query("put", "id", me, "token", token, "v", v) }
	var trials []trial
	wrong := func(rule string, v raw) { trials = append(trials, trial{44, rule, put(v), refusesItem(v, 203)}) }
	big := func(size int) raw { return encode(random(size - 1 - len(fmt.Sprint(size-5)))) }
	for _, v := range []raw{big(1001), l(raw(big(999))), big(1300), d("a", big(996))} {
		rule := fmt.Sprintf("%d bytes that begin with %.1q are too big", len(v), v)
		trials = append(trials, trial{44, rule, put(v), refusesItem(v, 205)})
	}
	trials = append(trials, trial{44, "8000 bytes are too big, or too much", put(big(8000)), refused(203, 205).or(unanswered)})
	wrong("keys unsorted", d("b", 1, "a", 2))
	wrong("keys twice", d("a", 1, "a", 1))
	wrong("keys twice, not side by side", d("a", 1, "b", 1, "a", 1))
	wrong("keys unsorted, deep down", l(d("x", l(d("b", 1, "a", 2)))))
	wrong("keys sorted by length only", d("b", 1, "aa", 2))
	wrong("keys sorted as signed bytes", d("\x80", 1, "a", 2))
	wrong("a key that comes after what it begins", d("ab", 1, "a", 2))
	wrong("minus zero", "i-0e")
	wrong("a leading zero", "i03e")
	wrong("a leading zero after a minus", "i-03e")
	wrong("two zeros", "i00e")
	wrong("an integer with a plus", "i+3e")
	wrong("an integer in a list with a leading zero", "li1ei02ee")
	wrong("a length with a leading zero", "03:abc")
	wrong("a length of two zeros", "00:")
	wrong("a key's length with a leading zero", "d01:ai1ee")
	run(t, append(trials, []trial{
		{44, "an integer without digits is no bencode", put(raw("ie")), dropped},
		{44, "a minus alone is no bencode", put(raw("i-e")), dropped},
		{44, "an integer with a point is no bencode", put(raw("i1.5e")), dropped},
		{44, "an integer with a space is no bencode", put(raw("i 1e")), dropped},
		{44, "an integer for a key is no bencode", put(raw("di1e1:ae")), dropped},
		{44, "a key without value is no bencode", put(raw("d1:ae")), dropped},
		{44, "a list without end swallows the rest", put(raw("l1:a")), dropped},
		{44, "no v is a protocol error", query("put", "id", me, "token", token), refused(203)},
		{44, "no v but a target is a protocol error", query("put", "id", me, "target", hash, "token", token), refused(203)},
		{44, "no token is a protocol error", query("put", "id", me, "v", "tokenless 1"), refusesItem(encode("tokenless 1"), 203)},
		{44, "an empty token is a protocol error", query("put", "id", me, "token", "", "v", "tokenless 2"), refusesItem(encode("tokenless 2"), 203)},
		{44, "a made-up token is a protocol error", query("put", "id", me, "token", "aoeusnth", "v", "tokenless 3"), refusesItem(encode("tokenless 3"), 203)},
		{44, "an integer for a token is a protocol error", query("put", "id", me, "token", 1, "v", "tokenless 4"), refusesItem(encode("tokenless 4"), 203)},
		{44, "an integer over 64 bits is kept or refused, not cut", put(raw("i123456789012345678901234567890e")), keeps("i123456789012345678901234567890e").or(refused(203))},
		{44, "100 lists in each other are kept or refused", put(raw(strings.Repeat("l", 100) + strings.Repeat("e", 100))), answered().or(dropped)},
		{44, "500 lists in each other are kept or refused", put(raw(strings.Repeat("l", 500) + strings.Repeat("e", 500))), answered().or(dropped)},
		{44, "salt without k is kept as immutable, or refused", query("put", "id", me, "salt", "s", "token", token, "v", "salt alone"), keeps(encode("salt alone")).or(refused(203))},
		{44, "cas without k is kept as immutable, or refused", query("put", "cas", 1, "id", me, "token", token, "v", "cas alone"), keeps(encode("cas alone")).or(refused(203))},
		{44, "seq without k is kept as immutable", query("put", "id", me, "seq", 0, "token", token, "v", "seq alone"), keeps(encode("seq alone"))},
	}...))
}

func TestATokenForAnItemIsItsAskersOwn(t *testing.T) {
	target := open(t)
	a, b := dial(t, target), dialFrom(t, target, another(t, target))
	v := encode(random(20))
	given, _ := a.item(sha(string(v))).r["token"].(string)
	if m := b.ask(query("put", "id", me, "token", given, "v", v)); m.code != 203 {
		t.Errorf("BEP 44: another's token is answered %q", m.raw)
	}
	if m := b.item(sha(string(v))); m.r["v"] != nil {
		t.Errorf("BEP 44: another's token stored %q", m.raw)
	}
	if m := a.ask(query("put", "id", me, "token", given, "v", v)); m.y != "r" {
		t.Errorf("BEP 44: the token that get gave is answered %q", m.raw)
	}
	if m := b.item(sha(string(v))); encode(m.r["v"]) != v || m.r["token"] == nil {
		t.Errorf("BEP 44: another then reads %q", m.raw)
	}
}
