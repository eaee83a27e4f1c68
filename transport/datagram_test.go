package transport_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

var sealing = makers["quic"]()

func TestAQuestionThatFitsCostsNoConnection(t *testing.T) {
	asker, answerer := open(t, sealing, echo), open(t, sealing, echo)
	onlyStreams := open(t, newQUIC, echo)

	for range 10 {
		mustAnswer(t, asker, answerer.Contact)
		mustAnswer(t, answerer, asker.Contact)
		mustAnswer(t, asker, onlyStreams.Contact) // it answers all the same
	}

	for _, e := range []end{asker, answerer, onlyStreams} {
		if s := e.Stats(); s.Handshakes != 0 || s.Connections != 0 {
			t.Errorf("%+v", s)
		}
	}
	if s := asker.Stats(); s.Asked != 20 || s.Answered != 10 {
		t.Errorf("%+v", s)
	}
}

func TestAnAnswerThatDoesNotFitArrivesOverAStream(t *testing.T) {
	value := bytes.Repeat([]byte("v"), 5000)
	asker := open(t, sealing, silent)
	answerer := open(t, sealing, func(kad.Contact, krpc.Query) krpc.Reply {
		return krpc.Reply{Entries: []krpc.Entry{{Value: value, TTL: time.Hour}}}
	})

	got := ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.FindValue})

	if got.err != nil || len(got.Entries) != 1 || !bytes.Equal(got.Entries[0].Value, value) {
		t.Errorf("got %d entries, %v", len(got.Entries), got.err)
	}
	if s := answerer.Stats(); s.Answered != 2 || s.Handshakes != 1 {
		t.Errorf("%+v: want a datagram's answer and a stream's", s)
	}
}

func TestAQuestionThatDoesNotFitGoesOverAStream(t *testing.T) {
	asker, answerer := open(t, sealing, silent), open(t, sealing, echo)
	// The longest that fits, and a byte more.
	q := question("x")
	room := kad.MaxDatagram - questionOverhead
	q.Entry.Value = bytes.Repeat([]byte("v"), 1000)
	q.Entry.Value = bytes.Repeat([]byte("v"), 1000+room-len(encode(t, krpc.Message{Query: &q})))

	if got := ask(t, asker, answerer.Contact, q); got.err != nil || answerer.Stats().Handshakes != 0 {
		t.Errorf("the longest that fits: %v, %+v", got.err, answerer.Stats())
	}
	q.Entry.Value = append(q.Entry.Value, 'v')
	if got := ask(t, asker, answerer.Contact, q); got.err != nil || answerer.Stats().Handshakes != 1 || answerer.Stats().Answered != 2 {
		t.Errorf("a byte more: %v, %+v", got.err, answerer.Stats())
	}
}

// The contacts of an honest answer fit, whatever families they have.
func TestContactsNeedNoStream(t *testing.T) {
	contacts := make([]kad.Contact, kad.K)
	for i := range contacts {
		contacts[i] = kad.NewContact(kad.PublicKeyOf(newKey()),
			netip.MustParseAddrPort("192.0.2.1:6881"), netip.MustParseAddrPort("[2001:db8::1]:6881"))
	}
	asker := open(t, sealing, silent)
	answerer := open(t, sealing, func(kad.Contact, krpc.Query) krpc.Reply {
		return krpc.Reply{Contacts: contacts, Token: "8 bytes."}
	})

	for _, method := range []krpc.Method{krpc.FindNode, krpc.FindValue} {
		if got := ask(t, asker, answerer.Contact, krpc.Query{Method: method}); got.err != nil || len(got.Contacts) != kad.K {
			t.Errorf("%s: got %d contacts, %v", method, len(got.Contacts), got.err)
		}
	}
	if h := asker.Stats().Handshakes; h != 0 {
		t.Errorf("%d handshakes", h)
	}
}

