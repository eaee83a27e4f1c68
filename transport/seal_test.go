package transport_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/curve25519"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// What follows is written from docs/PROTOCOL.md alone, and shares nothing with
// the package it tests.

const (
	kindQuestion, kindAnswer, kindWho, kindHere = 1, 2, 3, 4

	questionOverhead, answerOverhead = 41 + 24 + 2 + 16, 9 + 24 + 2 + 16
)

// sharedKey is what from seals with for to; mine is the private key of either.
func sharedKey(mine ed25519.PrivateKey, other, from, to kad.PublicKey) []byte {
	scalar := sha512.Sum512(mine.Seed())
	point, err := new(edwards25519.Point).SetBytes(other[:])
	if err != nil {
		panic(err)
	}
	secret, err := curve25519.X25519(scalar[:32], point.BytesMontgomery())
	if err != nil {
		secret = make([]byte, 32) // what a node that does not look would share
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "khashmir sealed 1"+string(from[:])+string(to[:]), 32)
	if err != nil {
		panic(err)
	}
	return key
}

// sealed is a packet with this head: nonce, then length, message and padding.
func sealed(key, head, nonce, message []byte, padding int) []byte {
	text := binary.BigEndian.AppendUint16(nil, uint16(len(message)))
	text = append(append(text, message...), make([]byte, padding)...)
	aead, _ := chacha20poly1305.NewX(key)
	return aead.Seal(append(bytes.Clone(head), nonce...), nonce, text, head)
}

// unsealed is the message in a packet whose head is so long.
func unsealed(key, packet []byte, head int) (message []byte, ok bool) {
	if len(packet) < head+24 {
		return nil, false
	}
	aead, _ := chacha20poly1305.NewX(key)
	text, err := aead.Open(nil, packet[head:head+24], packet[head+24:], packet[:head])
	if err != nil || len(text) < 2 || len(text)-2 < int(binary.BigEndian.Uint16(text)) {
		return nil, false
	}
	return text[2 : 2+binary.BigEndian.Uint16(text)], true
}

// resealed is a question with its text changed under the seal.
func resealed(key, packet []byte, change func(text []byte)) []byte {
	aead, _ := chacha20poly1305.NewX(key)
	head, nonce := packet[:41], packet[41:65]
	text, err := aead.Open(nil, nonce, packet[65:], head)
	if err != nil {
		panic(err)
	}
	change(text)
	return aead.Seal(bytes.Clone(packet[:65]), nonce, text, head)
}

func randomNonce() []byte {
	nonce := make([]byte, 24)
	rand.Read(nonce)
	return nonce
}

func questionPacket(key ed25519.PrivateKey, to kad.PublicKey, tx uint64, nonce, message []byte, size int) []byte {
	from := kad.PublicKeyOf(key)
	head := append(binary.BigEndian.AppendUint64([]byte{kindQuestion}, tx), from[:]...)
	return sealed(sharedKey(key, to, from, to), head, nonce, message, max(0, size-questionOverhead-len(message)))
}

func answerPacket(key ed25519.PrivateKey, to kad.PublicKey, tx uint64, nonce, message []byte) []byte {
	head := binary.BigEndian.AppendUint64([]byte{kindAnswer}, tx)
	return sealed(sharedKey(key, to, kad.PublicKeyOf(key), to), head, nonce, message, 0)
}

func whoPacket(tx uint64, size int) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{kindWho}, tx), make([]byte, size-9)...)
}

func herePacket(tx uint64, key kad.PublicKey) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{kindHere}, tx), key[:]...)
}

func txOf(packet []byte) uint64 { return binary.BigEndian.Uint64(packet[1:9]) }

// speaker is a socket and a key: it says what it likes, to nodes.
type speaker struct {
	t    *testing.T
	key  ed25519.PrivateKey
	conn *net.UDPConn

	lasts uint64 // how often it asked whether everything was read
}

func newSpeaker(t *testing.T) *speaker {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &speaker{t: t, key: newKey(), conn: conn}
}

func (s *speaker) public() kad.PublicKey { return kad.PublicKeyOf(s.key) }
func (s *speaker) contact() kad.Contact  { return kad.NewContact(s.public(), s.addr()) }
func (s *speaker) addr() netip.AddrPort  { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (s *speaker) say(to netip.AddrPort, packet []byte) {
	s.t.Helper()
	if _, err := s.conn.WriteToUDPAddrPort(packet, to); err != nil {
		s.t.Fatal(err)
	}
}

// hear is the next packet, or nothing after a while.
func (s *speaker) hear(patience time.Duration) (packet []byte, from netip.AddrPort) {
	s.t.Helper()
	b := make([]byte, 2048)
	s.conn.SetReadDeadline(time.Now().Add(patience))
	n, from, err := s.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		return nil, from
	}
	return b[:n], from
}

// mustHear is the next packet of that kind.
func (s *speaker) mustHear(kind byte) (packet []byte, from netip.AddrPort) {
	s.t.Helper()
	for {
		packet, from = s.hear(10 * time.Second)
		if packet == nil {
			s.t.Fatalf("no packet of kind %d came", kind)
		}
		if packet[0] == kind {
			return packet, from
		}
	}
}

