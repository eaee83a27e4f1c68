package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// aPing is whole and in order: what the cases below spoil.
var aPing = query("ping", "id", me)

func TestWhatIsNoDictionaryIsDropped(t *testing.T) {
	run(t, []trial{
		{5, "an empty datagram is dropped", "", unanswered},
		{5, "one byte is dropped", "d", unanswered},
		{5, "an e alone is dropped", "e", unanswered},
		{5, "a string is dropped", "4:ping", unanswered},
		{5, "an integer is dropped", "i1e", unanswered},
		{5, "a list is dropped", "le", unanswered},
		{5, "a list with a ping in it is dropped", l(aPing), unanswered},
		{5, "zeros are dropped", raw(strings.Repeat("\x00", 300)), unanswered},
		{5, "a sealed datagram of another protocol is dropped", raw("\x01" + strings.Repeat("\xa5", 200)), unanswered},
		{5, "what looks like QUIC is dropped", raw("\xc0\x00\x00\x00\x01" + strings.Repeat("\x00", 1195)), unanswered},
		{5, "what looks like uTP is dropped", raw("\x41\x00" + strings.Repeat("\x11", 18)), unanswered},
		{5, "a space before a ping is too much", " " + aPing, unanswered},
		{5, "a newline after a ping is too much", aPing + "\n", unanswered},
		{5, "a zero after a ping is too much", aPing + "\x00", unanswered},
		{5, "an empty dictionary is dropped", "de", dropped},
		{5, "a dictionary cut before its end is dropped", aPing[:len(aPing)-1], unanswered},
		{5, "65507 bytes of nothing are dropped", raw(strings.Repeat("x", 65507)), unanswered},
	})
}

func TestMalformedBencodeIsSurvived(t *testing.T) {
	ping := func(id string) raw { return raw("d1:ad2:id" + id + "e1:q4:ping1:t2:aa1:y1:qe") }
	run(t, []trial{
		{5, "a second dictionary after the first", aPing + aPing, survived},
		{5, "an e after the end", aPing + "e", survived},
		{5, "a length without colon", ping("20" + me), dropped},
		{5, "a length with a leading zero", ping("020:" + me), survived},
		{5, "a negative length", ping("-20:" + me), dropped},
		{5, "a length with a plus", ping("+20:" + me), dropped},
		{5, "a length with a space", ping(" 20:" + me), dropped},
		{5, "a length over what follows", ping("21:" + me[:19]), dropped},
		{5, "a length of two gigabytes", ping("2147483647:" + me), dropped},
		{5, "a length of 32 bits and one", ping("4294967316:" + me), dropped},
		{5, "a length of 64 bits and one", ping("18446744073709551636:" + me), dropped},
		{5, "a length of a hundred digits", ping(strings.Repeat("9", 100) + ":" + me), dropped},
		{5, "an integer for a key", "d1:ad2:id20:" + me + "ei1e4:ping1:t2:aa1:y1:qe", dropped},
		{5, "a list for a key", "d1:ad2:id20:" + me + "ele4:ping1:t2:aa1:y1:qe", dropped},
		{5, "a key without value", "d1:ad2:id20:" + me + "e1:q4:ping1:t2:aa1:ye", dropped},
		{5, "an integer without digits", "d1:ad2:id20:" + me + "e1:q4:ping2:roie1:t2:aa1:y1:qe", dropped},
		{5, "an integer without end", "d1:ad2:id20:" + me + "e1:q4:ping2:roi11:t2:aa1:y1:qe", dropped},
		{5, "an integer of letters", "d1:ad2:id20:" + me + "e1:q4:ping2:roixe1:t2:aa1:y1:qe", dropped},
		{5, "an integer of a hundred digits", "d1:ad2:id20:" + me + "e1:q4:ping2:roi" + raw(strings.Repeat("9", 100)) + "e1:t2:aa1:y1:qe", survived},
		{5, "minus zero", "d1:ad2:id20:" + me + "e1:q4:ping2:roi-0e1:t2:aa1:y1:qe", survived},
		{5, "a leading zero", "d1:ad2:id20:" + me + "e1:q4:ping2:roi01e1:t2:aa1:y1:qe", survived},
		{5, "keys unsorted at the top", d("y", "q", "t", "aa", "q", "ping", "a", d("id", me)), survived},
		{5, "arguments unsorted", query("find_node", "target", hash, "id", me), survived},
		{5, "y twice, the same", d("a", d("id", me), "q", "ping", "t", "aa", "y", "q", "y", "q"), survived},
		{5, "y twice, not the same", d("a", d("id", me), "q", "ping", "t", "aa", "y", "q", "y", "r"), survived},
		{5, "t twice", d("a", d("id", me), "q", "ping", "t", "aa", "t", "bb", "y", "q"), survived},
		{5, "id twice", query("ping", "id", me, "id", hash), survived},
		{5, "an empty key", d("", "", "a", d("id", me), "q", "ping", "t", "aa", "y", "q"), survived},
		{5, "a thousand keys", d("a", d("id", me), "q", "ping", raw(manyKeys(1000)), raw(""), "t", "aa", "y", "q"), survived},
	})
}

