package krpc_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// The messages that a network is full of are written and read by hand. The
// library beside it is what is right.

func TestWhatIsWrittenByHandIsWhatTheLibraryWrites(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	byHand := 0
	for range 20_000 {
		// given a message as it should be, or with things in it that cannot
		// travel or have no business in it
		m := randomMessage(random)
		if random.IntN(2) == 0 {
			disturb(random, &m)
		}
		// then it is written alike
		if wroteAlike(t, m) {
			byHand++
		}
	}
	if byHand < 8_000 {
		t.Errorf("only %d messages were written by hand", byHand)
	}
}

func TestWhatIsReadByHandIsWhatTheLibraryReads(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	// given the pieces of many messages
	var messages [][]string
	var pieces []string
	for range 400 {
		m := randomMessage(random)
		m.Tx = m.Tx[:random.IntN(len(m.Tx)+1)]
		cut := cutMessage(string(encoded(t, m)))
		messages, pieces = append(messages, cut), append(pieces, cut...)
	}
	byHand, mutants := 0, 60_000
	for range mutants {
		// when a few of one are changed
		cut := append([]string(nil), messages[random.IntN(len(messages))]...)
		for range 1 + random.IntN(3) {
			cut = mutate(random, cut, pieces)
		}
		// then it is read alike
		if readAlike(t, []byte(strings.Join(cut, ""))) {
			byHand++
		}
	}
	// A mutant that can still be read by hand is what finds most.
	if byHand < mutants/50 {
		t.Errorf("only %d mutants of %d were read by hand", byHand, mutants)
	}
}

func TestEveryMessageCutOrBrokenAnywhereIsReadAlike(t *testing.T) {
	for _, v := range vectors {
		wire := encoded(t, v.message)
		for n := range wire {
			readAlike(t, wire[:n])
			for _, c := range []byte{'0', '1', 'd', 'e', 'i', 'l', ':', '-', wire[n] + 1, wire[n] ^ 0x80} {
				broken := bytes.Clone(wire)
				broken[n] = c
				readAlike(t, broken)
			}
			readAlike(t, append(bytes.Clone(wire), wire[n]))
		}
	}
	for _, test := range malformed {
		readAlike(t, []byte(test.wire))
	}
	for _, test := range hostile {
		readAlike(t, []byte(test.wire))
	}
}

func TestTheMessagesOfAStoreAndAFindGoByHandAndTheOthersDoNot(t *testing.T) {
	for _, v := range vectors {
		want := !strings.Contains(v.name, "error") && !strings.HasPrefix(v.name, "unknown") && v.name != "compare" &&
			v.name != "compare-answer-same" && v.name != "compare-answer-marks" && v.name != "compare-answer-split"
		if wroteAlike(t, v.message) != want {
			t.Errorf("%s: written by hand: %t", v.name, !want)
		}
		if readAlike(t, encoded(t, v.message)) != want {
			t.Errorf("%s: read by hand: %t", v.name, !want)
		}
	}
}

// The guard counts values; a reader by hand must stop where it does.
func TestTheLimitsOfTheGuardHoldByHandToo(t *testing.T) {
	for count := (kad.MaxMessageItems - 5) / 2; count <= kad.MaxMessageItems/2; count++ {
		for _, rest := range []string{"", "4:nexti1e"} {
			wire := answering("7:entriesl" + strings.Repeat("d1:v0:e", count) + "e" + rest)
			byHand := readAlike(t, []byte(wire))
			if byHand != (krpc.Check([]byte(wire)) == nil) {
				t.Errorf("%d entries: read by hand: %t", count, byHand)
			}
		}
	}
	for size := kad.MaxMessageSize - 200; size < kad.MaxMessageSize; size++ {
		m := query(krpc.Query{Method: krpc.StoreValue, Entry: krpc.Entry{Value: make([]byte, size)}})
		wroteAlike(t, m)
		wire := fmt.Appendf(nil, "d1:ad5:entryd1:v%d:%se3:key%se1:q11:store_value1:y1:qe", size, m.Query.Entry.Value, id20)
		readAlike(t, wire)
	}
	small := krpc.Entry{Age: time.Second, TTL: time.Second, Seq: 1, Removed: true}
	for _, count := range []int{1, 1021, 1022, 1023, 1362, 1363, 1364, 1400, 4090, 4096} {
		wroteAlike(t, reply(krpc.Reply{Entries: make([]krpc.Entry, count)}))
		wroteAlike(t, reply(krpc.Reply{Entries: slices.Repeat([]krpc.Entry{small}, count)}))
	}
}

