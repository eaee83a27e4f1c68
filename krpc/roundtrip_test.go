package krpc_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

func TestWhateverIsEncodedDecodesToTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		// given any message
		want := randomMessage(random)
		// when it travels
		wire, err := krpc.Encode(want)
		if err != nil {
			t.Fatalf("%v: %s", err, show(want))
		}
		got, err := krpc.Decode(wire)
		// then the same message arrives
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %s, %v; want %s", show(got), err, show(want))
		}
	}
}

func TestDecodedMessagesKeepNothingOfTheBuffer(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		want := randomMessage(random)
		wire, err := krpc.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := krpc.Decode(wire)
		if err != nil {
			t.Fatal(err)
		}
		// when the transport uses its buffer again and the next message comes
		for i := range wire {
			wire[i] = 'x'
		}
		travel(t, randomMessage(random))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %s; want %s", show(got), show(want))
		}
	}
}

func TestAMessageAlwaysSaysOurVersion(t *testing.T) {
	m := krpc.Message{Version: 99, Query: &krpc.Query{Method: krpc.Ping}}
	if got := travel(t, m).Version; got != kad.Version {
		t.Errorf("version %d", got)
	}
}

func TestFractionsOfASecondAreCutOff(t *testing.T) {
	entry := krpc.Entry{Value: []byte("v"), Age: 1999 * time.Millisecond, TTL: time.Minute + time.Nanosecond}
	got := travel(t, reply(krpc.Reply{Entries: []krpc.Entry{entry}})).Reply.Entries[0]
	if got.Age != time.Second || got.TTL != time.Minute {
		t.Errorf("age %v, lifetime %v", got.Age, got.TTL)
	}
}

func TestTheLongestAgeStillTravels(t *testing.T) {
	const longest = 9223372036 * time.Second
	got := travel(t, reply(krpc.Reply{Entries: []krpc.Entry{{Value: []byte("v"), Age: longest, TTL: longest}}})).Reply.Entries[0]
	if got.Age != longest || got.TTL != longest {
		t.Errorf("age %v, lifetime %v", got.Age, got.TTL)
	}
}

func TestTheLargestValueAndAFullKeyFitInAMessage(t *testing.T) {
	largest := krpc.Entry{Value: make([]byte, kad.MaxValueSize), Publisher: key(1), Age: time.Hour, TTL: kad.ValueTTL}
	travel(t, query(krpc.Query{Method: krpc.StoreValue, Token: "12345678", Entry: largest}))
	travel(t, reply(krpc.Reply{Token: "12345678", Entries: []krpc.Entry{largest}, Next: 1}))

	many := make([]krpc.Entry, kad.MaxEntriesPerKey)
	for i := range many {
		many[i] = krpc.Entry{Value: []byte("1234"), Publisher: key(1), Age: time.Hour, TTL: kad.ValueTTL}
	}
	if got := travel(t, reply(krpc.Reply{Entries: many})).Reply.Entries; len(got) != len(many) {
		t.Errorf("%d entries arrived", len(got))
	}
}

// What a holder may rely on when it fills a page: beside its value an entry
// takes at most kad.EntryOverhead.
func TestAPageThatCountsEightyBytesAnEntryFits(t *testing.T) {
	const overhead, longest = kad.EntryOverhead, 9223372036 * time.Second
	for _, size := range []int{0, 1, 64, 1000, kad.MaxValueSize} {
		entry := krpc.Entry{Value: make([]byte, size), Publisher: key(1), Age: longest, TTL: longest}
		empty := len(encoded(t, reply(krpc.Reply{Entries: []krpc.Entry{}})))
		one := len(encoded(t, reply(krpc.Reply{Entries: []krpc.Entry{entry}}))) - len("7:entriesle") - empty
		if one > size+overhead {
			t.Errorf("an entry of %d bytes takes %d", size, one)
		}
		page := make([]krpc.Entry, max(1, kad.PageSize/(size+overhead)))
		for i := range page {
			page[i] = entry
		}
		contacts := make([]kad.Contact, kad.MaxContactsPerReply)
		for i := range contacts {
			contacts[i] = kad.NewContact(key(byte(i+1)), v4, v6)
		}
		travel(t, reply(krpc.Reply{Entries: page, Contacts: contacts, Token: "12345678", Next: 1 << 62}))
	}
}

