package krpc_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/khashmir/kad/krpc"
)

const (
	id20  = "20:aaaaaaaaaaaaaaaaaaaa"
	key31 = "31:kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
)

// malformed are dictionaries in good bencode that are no messages of ours.
var malformed = []struct{ name, wire, want string }{
	{"nothing in it", "de", "y is none of q, r and e"},
	{"y unknown", "d1:y1:xe", "y is none of q, r and e"},
	{"y an integer", "d1:yi1ee", "t, v or y is of the wrong type"},
	{"v a string", "d1:q4:ping1:v4:LT011:y1:qe", "t, v or y is of the wrong type"},
	{"t a list", "d1:q4:ping1:tle1:y1:qe", "t, v or y is of the wrong type"},
	{"t too long", "d1:q4:ping1:t17:ttttttttttttttttt1:y1:qe", "t has 17 bytes, over the limit of 16"},

	{"q missing", "d1:y1:qe", "q is missing or not a name"},
	{"q empty", "d1:q0:1:y1:qe", "q is missing or not a name"},
	{"q an integer", "d1:qi1e1:y1:qe", "q is missing or not a name"},
	{"q too long", "d1:q65:" + strings.Repeat("q", 65) + "1:y1:qe", "q has 65 bytes, over the limit of 64"},

	{"ping, a a list", "d1:ale1:q4:ping1:y1:qe", "a is not a dictionary, or a value in it is of the wrong type"},
	{"ping, who a string", "d1:ad3:who1:1e1:q4:ping1:y1:qe", "a is not a dictionary, or a value in it is of the wrong type"},
	{"find_node without a", "d1:q9:find_node1:y1:qe", "a is missing"},
	{"find_node, a a list", "d1:ale1:q9:find_node1:y1:qe", "a is not a dictionary, or a value in it is of the wrong type"},
	{"find_node without target", "d1:ade1:q9:find_node1:y1:qe", "target has 0 bytes, not 20"},
	{"find_node, target short", "d1:ad6:target19:aaaaaaaaaaaaaaaaaaae1:q9:find_node1:y1:qe", "target has 19 bytes, not 20"},
	{"find_node, target long", "d1:ad6:target21:aaaaaaaaaaaaaaaaaaaaae1:q9:find_node1:y1:qe", "target has 21 bytes, not 20"},
	{"find_node, target a list of 20 integers", "d1:ad6:targetl" + strings.Repeat("i7e", 20) + "ee1:q9:find_node1:y1:qe", "a is not a dictionary, or a value in it is of the wrong type"},
	{"find_value without a", "d1:q10:find_value1:y1:qe", "a is missing"},
	{"find_value without target", "d1:ade1:q10:find_value1:y1:qe", "target has 0 bytes, not 20"},
	{"find_value, cursor negative", "d1:ad6:cursori-1e6:target" + id20 + "e1:q10:find_value1:y1:qe", "cursor is negative"},
	{"an answer, hot negative", "d1:rd3:hoti-1ee1:y1:re", "hot is negative"},
	{"find_value, cursor a string", "d1:ad6:cursor1:16:target" + id20 + "e1:q10:find_value1:y1:qe", "a is not a dictionary, or a value in it is of the wrong type"},

	{"store_value without a", "d1:q11:store_value1:y1:qe", "a is missing"},
	{"store_value without key", "d1:ad5:entryd1:v1:vee1:q11:store_value1:y1:qe", "key has 0 bytes, not 20"},
	{"store_value without entry", "d1:ad3:key" + id20 + "e1:q11:store_value1:y1:qe", "an entry's v is missing or not a string"},
	{"store_value, entry a string", "d1:ad5:entry1:v3:key" + id20 + "e1:q11:store_value1:y1:qe", "a is not a dictionary, or a value in it is of the wrong type"},
	{"store_value, token too long", "d1:ad5:entryd1:v1:ve3:key" + id20 + "5:token65:" + strings.Repeat("t", 65) + "e1:q11:store_value1:y1:qe", "token has 65 bytes, over the limit of 64"},
	{"store_value, entry without v", storing("d1:ai1ee"), "an entry's v is missing or not a string"},
	{"store_value, v an integer", storing("d1:vi1ee"), "an entry's v is missing or not a string"},
	{"store_value, v a list of integers", storing("d1:vli1ei2eee"), "an entry's v is missing or not a string"},
	{"store_value, publisher short", storing("d1:p" + key31 + "1:v1:ve"), "p has 31 bytes, not 32"},
	{"store_value, age negative", storing("d1:ai-1e1:v1:ve"), "an entry's a is not in 0 to 9223372036 seconds"},
	{"store_value, age overflows", storing("d1:ai9223372037e1:v1:ve"), "an entry's a is not in 0 to 9223372036 seconds"},
	{"store_value, lifetime negative", storing("d1:li-1e1:v1:ve"), "an entry's l is not in 0 to 9223372036 seconds"},
	{"store_value, lifetime overflows", storing("d1:li9223372036854775807e1:v1:ve"), "an entry's l is not in 0 to 9223372036 seconds"},

	{"r missing", "d1:y1:re", "r is missing"},
	{"r a string", "d1:r0:1:y1:re", "r is not a dictionary, or a value in it is of the wrong type"},
	{"k short", answering("1:k" + key31), "k has 31 bytes, not 32"},
	{"nodes cut", answering("5:nodes37:" + strings.Repeat("n", 37)), "nodes has 37 bytes, not a multiple of 38"},
	{"nodes6 cut", answering("6:nodes676:" + strings.Repeat("n", 76)), "nodes6 has 76 bytes, not a multiple of 50"},
	{"nodes a list", answering("5:nodesle"), "r is not a dictionary, or a value in it is of the wrong type"},
	{"token too long in an answer", answering("5:token65:" + strings.Repeat("t", 65)), "token has 65 bytes, over the limit of 64"},
	{"next negative", answering("4:nexti-1e"), "next is negative"},
	{"entries a dictionary", answering("7:entriesde"), "r is not a dictionary, or a value in it is of the wrong type"},
	{"an entry a string", answering("7:entriesl1:ve"), "r is not a dictionary, or a value in it is of the wrong type"},
	{"the second entry without v", answering("7:entriesld1:v1:vedee"), "an entry's v is missing or not a string"},
	{"an entry's publisher long", answering("7:entriesld1:p33:" + strings.Repeat("k", 33) + "1:v1:vee"), "p has 33 bytes, not 32"},

	{"e missing", "d1:y1:ee", "e is not a list of a code and a message"},
	{"e a string", "d1:e1:x1:y1:ee", "e is not a list of a code and a message"},
	{"e empty", "d1:ele1:y1:ee", "e is not a list of a code and a message"},
	{"e without a message", "d1:eli201ee1:y1:ee", "e is not a list of a code and a message"},
	{"e with three parts", "d1:eli201e1:xi1ee1:y1:ee", "e is not a list of a code and a message"},
	{"e the wrong way round", "d1:el1:xi201ee1:y1:ee", "e is not a list of a code and a message"},
	{"e with a list for a message", "d1:eli201elee1:y1:ee", "e is not a list of a code and a message"},
	{"e with a code of 33 bits", "d1:eli2147483648e1:xe1:y1:ee", "e has a code of more than 32 bits"},
}

