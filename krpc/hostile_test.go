package krpc_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// hostile are bytes that hurt a bencode library that trusts them, or that it
// lets pass, and what the guard says.
var hostile = []struct{ name, wire, want string }{
	{"nothing", "", "not a dictionary"},
	{"not a dictionary", "li1ee", "not a dictionary"},
	{"a length of two gigabytes", "2147483647:", "not a dictionary"},
	{"a length of two gigabytes inside", "d1:a2147483647:x1:y1:qe", "byte 9: a number is too large"},
	{"a length beyond 64 bits", "d99999999999999999999:", "byte 6: a number is too large"},
	{"a length beyond the end", "d1:a9:xe", "byte 6: a length beyond the end"},
	{"a length with a leading zero", "d1:a01:xe", "byte 6: a leading zero"},
	{"a negative length", "d1:a-1:xe", "byte 4: not the start of a value"},
	{"a length without a colon", "d1:a1xe", "byte 5: a length without its colon"},
	{"two megabytes of lists", strings.Repeat("l", 2<<20), "2097152 bytes are over the limit of 131072"},
	{"all the lists that fit", "d1:a" + strings.Repeat("l", 130_000), "byte 11: nested too deeply"},
	{"all the dictionaries that fit", strings.Repeat("d1:a", 30_000), "byte 32: nested too deeply"},
	{"one list too deep", nested(kad.MaxMessageDepth + 1), "byte 11: nested too deeply"},
	{"too many values", "d1:al" + strings.Repeat("le", kad.MaxMessageItems) + "ee", "byte 16385: too many values"},
	{"bytes after the end", "d1:q4:ping1:y1:qei1e", "byte 17: bytes after the end"},
	{"two messages", "d1:q4:ping1:y1:qed1:q4:ping1:y1:qe", "byte 17: bytes after the end"},
	{"keys out of order", "d1:y1:q1:q4:pinge", "byte 10: keys do not ascend"},
	{"a key twice", "d1:q4:ping1:q4:ping1:y1:qe", "byte 13: keys do not ascend"},
	{"an empty key twice", "d0:i1e0:i1ee", "byte 8: keys do not ascend"},
	{"a key that is an integer", "di1ei1ee", "byte 1: a digit is missing"},
	{"a key without a value", "d1:ae", "byte 4: not the start of a value"},
	{"an integer with a leading zero", "d1:vi01ee", "byte 7: a leading zero"},
	{"minus zero", "d1:vi-0ee", "byte 7: minus zero"},
	{"an integer with a plus", "d1:vi+1ee", "byte 5: a digit is missing"},
	{"an empty integer", "d1:viee", "byte 5: a digit is missing"},
	{"an integer that is only a minus", "d1:vi-ee", "byte 6: a digit is missing"},
	{"an integer without its end", "d1:vi1", "byte 6: an integer without its end"},
	{"an integer over 64 bits", "d1:vi9223372036854775808ee", "byte 23: a number is too large"},
	{"an integer under 64 bits", "d1:vi-9223372036854775809ee", "byte 24: a number is too large"},
	{"junk where the library looks away", "d1:ai-00e1:q4:ping1:y1:qe", "byte 8: a leading zero"},
	{"junk deep where the library looks away", "d1:ad1:xl03:abceee", "byte 11: a leading zero"},
	{"a list without its end", "d1:al", "byte 5: not the start of a value"},
	{"a dictionary without its end", "d1:a1:x", "byte 7: a digit is missing"},
	{"an unknown type", "d1:ax", "byte 4: not the start of a value"},
	{"a byte of zero", "d1:a\x00e", "byte 4: not the start of a value"},
}

func TestTheGuardRefusesHostileBytesWithTheReason(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			if err := krpc.Check([]byte(test.wire)); err == nil || err.Error() != test.want {
				t.Errorf("Check: got %v; want %q", err, test.want)
			}
			m, err := krpc.Decode([]byte(test.wire))
			wantProtocolError(t, err, "not a message: "+test.want)
			if m != (krpc.Message{}) {
				t.Errorf("and yet there is %s", show(m))
			}
		})
	}
}

