package conformance

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatEveryMessageHas(t *testing.T) {
	id20, id19, id21 := hash, hash[:19], hash+"x"
	run(t, []trial{
		{5, "a ping is answered with an id and nothing else that matters", aPing, answered(lacks("nodes", "token", "values"))},
		{5, "y missing", d("a", d("id", me), "q", "ping", "t", "aa"), dropped},
		{5, "y unknown", d("a", d("id", me), "q", "ping", "t", "aa", "y", "x"), dropped},
		{5, "y empty", d("a", d("id", me), "q", "ping", "t", "aa", "y", ""), dropped},
		{5, "y too long", d("a", d("id", me), "q", "ping", "t", "aa", "y", "qq"), dropped},
		{5, "y an integer", d("a", d("id", me), "q", "ping", "t", "aa", "y", 1), dropped},
		{5, "y a list", d("a", d("id", me), "q", "ping", "t", "aa", "y", l("q")), dropped},
		{5, "t missing", d("a", d("id", me), "q", "ping", "y", "q"), dropped},
		{5, "t an integer", d("a", d("id", me), "q", "ping", "t", 97, "y", "q"), dropped},
		{5, "t a list", d("a", d("id", me), "q", "ping", "t", l("aa"), "y", "q"), dropped},
		{5, "t a dictionary", d("a", d("id", me), "q", "ping", "t", d("aa", ""), "y", "q"), dropped},
		{5, "t empty", d("a", d("id", me), "q", "ping", "t", "", "y", "q"), survived},
		{5, "q missing is a protocol error", d("a", d("id", me), "t", "aa", "y", "q"), refused(203)},
		{5, "q an integer is a protocol error", d("a", d("id", me), "q", 1, "t", "aa", "y", "q"), refused(203)},
		{5, "q a list is a protocol error", d("a", d("id", me), "q", l("ping"), "t", "aa", "y", "q"), refused(203)},
		{5, "q empty is no method", d("a", d("id", me), "q", "", "t", "aa", "y", "q"), refused(203, 204)},
		{5, "a missing is a protocol error", d("q", "ping", "t", "aa", "y", "q"), refused(203)},
		{5, "a a string is a protocol error", d("a", me, "q", "ping", "t", "aa", "y", "q"), refused(203)},
		{5, "a a list is a protocol error", d("a", l("id", me), "q", "ping", "t", "aa", "y", "q"), refused(203)},
		{5, "a an integer is a protocol error", d("a", 1, "q", "ping", "t", "aa", "y", "q"), refused(203)},
		{5, "id missing is a protocol error", query("ping"), refused(203)},
		{5, "id of 19 bytes is a protocol error", query("ping", "id", id19), refused(203)},
		{5, "id of 21 bytes is a protocol error", query("ping", "id", id21), refused(203)},
		{5, "id empty is a protocol error", query("ping", "id", ""), refused(203)},
		{5, "id an integer is a protocol error", query("ping", "id", 20), refused(203)},
		{5, "id a list is a protocol error", query("ping", "id", l(id20)), refused(203)},
		{5, "id a list of 20 integers is a protocol error", query("ping", "id", raw("l"+strings.Repeat("i7e", 20)+"e")), refused(203)},
		{5, "id missing from find_node is a protocol error", query("find_node", "target", hash), refused(203)},
		{5, "id missing from get_peers is a protocol error", query("get_peers", "info_hash", hash), refused(203)},
		{5, "id missing from announce_peer is a protocol error", query("announce_peer", "info_hash", hash, "port", 1, "token", token), refused(203)},
		{44, "id missing from get is a protocol error", query("get", "target", hash), refused(203)},
		{44, "id missing from put is a protocol error", query("put", "token", token, "v", "x"), refused(203)},
		{51, "id missing from sample_infohashes is a protocol error", query("sample_infohashes", "target", hash), refused(203)},
		{5, "an id of zeros is an id", query("ping", "id", strings.Repeat("\x00", 20)), answered()},
		{5, "an id of ones is an id", query("ping", "id", strings.Repeat("\xff", 20)), answered()},
		{5, "unknown arguments are ignored", query("ping", "a", 1, "id", me, "zz", d("x", l())), answered()},
		{5, "unknown keys are ignored", d("a", d("id", me), "b", l(1, 2), "q", "ping", "t", "aa", "y", "q", "z", d()), answered()},
		{5, "v is optional and free", d("a", d("id", me), "q", "ping", "t", "aa", "v", "LT\x01\x2f", "y", "q"), answered()},
		{5, "v may be empty", d("a", d("id", me), "q", "ping", "t", "aa", "v", "", "y", "q"), answered()},
		{5, "v may be long", d("a", d("id", me), "q", "ping", "t", "aa", "v", strings.Repeat("v", 300), "y", "q"), answered()},
		{5, "v an integer is no reason for silence", d("a", d("id", me), "q", "ping", "t", "aa", "v", 1, "y", "q"), answered().or(refused(203))},
		{32, "a question of 1024 bytes is read", query("ping", "id", me, "x", strings.Repeat("x", 1024-72)), answered()},
		{32, "a question of 1472 bytes is read", query("ping", "id", me, "x", strings.Repeat("x", 1472-73)), answered()},
		{32, "a question of 4000 bytes is read or dropped", query("ping", "id", me, "x", strings.Repeat("x", 4000)), answered().or(dropped)},
		{32, "a question of 60000 bytes is read or dropped", query("ping", "id", me, "x", strings.Repeat("x", 60000)), answered().or(dropped)},
		{42, "ip in a question is ignored", d("a", d("id", me), "ip", "\x7f\x00\x00\x01\x00\x01", "q", "ping", "t", "aa", "y", "q"), answered()},
		{5, "r beside a question is ignored", d("a", d("id", me), "q", "ping", "r", d("id", me), "t", "aa", "y", "q"), answered()},
		{5, "e beside a question is ignored", d("a", d("id", me), "e", l(201, "x"), "q", "ping", "t", "aa", "y", "q"), answered()},
		{43, "who is read-only is answered", d("a", d("id", me), "q", "ping", "ro", 1, "t", "aa", "y", "q"), answered()},
		{43, "ro 0 is as good as none", d("a", d("id", me), "q", "ping", "ro", 0, "t", "aa", "y", "q"), answered()},
		{43, "ro a string is no reason for silence", d("a", d("id", me), "q", "ping", "ro", "1", "t", "aa", "y", "q"), answered().or(refused(203))},
		{43, "ro 2 is no reason for silence", d("a", d("id", me), "q", "ping", "ro", 2, "t", "aa", "y", "q"), answered().or(refused(203))},
	})
}

