package conformance

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// signer writes mutable items.
type signer struct {
	key  ed25519.PrivateKey
	salt string
}

func newSigner(salt string) signer {
	_, key, _ := ed25519.GenerateKey(nil)
	return signer{key, salt}
}

func (s signer) public() string { return string(s.key.Public().(ed25519.PublicKey)) }
func (s signer) target() string { return sha(s.public(), s.salt) }

// sign signs what BEP 44 says, with the salt and seq given.
func (s signer) sign(salt string, seq any, v raw) string {
	signed := "3:seq" + encode(seq) + "1:v" + v
	if salt != "" {
		signed = "4:salt" + encode(salt) + signed
	}
	return string(ed25519.Sign(s.key, []byte(signed)))
}

// put is a whole put of version seq; what is named in change has another value,
// or none if that is nil.
func (s signer) put(seq any, v raw, change map[string]any) raw {
	arguments := map[string]any{
		"id": me, "k": s.public(), "seq": seq, "sig": s.sign(s.salt, seq, v), "token": token, "v": v,
	}
	if s.salt != "" {
		arguments["salt"] = s.salt
	}
	for key, value := range change {
		if arguments[key] = value; value == nil {
			delete(arguments, key)
		}
	}
	return query("put", raw(strings.TrimSuffix(string(encode(arguments)[1:]), "e")), raw(""))
}

// write puts an item, with the token for it.
func (p *peer) write(s signer, seq int, v raw) message {
	p.t.Helper()
	p.hash = s.target()
	return p.ask(s.put(seq, v, nil))
}

func (s signer) holds(p *peer, seq int, v raw) error {
	m := p.item(s.target())
	if m.r["k"] != s.public() || m.r["seq"] != seq || m.r["v"] == nil || encode(m.r["v"]) != v || m.r["sig"] != s.sign(s.salt, seq, v) {
		return fmt.Errorf("then the item is %q, not version %d, %.100q", m.raw, seq, v)
	}
	return lacks("salt")(p, m)
}

func (s signer) empty(p *peer) error {
	if m := p.item(s.target()); m.r["v"] != nil || m.r["seq"] != nil {
		return fmt.Errorf("then there is an item: %q", m.raw)
	}
	return nil
}

func TestMutableItems(t *testing.T) {
	var trials []trial
	kept := func(rule string, salt string, seq int, v raw, change map[string]any) {
		s := newSigner(salt)
		o := answered(lacks("v", "token"), func(p *peer, _ message) error { return s.holds(p, seq, v) })
		trials = append(trials, trial{44, rule, s.put(seq, v, change), o.under(s.target())})
	}
	kept("an item is kept", "", 1, encode("one"), nil)
	kept("version 0 is kept", "", 0, encode("zero"), nil)
	kept("the last version of 63 bits is kept", "", 1<<63-1, encode("last"), nil)
	kept("an item with a salt is kept", "foobar", 1, encode("one"), nil)
	kept("an empty salt is none", "", 1, encode("one"), map[string]any{"salt": ""})
	kept("a salt of 64 bytes is kept", strings.Repeat("s", 64), 1, encode("one"), nil)
	kept("a salt of one zero is kept", "\x00", 1, encode("one"), nil)
	kept("a salt that looks like bencode is kept", "3:seqi1e1:v1:x", 1, encode("one"), nil)
	kept("an integer is kept", "", 2, encode(-7), nil)
	kept("a dictionary is kept", "", 2, d("a", l(1, d()), "b", ""), nil)
	kept("a cas with nothing there is ignored", "", 5, encode("cas"), map[string]any{"cas": 4})
	kept("a value of 700 bytes is kept", "", 1, encode(strings.Repeat("v", 696)), nil)
	run(t, trials)
}