func TestTheGuardPassesWhatIsJustWithinTheLimits(t *testing.T) {
	for name, wire := range map[string]string{
		"as deep as may be":   nested(kad.MaxMessageDepth),
		"as many as may be":   "d1:al" + strings.Repeat("le", kad.MaxMessageItems-2) + "ee",
		"as long as may be":   fmt.Sprintf("d1:a%d:%se", kad.MaxMessageSize-12, strings.Repeat("x", kad.MaxMessageSize-12)),
		"the extreme numbers": "d1:ai9223372036854775807e1:bi-9223372036854775808e1:ci0ee",
		"an empty key":        "d0:0:e",
	} {
		if err := krpc.Check([]byte(wire)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "as long as may be" && len(wire) != kad.MaxMessageSize {
			t.Errorf("the longest message has %d bytes", len(wire))
		}
	}
}

func TestTheGuardAllocatesNothing(t *testing.T) {
	wire := encoded(t, findNodeAnswer())
	allocations := testing.AllocsPerRun(100, func() {
		if krpc.Check(wire) != nil {
			t.Fatal("refused")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestWhatPassesTheGuardCostsBoundedMemory(t *testing.T) {
	// given the messages that make the library allocate most
	for name, wire := range map[string]string{
		"lists":        "d1:al" + strings.Repeat("le", kad.MaxMessageItems-2) + "ee",
		"dictionaries": "d1:al" + strings.Repeat("d0:lee", (kad.MaxMessageItems-2)/2) + "ee",
		"entries":      answering("7:entriesl" + strings.Repeat("d1:v0:e", (kad.MaxMessageItems-3)/2) + "e"),
		"contacts":     answering(fmt.Sprintf("5:nodes%d:%s", 38*3400, strings.Repeat("\x01", 38*3400))),
		"a long text":  fmt.Sprintf("d1:a%d:%se", kad.MaxMessageSize-12, strings.Repeat("x", kad.MaxMessageSize-12)),
	} {
		if err := krpc.Check([]byte(wire)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// then the answer to 128 KiB is a few megabytes at the most
		if spent := allocated(func() { krpc.Decode([]byte(wire)) }); spent > 16<<20 {
			t.Errorf("%s: %d bytes allocated", name, spent)
		}
	}
	for _, test := range hostile {
		if spent := allocated(func() { krpc.Decode([]byte(test.wire)) }); spent > 4<<20 {
			t.Errorf("%s: %d bytes allocated", test.name, spent)
		}
	}
}

// Fault of the original: an undecodable packet raised.
func TestAnUndecodablePacketIsAnErrorAndNeverRaises(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		garbage := []byte("d" + randomText(random, 60))
		if _, err := krpc.Decode(garbage); err == nil {
			t.Fatalf("%q is a message?", garbage)
		}
	}
	for _, v := range vectors {
		wire := encoded(t, v.message)
		for n := range wire {
			if _, err := krpc.Decode(wire[:n]); err == nil {
				t.Errorf("%s, cut to %d bytes, is a message?", v.name, n)
			}
		}
		for range 500 {
			broken := append([]byte(nil), wire...)
			broken[random.IntN(len(broken))] = byte(random.Uint32())
			krpc.Decode(broken)
		}
	}
}

// The library panics where a list meets a fixed array and a value an
// interface with methods: so each key of ours meets each type.
func TestEveryKeyMeetsEveryTypeWithoutAPanic(t *testing.T) {
	for _, v := range vectors {
		wire := encoded(t, v.message)
		for _, other := range []string{"i7e", "0:", "3:abc", "le", "li1ei2ei3ei4ei5ee", "de", "d1:xlee"} {
			for _, mutant := range withEachValueAs(t, wire, other) {
				if err := krpc.Check(mutant); err != nil {
					t.Fatalf("the mutant %q is not bencode: %v", mutant, err)
				}
				krpc.Decode(mutant)
			}
		}
	}
}

// An empty RawMessage without omitempty would make a key without a value.
func TestEmptyPartsDoNotMakeAnInvalidDictionary(t *testing.T) {
	for _, m := range []krpc.Message{query(krpc.Query{Method: krpc.Ping}), query(krpc.Query{Method: "x"}), reply(krpc.Reply{})} {
		if err := krpc.Check(encoded(t, m)); err != nil {
			t.Errorf("%s: %v", show(m), err)
		}
	}
}

// Faults of the original: errors from a stranger were executed, and
// tracebacks went to strangers.
func TestErrorsFromAStrangerAreOnlyAFewPrintableWords(t *testing.T) {
	for sent, want := range map[string]string{
		"busy":                         "busy",
		"__import__('os').abort()":     "__import__('os').abort()",
		"\x1b[2J\x07red\r\nnew line":   "\ufffd[2J\ufffdred\ufffd\ufffdnew line",
		"broken \xff\xfe utf-8":        "broken \ufffd\ufffd utf-8",
		"turned \u202e round":          "turned \ufffd round",
		strings.Repeat("a", 100_000):   strings.Repeat("a", 256),
		strings.Repeat("\xff", 1000):   strings.Repeat("\ufffd", 85),
		strings.Repeat("€", 100):       strings.Repeat("€", 85),
		strings.Repeat("x", 254) + "€": strings.Repeat("x", 254),
	} {
		m, err := krpc.Decode(fmt.Appendf(nil, "d1:eli201e%d:%se1:y1:ee", len(sent), sent))
		if err != nil {
			t.Fatal(err)
		}
		if m.Reply.Error.Code != 201 || m.Reply.Error.Message != want {
			t.Errorf("%.40q: got %q", sent, m.Reply.Error.Message)
		}
	}
}

func TestTracebacksDoNotGoToStrangers(t *testing.T) {
	// given a node that puts its stack into an error, which it should not
	stack := make([]byte, 1<<16)
	stack = stack[:runtime.Stack(stack, true)]
	m := travel(t, reply(krpc.Reply{Error: &krpc.Error{Code: krpc.CodeServer, Message: string(stack)}}))
	// then one line of it leaves the house
	if got := m.Reply.Error.Message; len(got) > 256 || strings.ContainsFunc(got, unicode.IsControl) || !utf8.ValidString(got) {
		t.Errorf("%d bytes travelled: %q", len(got), got)
	}
	// and what Decode says for an answer tells nothing of how we are made
	for _, test := range malformed {
		_, err := krpc.Decode([]byte(test.wire))
		if err == nil {
			t.Errorf("%s: no error", test.name)
			continue
		}
		for _, inside := range []string{".go", "goroutine", "krpc.", "reflect", "int64", "bencode", "Raw"} {
			if strings.Contains(err.Error(), inside) {
				t.Errorf("%s: %q tells of %q", test.name, err, inside)
			}
		}
	}
}

// nested is a dictionary that holds a list in a list, depth containers in all.
func nested(depth int) string {
	return "d1:a" + strings.Repeat("l", depth-1) + strings.Repeat("e", depth-1) + "e"
}

func encoded(t testing.TB, m krpc.Message) []byte {
	t.Helper()
	wire, err := krpc.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// allocated is how many bytes f asks of the heap.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// withEachValueAs makes a copy of wire for each value in it, with other in
// that value's place.
func withEachValueAs(t *testing.T, wire []byte, other string) (mutants [][]byte) {
	t.Helper()
	var top map[string]any
	if err := bencode.DecodeBytes(wire, &top); err != nil {
		t.Fatal(err)
	}
	emit := func() {
		mutant, err := bencode.EncodeBytes(top)
		if err != nil {
			t.Fatal(err)
		}
		mutants = append(mutants, mutant)
	}
	var walk func(any)
	walk = func(container any) {
		switch c := container.(type) {
		case map[string]any:
			for k, v := range c {
				c[k] = bencode.RawMessage(other)
				emit()
				c[k] = v
				walk(v)
			}
		case []any:
			for i, v := range c {
				c[i] = bencode.RawMessage(other)
				emit()
				c[i] = v
				walk(v)
			}
		}
	}
	walk(top)
	return mutants
}