func TestOnlyTheFieldsThatCountForTheMethodTravel(t *testing.T) {
	all := krpc.Query{Who: true, Target: id(1), Cursor: 7, Any: true, Cache: true, Token: "token", Entry: krpc.Entry{Value: []byte("v")}}
	for _, test := range []struct {
		method krpc.Method
		want   krpc.Query
	}{
		{krpc.Ping, krpc.Query{Who: true}},
		{krpc.FindNode, krpc.Query{Target: all.Target}},
		{krpc.FindValue, krpc.Query{Target: all.Target, Cursor: 7, Any: true}},
		{krpc.StoreValue, krpc.Query{Target: all.Target, Token: "token", Cache: true, Entry: all.Entry}},
		{"other", krpc.Query{}},
	} {
		all.Method, test.want.Method = test.method, test.method
		if got := travel(t, query(all)); !reflect.DeepEqual(*got.Query, test.want) {
			t.Errorf("%s: got %s", test.method, show(got))
		}
		all.Client, test.want.Client = true, true
		if got := travel(t, query(all)); !reflect.DeepEqual(*got.Query, test.want) {
			t.Errorf("%s of a client: got %s", test.method, show(got))
		}
		all.Client = false
	}
	refusal := krpc.Reply{Error: &krpc.Error{Code: 1}, Token: "token", Next: 3, Key: key(1)}
	if got := travel(t, reply(refusal)); !reflect.DeepEqual(*got.Reply, krpc.Reply{Error: &krpc.Error{Code: 1}}) {
		t.Errorf("an error carries %s", show(got))
	}
}

func TestEncodeRefusesWhatCannotTravel(t *testing.T) {
	entry := func(e krpc.Entry) krpc.Message { return query(krpc.Query{Method: krpc.StoreValue, Entry: e}) }
	for _, test := range []struct {
		want    string
		message krpc.Message
	}{
		{"want a query or a reply, one of the two", krpc.Message{}},
		{"want a query or a reply, one of the two", krpc.Message{Query: &krpc.Query{Method: krpc.Ping}, Reply: &krpc.Reply{}}},
		{"a transaction id of 17 bytes is over the limit of 16", krpc.Message{Tx: strings.Repeat("t", 17), Reply: &krpc.Reply{}}},
		{"a method's name has 1 to 64 bytes, not 0", query(krpc.Query{})},
		{"a method's name has 1 to 64 bytes, not 65", query(krpc.Query{Method: krpc.Method(strings.Repeat("m", 65))})},
		{"the cursor 9223372036854775808 is over 2^63-1", query(krpc.Query{Method: krpc.FindValue, Cursor: 1 << 63})},
		{"the cursor 9223372036854775808 is over 2^63-1", reply(krpc.Reply{Next: 1 << 63})},
		{"the hot 9223372036854775808 is over 2^63-1", reply(krpc.Reply{Hot: 1 << 63})},
		{"a token of 65 bytes is over the limit of 64", query(krpc.Query{Method: krpc.StoreValue, Token: strings.Repeat("t", 65)})},
		{"a token of 65 bytes is over the limit of 64", reply(krpc.Reply{Token: strings.Repeat("t", 65)})},
		{"an entry's age -1s, lifetime 0s or number 0 is negative", entry(krpc.Entry{Age: -time.Second})},
		{"an entry's age 0s, lifetime -1ns or number 0 is negative", entry(krpc.Entry{TTL: -1})},
		{"an entry's age -1s, lifetime 0s or number 0 is negative", reply(krpc.Reply{Entries: []krpc.Entry{{Age: -time.Second}}})},
		{"an error's code has at most 32 bits", reply(krpc.Reply{Error: &krpc.Error{Code: 1 << 31}})},
		{"131155 bytes are over the limit of 131072", entry(krpc.Entry{Value: make([]byte, kad.MaxMessageSize)})},
		{"too many values", reply(krpc.Reply{Entries: make([]krpc.Entry, kad.MaxMessageItems/2)})},
	} {
		wire, err := krpc.Encode(test.message)
		if err == nil || !strings.HasPrefix(err.Error(), "krpc: encode: ") || !strings.HasSuffix(err.Error(), test.want) || wire != nil {
			t.Errorf("got %d bytes and %v; want %q", len(wire), err, test.want)
		}
	}
}