func TestAMessageTakesOneBufferThatIsNotMuchTooLarge(t *testing.T) {
	const longest = 9223372036 * time.Second
	full := krpc.Entry{Value: make([]byte, 100_000), Publisher: key(1), Age: longest, TTL: longest, Seq: 1 << 62, Removed: true, Signature: signature}
	token, tx := strings.Repeat("t", 64), strings.Repeat("x", 16)
	store := query(krpc.Query{Method: krpc.StoreValue, Target: id(1), Token: token, Cache: true, Entry: full, Client: true})
	find := query(krpc.Query{Method: krpc.FindValue, Target: id(1), Cursor: 1<<63 - 1, Any: true, Hot: true, Client: true})
	who := query(krpc.Query{Method: krpc.Ping, Who: true, Client: true})
	contacts := make([]kad.Contact, 120)
	for i := range contacts {
		contacts[i] = kad.NewContact(key(byte(i+1)), v4, v6)
	}
	answer := reply(krpc.Reply{Key: key(1), Token: token, Next: 1<<63 - 1, Hot: 1<<63 - 1, Entries: []krpc.Entry{full}, Contacts: contacts})
	full.Value = full.Value[:1000]
	page := reply(krpc.Reply{Entries: slices.Repeat([]krpc.Entry{full}, 64)})
	misplaced := reply(krpc.Reply{Contacts: slices.Repeat([]kad.Contact{{Key: key(1), V4: v6}}, 120)})
	for _, m := range []krpc.Message{store, find, answer, page, misplaced, findNodeAnswer(), query(krpc.Query{Method: krpc.Ping}), who} {
		m.Tx = tx
		wire, byHand := krpc.WriteByHand(m)
		if !byHand {
			t.Fatalf("%.80s goes by the library", show(m))
		}
		if unused := cap(wire) - len(wire); unused > 160 && unused > len(wire)/8 {
			t.Errorf("%.80s takes %d bytes and has %d unused", show(m), len(wire), unused)
		}
		if n := testing.AllocsPerRun(20, func() { krpc.Encode(m) }); n != 1 {
			t.Errorf("%.80s: %v allocations", show(m), n)
		}
	}
}

// wroteAlike holds the ways to write against each other and reports whether m
// can be written by hand.
func wroteAlike(t *testing.T, m krpc.Message) bool {
	t.Helper()
	want, wantErr := krpc.EncodeByLibrary(m)
	got, byHand := krpc.WriteByHand(m)
	if byHand && (wantErr != nil || !bytes.Equal(got, want)) {
		t.Fatalf("%s: got %q; want %q, %v", show(m), got, want, wantErr)
	}
	if byHand && krpc.Check(got) != nil {
		t.Fatalf("%s: the guard refuses %q", show(m), got)
	}
	got, err := krpc.Encode(m)
	if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) || err != nil && err.Error() != "krpc: encode: "+wantErr.Error() {
		t.Fatalf("%s: got %q, %v; want %q, %v", show(m), got, err, want, wantErr)
	}
	return byHand
}

// readAlike holds the ways to read against each other and reports whether wire
// can be read by hand.
func readAlike(t *testing.T, wire []byte) bool {
	t.Helper()
	want, wantErr := krpc.DecodeByLibrary(wire)
	got, byHand := krpc.ReadByHand(wire)
	if byHand && (wantErr != nil || !reflect.DeepEqual(got, want)) {
		t.Fatalf("%q: got %s; want %s, %v", wire, show(got), show(want), wantErr)
	}
	got, err := krpc.Decode(wire)
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(err, wantErr) {
		t.Fatalf("%q: got %s, %v; want %s, %v", wire, show(got), err, show(want), wantErr)
	}
	return byHand
}