// manyKeys are keys with values between q and t, in order.
func manyKeys(count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "5:r%04di1e", i)
	}
	return b.String()
}

func TestDeepNestingIsSurvived(t *testing.T) {
	var trials []trial
	for _, depth := range []int{10, 100, 1000, 10000, 30000} {
		lists := raw(strings.Repeat("l", depth) + strings.Repeat("e", depth))
		dicts := raw(strings.Repeat("d1:x", depth) + "le" + strings.Repeat("e", depth))
		open := raw(strings.Repeat("l", depth))
		for _, shape := range []struct {
			name string
			raw  raw
		}{{"lists", lists}, {"dictionaries", dicts[:min(len(dicts), 60000)]}, {"lists never closed", open}} {
			trials = append(trials,
				trial{5, fmt.Sprintf("%d %s in an argument", depth, shape.name), d("a", d("id", me, "x", shape.raw), "q", "ping", "t", "aa", "y", "q"), survived},
				trial{5, fmt.Sprintf("%d %s and nothing else", depth, shape.name), "d1:x" + shape.raw + "e", dropped})
		}
	}
	run(t, trials)
}

func TestEveryPrefixOfAQuestionIsDropped(t *testing.T) {
	target := open(t)
	p := dial(t, target)
	whole := p.fill(query("announce_peer", "id", me, "implied_port", 1, "info_hash", hash, "port", 1, "token", "tt"))
	for size := range len(whole) {
		p.send(whole[:size])
		if got := p.until(p.ping()); len(got) > 0 {
			t.Errorf("%d of %d bytes are answered: %q", size, len(whole), got[0].raw)
		}
	}
}

// A few thousand spoiled questions: bytes changed, taken out, put in, doubled.
// Whatever comes back is well-formed, and the node lives.
func TestSpoiledQuestionsAreSurvived(t *testing.T) {
	target := open(t)
	p := dial(t, target)
	whole := []raw{
		p.fill(aPing),
		p.fill(query("find_node", "id", me, "target", hash, "want", l("n4", "n6"))),
		p.fill(query("get_peers", "id", me, "info_hash", hash, "noseed", 1, "scrape", 1)),
		p.fill(query("announce_peer", "id", me, "implied_port", 0, "info_hash", hash, "port", 6881, "token", token)),
		p.fill(query("get", "id", me, "seq", 3, "target", hash)),
		p.fill(query("put", "id", me, "token", token, "v", d("a", l("b", 1), "c", ""))),
		p.fill(query("sample_infohashes", "id", me, "target", hash)),
		p.fill(d("r", d("id", me, "nodes", strings.Repeat(hash[:13], 2)), "t", "aa", "y", "r")),
		p.fill(d("e", l(201, "no"), "t", "aa", "y", "e")),
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for round := range 4000 {
		spoiled := []byte(whole[round%len(whole)])
		for range 1 + chance.IntN(3) {
			spoiled = spoil(spoiled, chance)
		}
		p.send(raw(spoiled))
		if round%16 == 15 {
			p.until(p.ping())
		}
	}
}

func spoil(b []byte, chance *rand.Rand) []byte {
	at := chance.IntN(len(b))
	const grammar = "delir0123456789:-qtyvae\x00\xff"
	switch chance.IntN(4) {
	case 0:
		b[at] = grammar[chance.IntN(len(grammar))]
		return b
	case 1:
		return append(b[:at:at], b[min(at+1+chance.IntN(4), len(b)-1):]...)
	case 2:
		return append(append(b[:at:at], grammar[chance.IntN(len(grammar))]), b[at:]...)
	}
	end := at + chance.IntN(len(b)-at)
	return append(b[:end:end], b[at:]...)
}