func TestWhoIsThereIsAskedWithoutAConnection(t *testing.T) {
	asker, answerer := open(t, sealing, silent), open(t, sealing, echo)

	got := ask(t, asker, kad.NewContact(kad.PublicKey{}, answerer.Addr()), krpc.Query{Method: krpc.Ping})

	if got.err != nil || got.Key != answerer.Key {
		t.Errorf("got %v, %v; want %v", got.Key, got.err, answerer.Key)
	}
	if s := answerer.Stats(); s.Handshakes != 0 || s.Answered != 0 {
		t.Errorf("%+v", s)
	}
}

// Silence at one address must not make the wait at the next one longer.
func TestADeadAddressTeachesNothingAboutOthers(t *testing.T) {
	t.Parallel()
	asker, deaf := open(t, sealing, silent), newSpeaker(t)
	for range 2 {
		start := time.Now()
		got := ask(t, asker, kad.NewContact(kad.PublicKey{}, deaf.addr()), krpc.Query{Method: krpc.Ping})
		if took := time.Since(start); !errors.Is(got.err, transport.ErrTimeout) || took > kad.FirstTimeout+kad.FirstTimeout/2 {
			t.Errorf("got %v after %v", got.err, took)
		}
	}
}

func TestAPingToAClaimedAddressIsSentTwiceAtTheMost(t *testing.T) {
	t.Parallel()
	asker, deaf := open(t, sealing, silent), newSpeaker(t)
	got := ask(t, asker, deaf.contact(), krpc.Query{Method: krpc.Ping})
	if !errors.Is(got.err, transport.ErrTimeout) {
		t.Fatalf("got %v, want ErrTimeout", got.err)
	}
	heard := 0
	for packet, _ := deaf.hear(kad.MinResend); packet != nil; packet, _ = deaf.hear(kad.MinResend) {
		heard++
	}
	if heard != 2 {
		t.Errorf("%d packets, want 2: sent again once, and no more", heard)
	}
}