func TestTheLargestMutableItemComesBackWhole(t *testing.T) {
	p := dial(t, open(t))
	s, v := newSigner(strings.Repeat("s", 64)), encode(strings.Repeat("v", 996))
	if m := p.write(s, 1, v); m.y != "r" || len(v) != 1000 {
		t.Fatalf("a put of %d bytes is answered %q", len(v), m.raw)
	}
	if err := s.holds(p, 1, v); err != nil {
		t.Error(err)
	}
}

func TestBEP44sVectors(t *testing.T) {
	target := open(t)
	for _, c := range []struct{ name, salt, sig, target string }{
		{"mutable", "", "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01", "4a533d47ec9c7d95b1ad75f576cffc641853b750"},
		{"mutable with salt", "foobar", "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08", "411eba73b6f087ca51a3795d9c8c938d365e32c1"},
	} {
		t.Run("BEP 44: "+c.name, func(t *testing.T) {
			p := dial(t, target)
			p.hash = unhex(c.target)
			k := unhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
			p.ask(query("put", "id", me, "k", k, "salt", c.salt, "seq", 1, "sig", unhex(c.sig), "token", token, "v", "Hello World!"))
			m := p.item(unhex(c.target))
			if m.r["v"] != "Hello World!" || m.r["sig"] != unhex(c.sig) || m.r["k"] != k || m.r["seq"] != 1 {
				t.Errorf("then the item is %q", m.raw)
			}
		})
	}
	t.Run("BEP 44: immutable", func(t *testing.T) {
		p := dial(t, target)
		p.put(encode("Hello World!"))
		if m := p.item(unhex("e5f96f6f38320f0f33959cb4d3d656452117aadb")); m.r["v"] != "Hello World!" {
			t.Errorf("then the item is %q", m.raw)
		}
	})
}

func unhex(text string) string {
	b, _ := hex.DecodeString(text)
	return string(b)
}