func storing(entry string) string {
	return "d1:ad5:entry" + entry + "3:key" + id20 + "e1:q11:store_value1:y1:qe"
}

func answering(values string) string { return "d1:rd" + values + "e1:y1:re" }

func TestAMalformedMessageIsRefusedWithTheReason(t *testing.T) {
	for _, test := range malformed {
		t.Run(test.name, func(t *testing.T) {
			m, err := krpc.Decode([]byte(test.wire))
			wantProtocolError(t, err, test.want)
			if m.Reply != nil {
				t.Errorf("and yet there is a reply: %s", show(m))
			}
			// Ours must be able to say so.
			var refusal *krpc.Error
			errors.As(err, &refusal)
			travel(t, krpc.Message{Tx: m.Tx, Reply: &krpc.Reply{Error: refusal}})
		})
	}
}

func TestTheTransactionIDOfAMalformedMessageIsRead(t *testing.T) {
	for _, test := range malformed {
		if strings.HasPrefix(test.name, "t ") {
			continue // the id itself is what is wrong
		}
		// given the malformed message with a transaction id in its place
		wire := test.wire
		at := len(wire) - len("1:y1:qe")
		switch {
		case wire == "de":
			wire = "d1:t2:aae"
		case strings.Contains(wire, "1:v4:LT01"):
			wire = strings.Replace(wire, "1:v4", "1:t2:aa1:v4", 1)
		default:
			wire = wire[:at] + "1:t2:aa" + wire[at:]
		}
		m, err := krpc.Decode([]byte(wire))
		wantProtocolError(t, err, test.want)
		if m.Tx != "aa" {
			t.Errorf("%s: transaction id %q", test.name, m.Tx)
		}
	}
}

func TestAMalformedQueryIsKnownAsOneAndAMalformedAnswerIsNot(t *testing.T) {
	m, err := krpc.Decode([]byte("d1:ade1:q9:find_node1:t2:aa1:y1:qe"))
	if err == nil || !reflect.DeepEqual(m.Query, &krpc.Query{Method: krpc.FindNode}) {
		t.Errorf("got %s, %v", show(m), err)
	}
	m, err = krpc.Decode([]byte("d1:r0:1:t2:aa1:y1:re"))
	if err == nil || m.Query != nil || m.Reply != nil {
		t.Errorf("got %s, %v", show(m), err)
	}
}