func TestAnotherNodeAtTheAddressIsNoticedAtOnce(t *testing.T) {
	asker, answerer, other := open(t, sealing, silent), open(t, sealing, echo), open(t, sealing, echo)
	everywhere := open(t, func() port { return transport.NewQUIC(transport.QUICConfig{}) }, silent)
	for _, asker := range []end{asker, everywhere} {
		start := time.Now()
		got := ask(t, asker, kad.NewContact(other.Key, answerer.Addr()), question("x"))
		if took := time.Since(start); !errors.Is(got.err, transport.ErrWrongID) || took >= kad.FirstResend {
			t.Errorf("got %v after %v", got.err, took)
		}
	}
	if s := answerer.Stats(); s.Answered != 0 || s.Handshakes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestASecondAddressIsTried(t *testing.T) {
	t.Parallel()
	everywhere := func() port { return transport.NewQUIC(transport.QUICConfig{}) }
	asker := open(t, everywhere, silent)
	seen := make(chan kad.Contact, 9)
	answerer := open(t, everywhere, func(from kad.Contact, q krpc.Query) krpc.Reply { seen <- from; return echo(from, q) })
	mustAnswer(t, asker, at(answerer, "127.0.0.1"))
	if from := <-seen; from != at(asker, "127.0.0.1") {
		t.Errorf("the handler saw %v", from)
	}
	if !asker.Addr().Addr().Is6() {
		t.Log("no IPv6 here: there is no second address")
		return
	}
	deaf, other := newSpeaker(t), open(t, sealing, echo)
	for name, first := range map[string]struct {
		addr   netip.AddrPort
		within time.Duration
	}{"nobody": {deaf.addr(), 2 * kad.FirstResend}, "another node": {other.Addr(), kad.FirstResend}} {
		answerer := open(t, everywhere, func(from kad.Contact, q krpc.Query) krpc.Reply { seen <- from; return echo(from, q) })
		to := at(answerer, "::1")
		to.V4 = first.addr
		start := time.Now()
		mustAnswer(t, asker, to)
		if from := <-seen; from != at(asker, "::1") {
			t.Errorf("behind %s: the handler saw %v", name, from)
		}
		if took := time.Since(start); took >= first.within {
			t.Errorf("behind %s: took %v", name, took)
		}
	}
	// With another node at both, it is the wrong one.
	to := kad.NewContact(kad.PublicKeyOf(newKey()), at(answerer, "::1").V6, other.Addr())
	if got := ask(t, asker, to, question("x")); !errors.Is(got.err, transport.ErrWrongID) {
		t.Errorf("got %v, want ErrWrongID", got.err)
	}
	if h := asker.Stats().Handshakes; h != 0 {
		t.Errorf("%d handshakes", h)
	}
}

func TestLostDatagramsAreSentAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method  krpc.Method
		handled int32 // a read may be done again, a write may not
	}{{krpc.FindNode, 2}, {krpc.StoreValue, 1}} {
		t.Run(string(test.method), func(t *testing.T) {
			t.Parallel()
			// given a road that loses the first packet each way
			var handled, asked, answered atomic.Int32
			asker := open(t, sealing, silent)
			answerer := open(t, sealing, func(from kad.Contact, q krpc.Query) krpc.Reply { handled.Add(1); return echo(from, q) })
			road := newLossyRoad(t, answerer.Addr(), func(there bool, _ []byte) bool {
				if there {
					return asked.Add(1) > 1
				}
				return answered.Add(1) > 1
			})
			q := question("again")
			q.Method = test.method

			got := ask(t, asker, kad.NewContact(answerer.Key, road.addr()), q)

			if got.err != nil {
				t.Fatal(got.err)
			}
			if asked.Load() != 3 || answered.Load() != 2 || handled.Load() != test.handled {
				t.Errorf("sent %d questions and %d answers, handled %d; want 3, 2, %d", asked.Load(), answered.Load(), handled.Load(), test.handled)
			}
			if s := asker.Stats(); s.Handshakes != 0 || s.Asked != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAReplayedWriteIsAnsweredAgainAndDoneOnce(t *testing.T) {
	var handled atomic.Int32
	begun, release := make(chan struct{}, 9), make(chan struct{})
	node := open(t, sealing, func(from kad.Contact, q krpc.Query) krpc.Reply {
		handled.Add(1)
		begun <- struct{}{}
		<-release
		return echo(from, q)
	})
	s, elsewhere := newSpeaker(t), newSpeaker(t)

	// while it is being done, it is not answered
	packet := s.ask(node, 7, question("once"), 0)
	<-begun
	for range 3 {
		s.say(node.Addr(), packet)
	}
	for _, told := range s.everythingRead(node.Addr()) {
		t.Errorf("was told %x", told)
	}
	close(release)
	first, _ := s.mustHear(kindAnswer)

	// and then it is, each time, whoever sends it from wherever
	for _, from := range []*speaker{s, elsewhere} {
		from.say(node.Addr(), packet)
		if again, _ := from.mustHear(kindAnswer); !bytes.Equal(again, first) {
			t.Errorf("the second answer is %x, the first %x", again, first)
		}
	}
	// another question of the same node is another write
	s.ask(node, 8, question("twice"), 0)
	second, _ := s.mustHear(kindAnswer)
	for txOf(second) != 8 {
		second, _ = s.mustHear(kindAnswer)
	}
	if !bytes.Contains(s.opened(node.Key, second), []byte("twice")) {
		t.Errorf("the next write was answered %q", s.opened(node.Key, second))
	}
	// and the same number of another node too
	elsewhere.ask(node, 7, question("other"), 0)
	elsewhere.mustHear(kindAnswer)
	node.Close()
	if n := handled.Load(); n != 3 {
		t.Errorf("handled %d times, want 3", n)
	}
}

// What the node remembers of writes ends somewhere, oldest first.
func TestTheLatestWritesAreRemembered(t *testing.T) {
	var handled atomic.Int32
	node := open(t, sealing, func(from kad.Contact, q krpc.Query) krpc.Reply { handled.Add(1); return echo(from, q) })
	s := newSpeaker(t)
	var packets [][]byte
	for i := range kad.MaxWrites + 1 {
		packets = append(packets, s.ask(node, uint64(i), question("x"), 0))
		s.mustHear(kindAnswer)
	}
	for _, packet := range packets[1:] {
		s.say(node.Addr(), packet)
		s.mustHear(kindAnswer)
	}
	if n := handled.Load(); n != kad.MaxWrites+1 {
		t.Errorf("handled %d times, want %d", n, kad.MaxWrites+1)
	}
}

func TestATamperedQuestionIsNotHandled(t *testing.T) {
	var handled atomic.Int32
	node := open(t, sealing, func(from kad.Contact, q krpc.Query) krpc.Reply { handled.Add(1); return echo(from, q) })
	s := newSpeaker(t)
	good := questionPacket(s.key, node.Key, 7, randomNonce(), encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}}), 0)
	stranger := newSpeaker(t)

	say := func(packet []byte) { s.say(node.Addr(), packet); s.everythingRead(node.Addr()) }
	for i := range good {
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			say(bad)
		}
		say(good[:i])
	}
	say(append(bytes.Clone(good), 0))
	// sealed for another node; by another than it says; as an answer
	say(questionPacket(s.key, stranger.public(), 7, randomNonce(), good[:9], 0))
	other := questionPacket(stranger.key, node.Key, 7, randomNonce(), nil, 0)
	copy(other[9:], good[9:41])
	say(other)
	say(answerPacket(s.key, node.Key, 7, randomNonce(), good[:9]))

	node.Close()
	if n := handled.Load(); n != 0 {
		t.Errorf("handled %d of them", n)
	}
}