// everythingRead returns when the node has read all that s said so far, with
// what s was told meanwhile. A node reads one packet after another, so its
// answer to a last one says so. It is said again as any asker would: while the
// node works on s's share of questions, one more is dropped.
func (s *speaker) everythingRead(node netip.AddrPort) (told [][]byte) {
	s.t.Helper()
	s.lasts++
	last := 0x1a57_0000_0000_0000 + s.lasts
	for range 100 {
		s.say(node, whoPacket(last, 41))
		for {
			packet, _ := s.hear(100 * time.Millisecond)
			if packet == nil {
				break
			}
			if packet[0] != kindHere || txOf(packet)>>32 != last>>32 {
				told = append(told, packet)
			} else if txOf(packet) == last {
				return told
			}
		}
	}
	s.t.Fatal("the node does not read")
	return nil
}

// ask puts a question by hand.
func (s *speaker) ask(to end, tx uint64, q krpc.Query, size int) (packet []byte) {
	s.t.Helper()
	packet = questionPacket(s.key, to.Key, tx, randomNonce(), encode(s.t, krpc.Message{Query: &q}), size)
	s.say(to.Addr(), packet)
	return packet
}

// opened is the message in an answer of the node that holds key.
func (s *speaker) opened(key kad.PublicKey, packet []byte) []byte {
	s.t.Helper()
	message, ok := unsealed(sharedKey(s.key, key, key, s.public()), packet, 9)
	if !ok || packet[0] != kindAnswer {
		s.t.Fatalf("not an answer of %s: %x", key, packet)
	}
	return message
}

// The packets of the protocol page: from the key whose seed is all 01 to the
// one whose seed is all 02, and back.
var asks, answers = goldenKey(1), goldenKey(2)

func goldenKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

var golden = map[string]func(t *testing.T) []byte{
	"question": func(t *testing.T) []byte {
		ping := encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}})
		return questionPacket(asks, kad.PublicKeyOf(answers), 0x0102030405060708, bytes.Repeat([]byte{0xaa}, 24), ping, 0)
	},
	"answer": func(t *testing.T) []byte {
		pong := encode(t, krpc.Message{Reply: &krpc.Reply{}})
		return answerPacket(answers, kad.PublicKeyOf(asks), 0x0102030405060708, bytes.Repeat([]byte{0xbb}, 24), pong)
	},
	"on-a-stream": func(*testing.T) []byte {
		return answerPacket(answers, kad.PublicKeyOf(asks), 0x0102030405060708, bytes.Repeat([]byte{0xcc}, 24), nil)
	},
	"who":  func(*testing.T) []byte { return whoPacket(0x0102030405060708, 41) },
	"here": func(*testing.T) []byte { return herePacket(0x0102030405060708, kad.PublicKeyOf(answers)) },
}

func TestThePacketsOfTheProtocolPageAreWhatIsWrittenThere(t *testing.T) {
	page := goldenPackets(t)
	if len(page) != len(golden) {
		t.Errorf("the page has %d packets, the test %d", len(page), len(golden))
	}
	for name, make := range golden {
		if want := make(t); !bytes.Equal(page[name], want) {
			t.Errorf("the page lacks this block:\n%s", renderPacket(name, want))
		}
	}
	from, to := kad.PublicKeyOf(asks), kad.PublicKeyOf(answers)
	question, ok := unsealed(sharedKey(answers, from, from, to), page["question"], 41)
	if m, err := krpc.Decode(question); !ok || err != nil || m.Query == nil || m.Query.Method != krpc.Ping {
		t.Errorf("the question is %q, %v", question, err)
	}
	reply, ok := unsealed(sharedKey(asks, to, to, from), page["answer"], 9)
	if m, err := krpc.Decode(reply); !ok || err != nil || m.Reply == nil || m.Reply.Error != nil {
		t.Errorf("the answer is %q, %v", reply, err)
	}
	if empty, ok := unsealed(sharedKey(asks, to, to, from), page["on-a-stream"], 9); !ok || len(empty) != 0 {
		t.Errorf("the word for a stream is %q", empty)
	}
}

func TestTheQuestionOfTheProtocolPageIsAnswered(t *testing.T) {
	// given the node and the asker of the page
	seen := make(chan kad.Contact, 1)
	node := serve(t, makers["quic"]()(), answers, func(from kad.Contact, q krpc.Query) krpc.Reply {
		seen <- from
		return krpc.Reply{}
	})
	page, s := goldenPackets(t), newSpeaker(t)
	s.key = asks

	// when it sends the page's bytes
	s.say(node.Addr(), page["question"])
	packet, _ := s.mustHear(kindAnswer)

	// then the answer is the page's, but for its nonce
	if from := <-seen; from != s.contact() {
		t.Errorf("the handler saw %v, want %v", from, s.contact())
	}
	want, ok := unsealed(sharedKey(asks, node.Key, node.Key, s.public()), page["answer"], 9)
	if got := s.opened(node.Key, packet); !ok || !bytes.Equal(got, want) || len(packet) != len(page["answer"]) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !bytes.Equal(packet[:9], page["answer"][:9]) {
		t.Errorf("the head is %x, want %x", packet[:9], page["answer"][:9])
	}
	s.say(node.Addr(), page["who"])
	if here, _ := s.mustHear(kindHere); !bytes.Equal(here, page["here"]) {
		t.Errorf("who was answered %x, want %x", here, page["here"])
	}
}