func TestMutableItemsRefused(t *testing.T) {
	v := encode("refused")
	var trials []trial
	wrong := func(rule string, salt string, seq any, change func(signer) map[string]any, codes ...int) {
		s := newSigner(salt)
		o := refusesItem(v, codes...)
		nothing := o.after
		o.after = func(p *peer) error {
			if err := s.empty(p); err != nil {
				return err
			}
			return nothing(p)
		}
		trials = append(trials, trial{44, rule, s.put(seq, v, change(s)), o.under(s.target())})
	}
	with := func(key string, value any) func(signer) map[string]any {
		return func(signer) map[string]any { return map[string]any{key: value} }
	}
	wrong("k without sig is refused", "", 1, with("sig", nil), 203)
	wrong("k without seq is refused", "", 1, with("seq", nil), 203)
	wrong("k without sig and seq is refused", "", 1, func(signer) map[string]any { return map[string]any{"sig": nil, "seq": nil} }, 203)
	wrong("k of 31 bytes is refused", "", 1, with("k", strings.Repeat("k", 31)), 203, 206)
	wrong("k of 33 bytes is refused", "", 1, with("k", strings.Repeat("k", 33)), 203, 206)
	wrong("k an integer is refused", "", 1, with("k", 1), 203)
	wrong("k empty is refused", "", 1, with("k", ""), 203, 206)
	wrong("sig of 63 bytes is refused", "", 1, with("sig", strings.Repeat("s", 63)), 203, 206)
	wrong("sig of 65 bytes is refused", "", 1, with("sig", strings.Repeat("s", 65)), 203, 206)
	wrong("sig a list is refused", "", 1, with("sig", l()), 203)
	wrong("sig of zeros is invalid", "", 1, with("sig", strings.Repeat("\x00", 64)), 206)
	wrong("another's sig is invalid", "", 1, with("sig", newSigner("").sign("", 1, v)), 206)
	wrong("another's k is invalid", "", 1, with("k", newSigner("").public()), 206, 203)
	wrong("a sig for another seq is invalid", "", 1, func(s signer) map[string]any { return map[string]any{"sig": s.sign("", 2, v)} }, 206)
	wrong("a sig for another value is invalid", "", 1, func(s signer) map[string]any { return map[string]any{"sig": s.sign("", 1, encode("other"))} }, 206)
	wrong("a sig without the salt is invalid", "salt", 1, func(s signer) map[string]any { return map[string]any{"sig": s.sign("", 1, v)} }, 206)
	wrong("a sig with a salt that is not sent is invalid", "", 1, func(s signer) map[string]any { return map[string]any{"sig": s.sign("salt", 1, v)} }, 206)
	wrong("a sig with an empty salt written out is invalid", "", 1, func(s signer) map[string]any {
		return map[string]any{"sig": string(ed25519.Sign(s.key, []byte("4:salt0:3:seqi1e1:v"+v)))}
	}, 206)
	wrong("a sig of the value without its bencoding is invalid", "", 1, func(s signer) map[string]any {
		return map[string]any{"sig": string(ed25519.Sign(s.key, []byte("3:seqi1e1:vrefused")))}
	}, 206)
	wrong("a key of a low order point is invalid", "", 1, func(signer) map[string]any {
		return map[string]any{"k": "\x01" + strings.Repeat("\x00", 31), "sig": "\x01" + strings.Repeat("\x00", 63)}
	}, 206, 203)
	wrong("a salt of 65 bytes is too big", strings.Repeat("s", 65), 1, with("x", 1), 207)
	wrong("a salt of 500 bytes is too big", strings.Repeat("s", 500), 1, with("x", 1), 207)
	wrong("a salt that is an integer is refused", "", 1, with("salt", 1), 203)
	wrong("a salt that is a list is refused", "", 1, with("salt", l("s")), 203)
	wrong("a seq of 2 to the 63 is refused", "", raw("i9223372036854775808e"), with("x", 1), 203, 206)
	wrong("a seq of a hundred digits is refused", "", raw("i"+strings.Repeat("9", 100)+"e"), with("x", 1), 203)
	wrong("a seq in a string is refused", "", "1", with("x", 1), 203)
	wrong("a seq with a leading zero is refused", "", raw("i01e"), with("x", 1), 203)
	wrong("a made-up token is refused", "", 1, with("token", "aoeusnth"), 203)
	wrong("no token is refused", "", 1, with("token", nil), 203)
	wrong("no v is refused", "", 1, with("v", nil), 203)
	wrong("a cas in a string is refused", "", 1, with("cas", "1"), 203)
	for _, spoiled := range []raw{d("b", 1, "a", 2), d("a", 1, "a", 2), "i-0e", "i007e", "01:a"} {
		s := newSigner("")
		trials = append(trials, trial{44, fmt.Sprintf("a signed value that is %s is refused", spoiled), s.put(1, spoiled, nil), refused(203).under(s.target())})
	}
	trials = append(trials, trial{44, "sig and seq without k are kept as immutable, or refused",
		newSigner("").put(1, encode("k is missing"), map[string]any{"k": nil}), keeps(encode("k is missing")).or(refused(203))})
	s, big := newSigner(""), encode(strings.Repeat("b", 997))
	trials = append(trials, trial{44, "a signed value of 1001 bytes is too big", s.put(1, big, nil), refused(205).under(s.target())},
		trial{44, "a negative seq is kept or refused", s.put(-1, v, nil), answered().or(refused(203)).under(s.target())})
	run(t, trials)
}