func TestAQuestionThatComesBackIsNotHandled(t *testing.T) {
	t.Parallel()
	// given a mirror at the contact's address
	var handled atomic.Int32
	asker := open(t, sealing, func(from kad.Contact, q krpc.Query) krpc.Reply { handled.Add(1); return echo(from, q) })
	mirror := newSpeaker(t)
	got := make(chan answer, 2)
	asker.Ask(mirror.contact(), question("x"), func(r krpc.Reply, err error) { got <- answer{r, err} })

	packet, from := mirror.mustHear(kindQuestion)
	mirror.say(from, packet)
	asAnswer := append([]byte{kindAnswer}, packet[1:9]...)
	mirror.say(from, append(asAnswer, packet[41:]...))

	if a := <-got; !errors.Is(a.err, transport.ErrTimeout) {
		t.Errorf("got %+v, want ErrTimeout", a)
	}
	asker.Close()
	if handled.Load() != 0 {
		t.Error("handled its own question")
	}
	for packet, _ := mirror.hear(time.Millisecond); packet != nil; packet, _ = mirror.hear(time.Millisecond) {
		if packet[0] == kindHere {
			t.Error("answered its own question")
		}
	}
}

// A node may ask itself: not by a datagram, which it would drop.
func TestANodeCanAskItself(t *testing.T) {
	node := open(t, sealing, echo)
	mustAnswer(t, node, node.Contact)
}