func TestUnknownKeysAreIgnoredAtEveryLevel(t *testing.T) {
	junk := "1:0d1:ali1e1:xdeee" // before all keys of ours
	for _, test := range []struct{ plain, with string }{
		{"d1:q4:ping1:y1:qe", "d" + junk + "1:q4:ping1:y1:q2:zzlee"},
		{"d1:q4:ping1:y1:qe", "d1:ad6:target5:shorte1:q4:ping1:y1:qe"},
		{"d1:ad3:whoi1ee1:q4:ping1:y1:qe", "d1:ad" + junk + "3:whoi1e3:zzzlee1:q4:ping1:y1:qe"},
		{"d1:ad6:target" + id20 + "e1:q9:find_node1:y1:qe", "d1:ad6:target" + id20 + "3:wholee1:q9:find_node1:y1:qe"},
		{"d1:q4:ping1:y1:qe", "d1:eli1ee1:q4:ping1:r3:xyz1:y1:qe"},
		{"d1:ad6:target" + id20 + "e1:q9:find_node1:y1:qe", "d1:ad" + junk + "6:cursorle6:target" + id20 + "1:zi1ee1:q9:find_node1:y1:qe"},
		{"d1:ad6:target" + id20 + "e1:q10:find_value1:y1:qe", "d1:ad" + junk + "6:target" + id20 + "e1:q10:find_value1:y1:qe"},
		{storing("d1:v1:ve"), storing("d" + junk + "1:v1:v1:zlee")},
		{answering("5:token1:t"), answering(junk + "5:token1:t6:valuesl1:xe")},
		{answering("7:entriesld1:v1:vee"), answering("7:entriesld" + junk + "1:v1:vee")},
	} {
		plain, err := krpc.Decode([]byte(test.plain))
		if err != nil {
			t.Fatal(err)
		}
		with, err := krpc.Decode([]byte(test.with))
		if err != nil || !reflect.DeepEqual(plain, with) {
			t.Errorf("%s: got %s, %v; want %s", test.with, show(with), err, show(plain))
		}
	}
}

func TestAnUnknownMethodIsAQueryWhateverItsArguments(t *testing.T) {
	for _, args := range []string{"", "1:ade", "1:ale", "1:ai1e", "1:a1:x", "1:ad6:targeti1ee"} {
		m, err := krpc.Decode([]byte("d" + args + "1:q12:find_friends1:y1:qe"))
		if err != nil || m.Query == nil || m.Query.Method != "find_friends" {
			t.Errorf("%q: got %s, %v", args, show(m), err)
		}
	}
}

func TestAnEmptyStringIsOneLeftOut(t *testing.T) {
	m, err := krpc.Decode([]byte(answering("7:entriesld1:p0:1:v0:ee1:k0:5:nodes0:6:nodes60:5:token0:")))
	want := krpc.Message{Reply: &krpc.Reply{Entries: []krpc.Entry{{Value: []byte{}}}}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("got %s, %v", show(m), err)
	}
}

func TestAnyVersionIsAnswered(t *testing.T) {
	for wire, want := range map[string]int{"": 0, "1:vi0e": 0, "1:vi2e": 2, "1:vi-7e": -7, "1:vi1000000e": 1000000} {
		m, err := krpc.Decode(fmt.Appendf(nil, "d1:q4:ping%s1:y1:qe", wire))
		if err != nil || m.Version != want {
			t.Errorf("%q: version %d, %v", wire, m.Version, err)
		}
	}
}

func TestAClientsFlagIsAnIntegerAndCountsInQueriesAlone(t *testing.T) {
	for flag, want := range map[string]bool{"": false, "2:roi0e": false, "2:roi1e": true, "2:roi-1e": true} {
		m, err := krpc.Decode(fmt.Appendf(nil, "d1:q4:ping%s1:t1:x1:y1:qe", flag))
		if err != nil || m.Query.Client != want {
			t.Errorf("%q: got %s, %v", flag, show(m), err)
		}
	}
	m, err := krpc.Decode([]byte("d1:q4:ping2:role1:t1:x1:y1:qe"))
	wantProtocolError(t, err, "ro is not an integer")
	if m.Tx != "x" || m.Query.Method != krpc.Ping {
		t.Errorf("cannot be answered: %s", show(m))
	}
	if _, err := krpc.Decode([]byte("d1:rde2:role1:y1:re")); err != nil {
		t.Errorf("in an answer it is a key like any unknown one: %v", err)
	}
}

func TestThatTheAskerDoesNotKnowWhomItAsksIsAnIntegerOfAPing(t *testing.T) {
	for args, want := range map[string]bool{"": false, "1:ade": false, "1:ad3:whoi0ee": false, "1:ad3:whoi1ee": true, "1:ad3:whoi-1ee": true, "1:ad6:target" + id20 + "3:whoi2ee": true} {
		m, err := krpc.Decode(fmt.Appendf(nil, "d%s1:q4:ping1:y1:qe", args))
		if err != nil || m.Query.Who != want {
			t.Errorf("%q: got %s, %v", args, show(m), err)
		}
	}
}

func TestATokenIsNotNeededToBeRead(t *testing.T) {
	m, err := krpc.Decode([]byte(storing("d1:v0:e")))
	if err != nil || m.Query.Token != "" || m.Query.Entry.Value == nil {
		t.Errorf("got %s, %v", show(m), err)
	}
}

func wantProtocolError(t *testing.T, err error, want string) {
	t.Helper()
	var refusal *krpc.Error
	if !errors.As(err, &refusal) || refusal.Code != krpc.CodeProtocol || refusal.Message != want {
		t.Errorf("got %v; want %q with code %d", err, want, krpc.CodeProtocol)
	}
}