// travel encodes and decodes.
func travel(t *testing.T, m krpc.Message) krpc.Message {
	t.Helper()
	wire, err := krpc.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := krpc.Decode(wire)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// randomMessage draws a message in the form in which it arrives: whole
// seconds, contacts with IPv4 before the others, printable error texts.
func randomMessage(r *rand.Rand) krpc.Message {
	m := krpc.Message{Version: kad.Version, Tx: randomText(r, 16)}
	switch r.IntN(7) {
	case 0:
		m.Query = &krpc.Query{Method: krpc.Ping, Who: r.IntN(2) == 0}
	case 1:
		m.Query = &krpc.Query{Method: krpc.FindNode, Target: kad.RandomID(r)}
	case 2:
		m.Query = &krpc.Query{Method: krpc.FindValue, Target: kad.RandomID(r), Cursor: r.Uint64() >> (1 + r.IntN(63)), Any: r.IntN(2) == 0, Hot: r.IntN(4) == 0}
	case 3:
		m.Query = &krpc.Query{Method: krpc.StoreValue, Target: kad.RandomID(r), Token: randomText(r, 64), Cache: r.IntN(2) == 0, Entry: randomEntry(r)}
	case 4:
		m.Query = &krpc.Query{Method: krpc.Compare, Range: kad.NewRange(kad.RandomID(r), r.IntN(161)), Digest: kad.Digest{Count: r.IntN(1 << 20), Sum: r.Uint64()}}
	case 5:
		sentences := []string{"", "no", "der Wert ist zu groß", "満員です", strings.Repeat("word ", 51)}
		m.Reply = &krpc.Reply{Error: &krpc.Error{Code: int(int32(r.Uint32())), Message: sentences[r.IntN(len(sentences))]}}
	default:
		m.Reply = randomReply(r)
	}
	if m.Query != nil {
		m.Query.Client = r.IntN(2) == 0
	}
	return m
}

func randomReply(r *rand.Rand) *krpc.Reply {
	reply := &krpc.Reply{Token: randomText(r, 64), Next: uint64(r.IntN(3)) * (r.Uint64() >> 2)}
	if r.IntN(2) == 0 {
		reply.Key = randomKey(r)
	}
	for range r.IntN(12) {
		var addrs []netip.AddrPort
		families := 1 + r.IntN(3)
		if families&1 != 0 {
			addrs = append(addrs, randomAddr(r, 4))
		}
		if families&2 != 0 {
			addrs = append(addrs, randomAddr(r, 16))
		}
		reply.Contacts = append(reply.Contacts, kad.NewContact(randomKey(r), addrs...))
	}
	slices.SortStableFunc(reply.Contacts, func(a, b kad.Contact) int {
		switch {
		case a.V4.IsValid() == b.V4.IsValid():
			return 0
		case a.V4.IsValid():
			return -1
		}
		return 1
	})
	for range r.IntN(5) {
		reply.Entries = append(reply.Entries, randomEntry(r))
	}
	for range r.IntN(3) {
		reply.Marks = append(reply.Marks, r.Uint64())
	}
	reply.Same, reply.Split, reply.Hot = r.IntN(2) == 0, r.IntN(2) == 0, uint64(r.IntN(3))*(r.Uint64()>>2)
	return reply
}

func randomEntry(r *rand.Rand) krpc.Entry {
	e := krpc.Entry{
		Value: []byte(randomText(r, 300)),
		Age:   time.Duration(r.IntN(100_000)) * time.Second,
		TTL:   time.Duration(r.IntN(100_000)) * time.Second,
	}
	if r.IntN(2) == 0 {
		e.Publisher = randomKey(r)
	}
	if r.IntN(2) == 0 {
		e.Seq, e.Removed = r.Int64(), r.IntN(2) == 0
		e.Signature[r.IntN(64)] = byte(1 + r.IntN(255))
	}
	return e
}

// randomAddr draws an address that can be asked, of 4 or 16 bytes.
func randomAddr(r *rand.Rand, size int) netip.AddrPort {
	ip, _ := netip.AddrFromSlice([]byte(randomBytes(r, size)))
	for ip.IsMulticast() || ip.IsUnspecified() || ip.Is4In6() {
		ip, _ = netip.AddrFromSlice([]byte(randomBytes(r, size)))
	}
	return netip.AddrPortFrom(ip, uint16(1+r.IntN(65535)))
}

func randomKey(r *rand.Rand) kad.PublicKey { return kad.PublicKey([]byte(randomBytes(r, 32))) }

func randomText(r *rand.Rand, most int) string { return randomBytes(r, r.IntN(most+1)) }

func randomBytes(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}