func TestVersionsOfAnItem(t *testing.T) {
	target := open(t)
	one, two, three := encode("one"), encode("two"), encode("three")
	for _, c := range []struct {
		rule  string
		then  func(s signer) raw
		codes []int // 0 is an answer
		seq   int
		v     raw
	}{
		{"a later version replaces", func(s signer) raw { return s.put(6, two, nil) }, []int{0}, 6, two},
		{"a much later version replaces", func(s signer) raw { return s.put(1<<62, two, nil) }, []int{0}, 1 << 62, two},
		{"the same again is accepted", func(s signer) raw { return s.put(5, one, nil) }, []int{0}, 5, one},
		{"an earlier version is refused", func(s signer) raw { return s.put(4, two, nil) }, []int{302}, 5, one},
		{"version 0 is refused", func(s signer) raw { return s.put(0, two, nil) }, []int{302}, 5, one},
		{"the same version with another value is refused", func(s signer) raw { return s.put(5, two, nil) }, []int{302, 203, 201}, 5, one},
		{"a cas that matches replaces", func(s signer) raw { return s.put(6, two, map[string]any{"cas": 5}) }, []int{0}, 6, two},
		{"a cas that is too low is refused", func(s signer) raw { return s.put(6, two, map[string]any{"cas": 4}) }, []int{301}, 5, one},
		{"a cas that is too high is refused", func(s signer) raw { return s.put(7, two, map[string]any{"cas": 6}) }, []int{301}, 5, one},
		{"a cas of 0 is a cas", func(s signer) raw { return s.put(6, two, map[string]any{"cas": 0}) }, []int{301}, 5, one},
		{"a cas that matches does not excuse an earlier version", func(s signer) raw { return s.put(4, two, map[string]any{"cas": 5}) }, []int{302}, 5, one},
		{"an invalid later version is refused", func(s signer) raw { return s.put(6, two, map[string]any{"sig": s.sign(s.salt, 6, three)}) }, []int{206}, 5, one},
		{"an invalid earlier version is refused", func(s signer) raw { return s.put(4, two, map[string]any{"sig": s.sign(s.salt, 6, three)}) }, []int{206, 302}, 5, one},
	} {
		for _, salt := range []string{"", "salt"} {
			t.Run("BEP 44: "+c.rule+map[string]string{"": "", "salt": ", with a salt"}[salt], func(t *testing.T) {
				p, s := dial(t, target), newSigner(salt)
				if m := p.write(s, 5, one); m.y != "r" {
					t.Fatalf("version 5 is answered %q", m.raw)
				}
				p.try(c.then(s), outcome{answer: c.codes[0] == 0, codes: c.codes, after: func(p *peer) error {
					return s.holds(p, c.seq, c.v)
				}})
			})
		}
	}
}

func TestGetWithSeq(t *testing.T) {
	target := open(t)
	p, s := dial(t, target), newSigner("")
	p.write(s, 5, encode("five"))
	for _, c := range []struct {
		rule  string
		seq   int
		whole bool
	}{
		{"an older one is known: all of it", 4, true},
		{"version 0 is known: all of it", 0, true},
		{"the same is known: the version alone", 5, false},
		{"a later one is known: the version alone", 6, false},
	} {
		t.Run("BEP 44: "+c.rule, func(t *testing.T) {
			m := p.item(s.target(), "seq", c.seq)
			if m.r["seq"] != 5 || m.r["token"] == nil || m.r["nodes"] == nil {
				t.Errorf("seq, token or nodes missing: %q", m.raw)
			}
			for _, key := range []string{"k", "v", "sig"} {
				if (m.r[key] != nil) != c.whole {
					t.Errorf("%s is %#v", key, m.r[key])
				}
			}
		})
	}
	t.Run("BEP 44: an immutable item has no versions", func(t *testing.T) {
		p.put(encode("no versions"))
		if m := p.item(sha("11:no versions"), "seq", 0); m.r["v"] != "no versions" {
			t.Errorf("the item is %q", m.raw)
		}
	})
	t.Run("BEP 44: items of one key with two salts are two", func(t *testing.T) {
		a, b := s, s
		a.salt, b.salt = "a", "b"
		p.write(a, 1, encode("in a"))
		p.write(b, 9, encode("in b"))
		if err := a.holds(p, 1, encode("in a")); err != nil {
			t.Error(err)
		}
		if err := b.holds(p, 9, encode("in b")); err != nil {
			t.Error(err)
		}
	})
}