var packetBlock = regexp.MustCompile("(?s)```datagram (\\S+)\n(.*?)\n```\n")

// goldenPackets are the blocks of the page: hex, with a word before each part.
func goldenPackets(t *testing.T) map[string][]byte {
	t.Helper()
	page, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	packets := map[string][]byte{}
	for _, found := range packetBlock.FindAllStringSubmatch(string(page), -1) {
		var digits strings.Builder
		for line := range strings.Lines(found[2]) {
			digits.WriteString(strings.TrimSpace(line[min(len(line), 8):]))
		}
		if packets[found[1]], err = hex.DecodeString(digits.String()); err != nil {
			t.Fatalf("block %s: %v", found[1], err)
		}
	}
	return packets
}

// renderPacket makes the block of the page for packet.
func renderPacket(name string, packet []byte) string {
	parts := map[byte][]struct {
		name string
		size int
	}{
		kindQuestion: {{"kind", 1}, {"tx", 8}, {"from", 32}, {"nonce", 24}, {"sealed", 0}},
		kindAnswer:   {{"kind", 1}, {"tx", 8}, {"nonce", 24}, {"sealed", 0}},
		kindWho:      {{"kind", 1}, {"tx", 8}, {"padding", 0}},
		kindHere:     {{"kind", 1}, {"tx", 8}, {"key", 0}},
	}[packet[0]]
	out := "```datagram " + name + "\n"
	for _, part := range parts {
		size := part.size
		if size == 0 {
			size = len(packet)
		}
		label := part.name
		for size = min(size, len(packet)); size > 0; label = "" {
			n := min(size, 44)
			out += fmt.Sprintf("%-7s %x\n", label, packet[:n])
			packet, size = packet[n:], size-n
		}
	}
	return out + "```\n"
}

func TestNoNonceComesTwice(t *testing.T) {
	// given a pair of nodes, and somebody who reads along
	var seen [][]byte
	asker, answerer := open(t, makers["quic"](), silent), open(t, makers["quic"](), echo)
	road := newLossyRoad(t, answerer.Addr(), func(_ bool, packet []byte) bool {
		seen = append(seen, bytes.Clone(packet))
		return true
	})
	for range 200 {
		mustAnswer(t, asker, kad.NewContact(answerer.Key, road.addr()))
	}
	road.close()

	packets := map[string][]byte{}
	for _, packet := range seen {
		head := map[byte]int{kindQuestion: 41, kindAnswer: 9}[packet[0]]
		nonce := string(packet[head : head+24])
		if other, again := packets[nonce]; again && !bytes.Equal(other, packet) {
			t.Fatalf("two packets with nonce %x", nonce)
		}
		packets[nonce] = packet
	}
	if len(packets) < 400 {
		t.Errorf("saw %d packets", len(packets))
	}
}

// A point of low order makes a secret that everybody knows.
func TestKeysThatNobodyHoldsAreNobody(t *testing.T) {
	for name, digits := range map[string]string{
		"order 1":                    "0100000000000000000000000000000000000000000000000000000000000000",
		"order 1, written otherwise": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 1, signed":            "0100000000000000000000000000000000000000000000000000000000000080",
		"order 2":                    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 4":                    "0000000000000000000000000000000000000000000000000000000000000080",
		"order 8":                    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"order 8, the other":         "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"no point":                   "0200000000000000000000000000000000000000000000000000000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			raw, _ := hex.DecodeString(digits)
			weak := kad.PublicKey(raw)
			handled := make(chan kad.Contact, 1)
			node := open(t, makers["quic"](), func(from kad.Contact, q krpc.Query) krpc.Reply { handled <- from; return echo(from, q) })
			s := newSpeaker(t)

			// when one asks as such a node, with the secret that everybody knows
			if name != "no point" {
				head := append(binary.BigEndian.AppendUint64([]byte{kindQuestion}, 7), weak[:]...)
				message := encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}})
				s.say(node.Addr(), sealed(sharedKey(s.key, weak, weak, node.Key), head, randomNonce(), message, 0))
				if told := s.everythingRead(node.Addr()); len(told) > 0 && told[0][0] == kindAnswer {
					t.Errorf("was answered %x", told)
				}
			}
			// or such a node is asked
			start := time.Now()
			got := ask(t, node, kad.NewContact(weak, s.addr()), krpc.Query{Method: krpc.Ping})

			if took := time.Since(start); got.err == nil || took > kad.FirstResend {
				t.Errorf("asked, it gave %v after %v", got.err, took)
			}
			node.Close()
			if len(handled) != 0 {
				t.Errorf("the handler saw %v", <-handled)
			}
		})
	}
}