func TestTransactionIDsComeBackWhole(t *testing.T) {
	target := open(t)
	for _, size := range []int{1, 2, 3, 4, 5, 8, 15, 16, 17, 20, 32, 33, 64, 65, 128} {
		t.Run(fmt.Sprintf("BEP 5: of %d bytes", size), func(t *testing.T) {
			p := dial(t, target)
			for _, question := range []raw{
				d("a", d("id", me), "q", "ping"),
				d("a", d("id", me, "target", hash), "q", "find_node"),
				d("a", d("id", me, "target", "too short"), "q", "find_node"),
			} {
				tx := random(size)
				question = question[:len(question)-1] + encode("t") + encode(tx) + "1:y1:qe"
				if m := p.ask(question); m.tx != tx || len(m.raw) > maxReply {
					t.Errorf("%q came back as %q in %d bytes", tx, m.tx, len(m.raw))
				}
			}
		})
	}
	t.Run("BEP 5: of all bytes that mean something in bencode", func(t *testing.T) {
		p := dial(t, target)
		for _, tx := range []string{"1:t", "1:y1:q", "d", "e", "ee", "i1e", "\x00\x00", "\xff\xff\xff\xff", "1:t2:aa"} {
			if m := p.ask(d("a", d("id", me), "q", "ping", "t", tx, "y", "q")); m.tx != tx {
				t.Errorf("%q came back as %q", tx, m.tx)
			}
		}
	})
	t.Run("BEP 5: of more bytes than that come back whole or not at all", func(t *testing.T) {
		for _, size := range []int{129, 255, 256, 257, 600} {
			p := dial(t, target)
			long := random(size)
			p.try(d("a", d("id", me), "q", "ping", "t", long, "y", "q"), answered(func(_ *peer, m message) error {
				if m.tx != long {
					return fmt.Errorf("%d bytes came back as %d", size, len(m.tx))
				}
				return nil
			}).or(unanswered))
		}
	})
	t.Run("BEP 32: of 900 bytes never makes an answer too long", func(t *testing.T) {
		p := dial(t, target)
		long := strings.Repeat("t", 900)
		for _, question := range []raw{
			d("a", d("id", me), "q", "ping", "t", long, "y", "q"),
			d("a", d("id", me, "target", hash), "q", "find_node", "t", long, "y", "q"),
			d("a", d("id", me, "info_hash", hash, "scrape", 1), "q", "get_peers", "t", long, "y", "q"),
		} {
			p.try(question, survived)
		}
	})
}