func TestOnlyTheAnswerToTheQuestionIsBelieved(t *testing.T) {
	t.Parallel()
	asker := open(t, sealing, silent)
	s, other := newSpeaker(t), newSpeaker(t)
	token := func(text string) []byte { return encode(t, krpc.Message{Reply: &krpc.Reply{Token: text}}) }
	ask := func() (got chan answer, tx uint64, from netip.AddrPort) {
		got = make(chan answer, 2)
		asker.Ask(s.contact(), question("x"), func(r krpc.Reply, err error) { got <- answer{r, err} })
		packet, from := s.mustHear(kindQuestion)
		return got, txOf(packet), from
	}
	// given an answer of before
	got, tx, from := ask()
	before := answerPacket(s.key, asker.Key, tx, randomNonce(), token("before"))
	s.say(from, before)
	if a := <-got; a.err != nil || a.Token != "before" {
		t.Fatalf("got %+v", a)
	}
	got, tx, from = ask()
	if from != asker.Addr() {
		t.Fatalf("asked from %v", from)
	}
	good := answerPacket(s.key, asker.Key, tx, randomNonce(), token("good"))

	// when all that is not the answer arrives
	say := func(packet []byte) { s.say(from, packet); s.everythingRead(from) }
	say(before)
	say(append(bytes.Clone(good[:9]), before[9:]...))
	say(answerPacket(s.key, asker.Key, tx+1, randomNonce(), token("another's")))
	say(answerPacket(other.key, asker.Key, tx, randomNonce(), token("another's")))
	say(answerPacket(s.key, other.public(), tx, randomNonce(), token("another's")))
	for i := range good {
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			say(bad)
		}
		say(good[:i])
	}
	say(append(bytes.Clone(good), 0))
	// nor a word that another node is here, which is not from here, or of
	// another question, or cut off, or names the one that was asked
	other.say(from, herePacket(tx, other.public()))
	other.everythingRead(from)
	say(herePacket(tx+1, other.public()))
	say(herePacket(tx, other.public())[:40])
	say(append(herePacket(tx, other.public()), 0))
	say(herePacket(tx, s.public()))

	// then the answer is believed, once, wherever it comes from
	other.say(from, good)
	say(good)
	if a := <-got; a.err != nil || a.Token != "good" {
		t.Errorf("got %+v", a)
	}
	asker.Close()
	if len(got) != 0 {
		t.Errorf("then ran twice, the second time with %+v", <-got)
	}
}

func TestAnAnswerThatMakesNoSenseIsAnError(t *testing.T) {
	for name, message := range map[string][]byte{
		"garbage": []byte("\x00\xff no bencode"),
		"a query": encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}}),
	} {
		t.Run(name, func(t *testing.T) {
			asker, s := open(t, sealing, silent), newSpeaker(t)
			got := make(chan answer, 1)
			asker.Ask(s.contact(), question("x"), func(r krpc.Reply, err error) { got <- answer{r, err} })
			packet, from := s.mustHear(kindQuestion)

			s.say(from, answerPacket(s.key, asker.Key, txOf(packet), randomNonce(), message))

			if a := <-got; !errors.Is(a.err, transport.ErrProtocol) {
				t.Errorf("got %v, want ErrProtocol", a.err)
			}
		})
	}
	node, s := open(t, sealing, echo), newSpeaker(t)
	s.say(node.Addr(), questionPacket(s.key, node.Key, 7, randomNonce(), []byte("no bencode"), 0))
	packet, _ := s.mustHear(kindAnswer)
	if m, err := krpc.Decode(s.opened(node.Key, packet)); err != nil || m.Reply == nil || m.Reply.Error == nil || m.Reply.Error.Code != krpc.CodeProtocol {
		t.Errorf("a question of garbage was answered %+v, %v", m, err)
	}
	// a length that is not there: nothing is believed
	head := questionPacket(s.key, node.Key, 8, randomNonce(), nil, 0)[:41]
	key := sharedKey(s.key, node.Key, s.public(), node.Key)
	lying := sealed(key, head, randomNonce(), make([]byte, 40), 0)
	lying = resealed(key, lying, func(text []byte) { text[0], text[1] = 0xff, 0xff })
	s.say(node.Addr(), lying)
	if told, _ := s.hear(10 * time.Second); told == nil || told[0] != kindHere {
		t.Errorf("a lie about the length was answered %x", told)
	}
}

