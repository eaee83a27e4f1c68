package krpc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// The keys and IDs of the vectors: runs of one byte, easy to see in hex.
func key(b byte) (k kad.PublicKey) {
	for i := range k {
		k[i] = b
	}
	return k
}

func id(b byte) (id kad.ID) {
	for i := range id {
		id[i] = b
	}
	return id
}

var (
	v4   = netip.MustParseAddrPort("192.0.2.1:6881")
	v6   = netip.MustParseAddrPort("[2001:db8::1]:6882")
	only = netip.MustParseAddrPort("[2001:db8::2]:6883")
)

var (
	hello     = sha256.Sum256([]byte("hello"))
	signature = kad.Signature(bytes.Repeat([]byte{0xee}, 64))
)

// vectors are the messages whose bytes stand in docs/PROTOCOL.md.
var vectors = []struct {
	name    string
	message krpc.Message
}{
	{"ping", query(krpc.Query{Method: krpc.Ping})},
	{"ping-answer", reply(krpc.Reply{})},
	{"ping-who", query(krpc.Query{Method: krpc.Ping, Who: true})},
	{"ping-who-answer", reply(krpc.Reply{Key: key(0xa1)})},
	{"find_node", query(krpc.Query{Method: krpc.FindNode, Target: id(0xdd)})},
	{"find_node-answer", reply(krpc.Reply{
		Contacts: []kad.Contact{kad.NewContact(key(0xa1), v4)},
		Token:    "tokentok",
	})},
	{"find_node-answer-both-families", reply(krpc.Reply{
		Contacts: []kad.Contact{
			kad.NewContact(key(0xa1), v4),
			kad.NewContact(key(0xb2), v4, v6),
			kad.NewContact(key(0xc3), only),
		},
		Token: "tokentok",
	})},
	{"find_value", query(krpc.Query{Method: krpc.FindValue, Target: id(0xdd)})},
	{"find_value-answer-nothing-held", reply(krpc.Reply{
		Contacts: []kad.Contact{kad.NewContact(key(0xa1), v4)},
		Token:    "tokentok",
	})},
	{"find_value-answer-first-page", reply(krpc.Reply{
		Contacts: []kad.Contact{kad.NewContact(key(0xa1), v4)},
		Token:    "tokentok",
		Entries: []krpc.Entry{
			{Value: []byte("hello"), Publisher: key(0xb2), Age: time.Hour, TTL: 24 * time.Hour},
			{Value: []byte{}, Publisher: key(0xc3), TTL: time.Minute},
		},
		Next: 2,
	})},
	{"find_value-second-page", query(krpc.Query{Method: krpc.FindValue, Target: id(0xdd), Cursor: 2})},
	{"find_value-answer-last-page", reply(krpc.Reply{
		Entries: []krpc.Entry{{Value: []byte{0, 0xff}, Publisher: key(0xb2), Age: time.Second, TTL: 24 * time.Hour}},
	})},
	{"store_value", query(krpc.Query{
		Method: krpc.StoreValue, Target: id(0xdd), Token: "tokentok",
		Entry: krpc.Entry{Value: []byte("hello"), TTL: 24 * time.Hour, Seq: 1790000000000, Signature: signature},
	})},
	{"store_value-for-another", query(krpc.Query{
		Method: krpc.StoreValue, Target: id(0xdd), Token: "tokentok",
		Entry: krpc.Entry{Value: []byte("hello"), Publisher: key(0xb2), Age: time.Hour, TTL: 24 * time.Hour, Seq: 1790000000000, Signature: signature},
	})},
	{"store_value-removal", query(krpc.Query{
		Method: krpc.StoreValue, Target: id(0xdd), Token: "tokentok",
		Entry: krpc.Entry{Value: hello[:], TTL: 7 * 24 * time.Hour, Seq: 1790000000001, Removed: true, Signature: signature},
	})},
	{"store_value-answer", reply(krpc.Reply{})},
	{"find_value-any", query(krpc.Query{Method: krpc.FindValue, Target: id(0xdd), Any: true})},
	{"find_value-answer-hot", reply(krpc.Reply{
		Hot:      57,
		Contacts: []kad.Contact{kad.NewContact(key(0xa1), v4)},
		Token:    "tokentok",
	})},
	{"find_value-hot", query(krpc.Query{Method: krpc.FindValue, Target: id(0xdd), Any: true, Hot: true})},
	{"find_node-of-a-client", query(krpc.Query{Method: krpc.FindNode, Target: id(0xdd), Client: true})},
	{"store_value-for-the-cache", query(krpc.Query{
		Method: krpc.StoreValue, Target: id(0xdd), Token: "tokentok", Cache: true,
		Entry: krpc.Entry{Value: []byte("hello"), Publisher: key(0xb2), Age: time.Hour, TTL: 24 * time.Hour, Seq: 1790000000000, Signature: signature},
	})},
	{"compare", query(krpc.Query{
		Method: krpc.Compare,
		Range:  kad.NewRange(id(0xdd), 9),
		Digest: kad.Digest{Count: 2, Sum: 0x0102030405060708},
	})},
	{"compare-answer-same", reply(krpc.Reply{Token: "tokentok", Same: true})},
	{"compare-answer-marks", reply(krpc.Reply{Token: "tokentok", Marks: []uint64{0x1111111111111111, 0x2222222222222222}})},
	{"compare-answer-nothing-held", reply(krpc.Reply{Token: "tokentok"})},
	{"compare-answer-split", reply(krpc.Reply{Token: "tokentok", Split: true})},
	{"error", reply(krpc.Reply{Error: &krpc.Error{Code: krpc.CodeBadToken, Message: "the token is too old"}})},
	{"unknown-method", query(krpc.Query{Method: "find_friends"})},
	{"unknown-method-answer", reply(krpc.Reply{Error: &krpc.Error{Code: krpc.CodeUnknownMethod, Message: "unknown method"}})},
	{"datagram", krpc.Message{Version: kad.Version, Tx: "\x00\x01", Query: &krpc.Query{Method: krpc.Ping}}},
	{"datagram-answer", krpc.Message{Version: kad.Version, Tx: "\x00\x01", Reply: &krpc.Reply{}}},
	{"datagram-error", krpc.Message{Version: kad.Version, Tx: "\x00\x01", Reply: &krpc.Reply{Error: &krpc.Error{Code: krpc.CodeBusy, Message: "try again later"}}}},
}