func TestAnswersSayWhoAndToWhom(t *testing.T) {
	target := open(t)
	known := dial(t, target).ask(aPing).id
	for _, c := range []struct {
		rule string
		send raw
	}{
		{"an answer to a ping", aPing},
		{"an answer to find_node", query("find_node", "id", me, "target", hash)},
		{"an answer to get_peers", query("get_peers", "id", me, "info_hash", hash)},
		{"an answer to announce_peer", query("announce_peer", "id", me, "info_hash", hash, "port", 1, "token", token)},
		{"an answer to get", query("get", "id", me, "target", hash)},
		{"an answer to put", query("put", "id", me, "token", token, "v", "who and to whom")},
		{"an answer to sample_infohashes", query("sample_infohashes", "id", me, "target", hash)},
		{"an error", query("find_node", "id", me)},
		{"an error for an unknown method", query("no_such_method", "id", me)},
	} {
		p := dial(t, target)
		p.hash = sha(string(encode("who and to whom")))
		m := p.ask(c.send)
		t.Run("BEP 42: the asker's address is in "+c.rule, func(t *testing.T) {
			if m.top["ip"] != p.compact() {
				t.Errorf("ip is %q, not %q, in %q", m.top["ip"], p.compact(), m.raw)
			}
		})
		t.Run("BEP 5: the same id and the version are in "+c.rule, func(t *testing.T) {
			if m.y == "r" && m.id != known {
				t.Errorf("the id was %x, now it is %x", known, m.id)
			}
			if v, _ := m.top["v"].(string); len(v) != 4 {
				t.Errorf("v is %#v", m.top["v"])
			}
		})
	}
}

func TestNothingIsLostOrDoubled(t *testing.T) {
	target := open(t)
	t.Run("BEP 5: 100 pings at once have 100 answers", func(t *testing.T) {
		p := dial(t, target)
		missing := make(map[string]bool)
		for range 100 {
			missing[p.ping()] = true
		}
		for len(missing) > 0 {
			m := p.receive()
			if !missing[m.tx] {
				t.Fatalf("%q is answered twice or was never asked", m.tx)
			}
			delete(missing, m.tx)
		}
	})
	t.Run("BEP 5: the same datagram twice has two answers", func(t *testing.T) {
		p := dial(t, target)
		p.send(p.fill(aPing))
		p.send(p.fill(aPing))
		if got := p.until(p.ping()); len(got) != 2 {
			t.Errorf("%d answers", len(got))
		}
	})
	t.Run("BEP 44: 200 puts at once are all answered, if only that there are too many", func(t *testing.T) {
		p := dial(t, target)
		v := encode(p.hash)
		given := p.token(sha(string(v)))
		missing := make(map[string]bool)
		for i := range 200 {
			tx := fmt.Sprintf("put%d", i)
			missing[tx] = true
			p.send(d("a", d("id", p.id, "token", given, "v", v), "q", "put", "t", tx, "y", "q"))
		}
		for len(missing) > 0 {
			m := p.receive()
			if !missing[m.tx] || m.y == "e" && m.code != 202 {
				t.Fatalf("answered %q", m.raw)
			}
			delete(missing, m.tx)
		}
	})
}