// Nobody can have a node send more than three times what it was sent, nor more
// packets; and what fits that is sent.
func TestNoReplyIsLongerThanThreeTimesTheQuestion(t *testing.T) {
	lengthy := func(length uint64) krpc.Reply {
		return krpc.Reply{Entries: []krpc.Entry{{Value: make([]byte, length), TTL: time.Hour}}}
	}
	node := open(t, sealing, func(_ kad.Contact, q krpc.Query) krpc.Reply { // as long as it is asked to be
		return lengthy(q.Cursor + uint64(q.Entry.Age/time.Second))
	})
	s := newSpeaker(t)
	replied := func(asked []byte) []byte {
		t.Helper()
		told := s.everythingRead(node.Addr())
		if len(told) == 0 {
			packet, _ := s.hear(10 * time.Second)
			told = append(told, packet)
		}
		if len(told) != 1 || len(told[0]) > 3*len(asked) || len(told[0]) > kad.MaxDatagram || len(told[0]) == 0 {
			t.Fatalf("%d bytes were answered with %d packets, %d bytes first", len(asked), len(told), len(told[0]))
		}
		return told[0]
	}
	tx := uint64(0)
	for _, size := range []int{0, 200, 300, 399, 400, 401, 800, kad.MaxDatagram} {
		fitted, refused := 0, 0
		for length := uint64(1); length < 1300; length++ {
			whole := encode(t, krpc.Message{Reply: new(lengthy(length))})
			room := min(kad.MaxDatagram, 3*max(size, 164)) - answerOverhead - len(whole)
			if length%97 != 0 && (room < -6 || room > 6) {
				continue
			}
			tx++
			asked := s.ask(node, tx, krpc.Query{Method: krpc.FindValue, Cursor: length}, size)
			message := s.opened(node.Key, replied(asked))
			switch fits := len(whole)+answerOverhead <= min(kad.MaxDatagram, 3*len(asked)); {
			case fits && bytes.Equal(message, whole):
				fitted++
			case !fits && len(message) == 0:
				refused++
			default:
				t.Fatalf("%d bytes asked, %d to answer: got %d", len(asked), len(whole), len(message))
			}
		}
		if fitted == 0 || refused == 0 {
			t.Errorf("asked %d bytes: %d answers fitted, %d did not", size, fitted, refused)
		}
	}
	// nor what it remembers of a longer question of the same number
	write := krpc.Query{Method: krpc.StoreValue, Token: "x", Entry: krpc.Entry{Value: []byte("v"), TTL: time.Hour, Age: 900 * time.Second}}
	replied(s.ask(node, 1, write, kad.MaxDatagram))
	s.ask(node, 1, write, 0)
	for _, told := range s.everythingRead(node.Addr()) {
		t.Errorf("was told %d bytes again", len(told))
	}
	// here is no longer than what it answers
	for _, size := range []int{41, 42, 400, kad.MaxDatagram} {
		asked := whoPacket(1, size)
		s.say(node.Addr(), asked)
		if here := replied(asked); len(here) > len(asked) || !bytes.Equal(here, herePacket(1, node.Key)) {
			t.Errorf("who of %d bytes was answered %x", size, here)
		}
		asked = questionPacket(s.key, s.public(), 1, randomNonce(), nil, max(size, questionOverhead))
		s.say(node.Addr(), asked)
		if here := replied(asked); len(here) > len(asked) || !bytes.Equal(here, herePacket(1, node.Key)) {
			t.Errorf("a question for another, of %d bytes, was answered %x", size, here)
		}
	}
	// and what is too short or too long for its kind gets no reply at all
	ping := encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}})
	s.say(node.Addr(), whoPacket(1, 9))
	s.say(node.Addr(), whoPacket(1, 40))
	s.say(node.Addr(), whoPacket(1, kad.MaxDatagram+1))
	s.say(node.Addr(), questionPacket(s.key, s.public(), 1, randomNonce(), nil, 0)[:questionOverhead-1])
	s.say(node.Addr(), questionPacket(s.key, node.Key, 1, randomNonce(), ping, kad.MaxDatagram+1))
	s.say(node.Addr(), herePacket(1, s.public()))
	told := s.everythingRead(node.Addr())
	node.Close()
	if late, _ := s.hear(time.Millisecond); late != nil {
		told = append(told, late)
	}
	for _, packet := range told {
		t.Errorf("was told %x", packet)
	}
}