func query(q krpc.Query) krpc.Message { return krpc.Message{Version: kad.Version, Query: &q} }
func reply(r krpc.Reply) krpc.Message { return krpc.Message{Version: kad.Version, Reply: &r} }

// A block of docs/PROTOCOL.md: the message one key a line, an empty line, hex.
var vectorBlock = regexp.MustCompile("(?s)```vector (\\S+)\n(.*?)\n\n(.*?)\n```\n")

func TestTheVectorsOfTheProtocolPageAreWhatTheCodeSpeaks(t *testing.T) {
	page, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for _, found := range vectorBlock.FindAllStringSubmatch(string(page), -1) {
		if blocks[found[1]] != nil {
			t.Errorf("the page has two vectors %q", found[1])
		}
		blocks[found[1]] = found[2:]
	}
	if n := strings.Count(string(page), "```vector"); n != len(blocks) || n != len(vectors) {
		t.Errorf("the page opens %d vectors, %d can be read, the test has %d", n, len(blocks), len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			encoded, err := krpc.Encode(v.message)
			if err != nil {
				t.Fatal(err)
			}
			block := blocks[v.name]
			if block == nil {
				t.Fatalf("the page lacks this block:\n%s", render(v.name, encoded))
			}
			wire, err := hex.DecodeString(strings.Join(strings.Fields(block[1]), ""))
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := krpc.Decode(wire)
			if err != nil || !reflect.DeepEqual(decoded, v.message) {
				t.Errorf("decoded %s, %v; want %s", show(decoded), err, show(v.message))
			}
			if string(encoded) != string(wire) {
				t.Errorf("encoded, the block is:\n%s", render(v.name, encoded))
			}
			if readable, _, _ := strings.Cut(render(v.name, wire), "\n\n"); !strings.HasSuffix(readable, "\n"+block[0]) {
				t.Errorf("what one reads is not what the hex says; want:\n%s", readable)
			}
		})
	}
}

func TestTheExampleOfAnIDOnTheProtocolPageIsRight(t *testing.T) {
	page, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("```id\nkey +([0-9a-f]{64})\nid +([0-9a-f]{40})\n```").FindStringSubmatch(string(page))
	if example == nil {
		t.Fatal("the page has no block of key and id")
	}
	raw, _ := hex.DecodeString(example[1])
	if got := kad.PublicKey(raw).ID().String(); got != example[2] {
		t.Errorf("the ID of the key is %s", got)
	}
}

// render makes the block of the page for b.
func render(name string, b []byte) string {
	var digits []string
	for h := hex.EncodeToString(b); h != ""; {
		n := min(len(h), 96)
		digits, h = append(digits, h[:n]), h[n:]
	}
	readable, _ := pretty(string(b), "", "")
	return fmt.Sprintf("```vector %s\n%s\n%s\n```\n", name, readable, strings.Join(digits, "\n"))
}

// pretty writes the first value of b, a key and its value a line, and gives
// back the rest. label is what stands before the value on its line.
func pretty(b, indent, label string) (out, rest string) {
	if b[0] != 'd' && b[0] != 'l' {
		atom, rest := cutAtom(b)
		return indent + label + atom + "\n", rest
	}
	out = indent + label + b[:1] + "\n"
	isDict := b[0] == 'd'
	for b = b[1:]; b[0] != 'e'; {
		var inner, key string
		if isDict {
			key, b = cutAtom(b)
			key += " "
		}
		inner, b = pretty(b, indent+"  ", key)
		out += inner
	}
	return out + indent + "e\n", b[1:]
}

// cutAtom takes a string or an integer off b.
func cutAtom(b string) (atom, rest string) {
	if b[0] == 'i' {
		end := strings.IndexByte(b, 'e') + 1
		return b[:end], b[end:]
	}
	length, rest, _ := strings.Cut(b, ":")
	n, _ := strconv.Atoi(length)
	content, rest := rest[:n], rest[n:]
	for _, c := range []byte(content) {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("%s:<%x>", length, content), rest
		}
	}
	return length + ":" + content, rest
}

// show prints a message with what its pointers point to.
func show(m krpc.Message) string {
	s := fmt.Sprintf("version %d tx %q", m.Version, m.Tx)
	if m.Query != nil {
		s += fmt.Sprintf(" query %+v", *m.Query)
	}
	if m.Reply != nil {
		s += fmt.Sprintf(" reply %+v", *m.Reply)
	}
	return s
}