func TestGarbageOfEveryKindAndLengthChangesNothing(t *testing.T) {
	var handled atomic.Int32
	node := open(t, sealing, func(from kad.Contact, q krpc.Query) krpc.Reply { handled.Add(1); return echo(from, q) })
	asker, s, deaf := open(t, sealing, echo), newSpeaker(t), newSpeaker(t)
	mustAnswer(t, asker, node.Contact)
	mustAnswer(t, node, asker.Contact)
	key := s.public()
	var asked []byte
	var over []uint64
	survived := 0
	for first := 0; first <= 1500; first += 100 {
		// with a question of the node's own on its way
		pending := make(chan answer, 1)
		began := time.Now()
		node.Ask(deaf.contact(), question(fmt.Sprint(first)), func(r krpc.Reply, err error) { pending <- answer{r, err} })
		for asked == nil || slices.Contains(over, txOf(asked)) { // those were sent more than once
			asked, _ = deaf.mustHear(kindQuestion)
		}
		over = append(over, txOf(asked))
		before := node.Stats()

		for size := first; size < first+100; size++ {
			for _, kind := range []byte{0, kindQuestion, kindAnswer, kindWho, kindHere, 5, 0x3f} {
				b := make([]byte, size)
				rand.Read(b)
				if size > 0 {
					b[0] = kind
				}
				if size > 9 && size%2 == 0 {
					copy(b[1:], asked[1:9])
				}
				if size > 41 && size%3 == 0 {
					copy(b[9:], key[:]) // a point at least
				}
				s.say(node.Addr(), b)
			}
			if size%8 == 0 {
				s.everythingRead(node.Addr())
			}
		}
		s.everythingRead(node.Addr())

		if after := node.Stats(); after != before || handled.Load() != 1 {
			t.Errorf("handled %d, %+v; before %+v", handled.Load(), after, before)
		}
		deaf.say(node.Addr(), answerPacket(deaf.key, node.Key, txOf(asked), randomNonce(), encode(t, krpc.Message{Reply: &krpc.Reply{Token: "y"}})))
		var a answer
		select {
		case a = <-pending:
		case <-time.After(2 * kad.MaxTimeout):
			t.Fatal("the question on its way never ended")
		}
		switch {
		case a.err == nil && a.Token == "y":
			survived++
		case !errors.Is(a.err, transport.ErrTimeout) || time.Since(began) < kad.MinTimeout:
			t.Errorf("the question on its way got %+v", a)
		}
	}
	if survived == 0 {
		t.Error("no question on its way was answered")
	}
	mustAnswer(t, asker, node.Contact)
	mustAnswer(t, open(t, sealing, silent), node.Contact)
}

// Whatever ends a question, it ends once.
func TestAQuestionEndsOnceHoweverItEnds(t *testing.T) {
	deaf, other := newSpeaker(t), open(t, sealing, echo)
	answerer := open(t, sealing, echo)
	large := krpc.Query{Method: krpc.StoreValue, Entry: krpc.Entry{Value: make([]byte, 4000), TTL: time.Hour}}
	for round := range 30 {
		asker := open(t, sealing, silent)
		var ended [120]atomic.Int32
		var some sync.WaitGroup
		some.Add(round * 2)
		for i := range ended {
			to := []kad.Contact{answerer.Contact, kad.NewContact(newSpeakerKey(), other.Addr()), deaf.contact()}[i%3]
			q := question(fmt.Sprint(i))
			if i%6 == 0 {
				q = large
			}
			asker.Ask(to, q, func(krpc.Reply, error) {
				if ended[i].Add(1) == 1 && i%3 != 2 && i < round*3 {
					some.Done()
				}
			})
		}
		some.Wait()
		asker.Close()
		for i := range ended {
			if n := ended[i].Load(); n != 1 {
				t.Fatalf("round %d: question %d ended %d times", round, i, n)
			}
		}
	}
}

func newSpeakerKey() kad.PublicKey { return kad.PublicKeyOf(newKey()) }

// TestCloseEndsWhatWaitsForADatagram runs alone: it counts goroutines.
func TestCloseEndsWhatWaitsForADatagram(t *testing.T) {
	const n = 500
	deaf := newSpeaker(t)
	before := runtime.NumGoroutine()
	asker := open(t, sealing, silent)
	var ended, closed atomic.Int32
	for range n {
		asker.Ask(kad.NewContact(newSpeakerKey(), deaf.addr()), krpc.Query{Method: krpc.Ping}, func(_ krpc.Reply, err error) {
			ended.Add(1)
			if errors.Is(err, transport.ErrClosed) {
				closed.Add(1)
			}
		})
	}
	eventually(t, "all are sent", func() bool { return asker.Stats().Asked == n })
	// None of them costs a goroutine: the transport has a handful.
	eventually(t, "none waits on a goroutine", func() bool { return runtime.NumGoroutine() < before+20 })

	asker.Close()

	if ended.Load() != n || closed.Load() != n {
		t.Errorf("%d of %d ended, %d with ErrClosed", ended.Load(), n, closed.Load())
	}
	goroutinesFallTo(t, before)
	if got := ended.Load(); got != n {
		t.Errorf("then ran %d times", got)
	}
}

// TestSecretsOfManyNodesTakeNoMemory runs alone: it measures the heap. A
// secret takes about 250 bytes.
func TestSecretsOfManyNodesTakeNoMemory(t *testing.T) {
	node := open(t, sealing, echo)
	s := newSpeaker(t)
	meet := func(n int) {
		for i := range n {
			s.key = newKey()
			s.ask(node, uint64(i), question("x"), 0)
			s.mustHear(kindAnswer)
		}
	}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	meet(3 * kad.MaxPairs)
	full := heap()
	const more = 12 * kad.MaxPairs
	meet(more)

	if grown := heap() - full; grown > more*100 {
		t.Errorf("%d nodes more took %d bytes", more, grown)
	}
}

// lossyRoad is a relay between one asker and one node. It carries what pass
// lets pass; pass runs for one packet at a time.
type lossyRoad struct {
	front, back *net.UDPConn
	both        sync.WaitGroup

	mu    sync.Mutex
	asker netip.AddrPort
}

func newLossyRoad(t *testing.T, node netip.AddrPort, pass func(there bool, packet []byte) bool) *lossyRoad {
	t.Helper()
	r := &lossyRoad{front: newSpeaker(t).conn, back: newSpeaker(t).conn}
	r.both.Go(func() {
		r.carry(r.front, func(b []byte, from netip.AddrPort) {
			r.asker = from
			if pass(true, b) {
				_, _ = r.back.WriteToUDPAddrPort(b, node)
			}
		})
	})
	r.both.Go(func() {
		r.carry(r.back, func(b []byte, _ netip.AddrPort) {
			if pass(false, b) {
				_, _ = r.front.WriteToUDPAddrPort(b, r.asker)
			}
		})
	})
	t.Cleanup(r.close)
	return r
}

func (r *lossyRoad) addr() netip.AddrPort { return r.front.LocalAddr().(*net.UDPAddr).AddrPort() }

func (r *lossyRoad) carry(conn *net.UDPConn, one func([]byte, netip.AddrPort)) {
	b := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		r.mu.Lock()
		one(b[:n], from)
		r.mu.Unlock()
	}
}

// close returns when nothing is carried any more.
func (r *lossyRoad) close() {
	r.front.Close()
	r.back.Close()
	r.both.Wait()
}
