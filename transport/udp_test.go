package transport_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/transport"
)

// pinger answers pings, and refuses everything else.
type pinger struct{ begun, ended, asked atomic.Int32 }

var pingerID = kad.HashID([]byte("pinger"))

func (p *pinger) Begin() { p.begun.Add(1) }
func (p *pinger) End()   { p.ended.Add(1) }

func (p *pinger) Answer(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	p.asked.Add(1)
	if string(m.Method) != bep5.Ping {
		return bep5.AppendFailure(b, from, m.Tx, bep5.CodeUnknownMethod, "only ping")
	}
	return bep5.Close(bep5.AppendID(bep5.Open(b, from), &pingerID), m.Tx)
}

func openUDP(t testing.TB, responder transport.Responder) *transport.UDP {
	t.Helper()
	u, err := transport.NewUDP(transport.UDPConfig{Listen: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Serve(responder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u
}

// raw is a plain socket on loopback.
func raw(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func bound(conn *net.UDPConn) netip.AddrPort { return conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func receive(t testing.TB, conn *net.UDPConn) (string, netip.AddrPort) {
	t.Helper()
	b := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, from, err := conn.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

func sendRaw(t testing.TB, conn *net.UDPConn, to netip.AddrPort, packet string) {
	t.Helper()
	if _, err := conn.WriteToUDPAddrPort([]byte(packet), to); err != nil {
		t.Fatal(err)
	}
}

// outcome is what then was called with; the message does not live longer.
type outcome struct {
	kind bep5.Kind
	id   string
	code int64
	err  error
}

// asked puts a question and returns where its outcomes will come, all of them.
func asked(u *transport.UDP, to netip.AddrPort, method string) chan outcome {
	body, _ := bep5.Question(method, bep5.Args{ID: strings.Repeat("a", kad.IDSize)}, false)
	outcomes := make(chan outcome, 2)
	u.Ask(to, body, func(m *bep5.Message, err error) {
		o := outcome{err: err}
		if m != nil {
			o.kind, o.id, o.code = m.Kind, string(m.ID), m.Code
		}
		outcomes <- o
	})
	return outcomes
}

func TestAQuestionByUDPHasItsAnswerOrItsRefusal(t *testing.T) {
	asker, answerer := openUDP(t, new(pinger)), openUDP(t, new(pinger))
	if o := <-asked(asker, answerer.Addr(), "ping"); o.err != nil || o.id != string(pingerID[:]) {
		t.Errorf("%+v", o)
	}
	if o := <-asked(asker, answerer.Addr(), "moo"); o.err != nil || o.kind != bep5.Failure || o.code != bep5.CodeUnknownMethod {
		t.Errorf("%+v", o)
	}
}

func TestManyQuestionsAtOnceHaveEachItsAnswer(t *testing.T) {
	asker, responder := openUDP(t, new(pinger)), new(pinger)
	answerer := openUDP(t, responder)
	var all []chan outcome
	for range 500 {
		all = append(all, asked(asker, answerer.Addr(), "ping"))
	}
	for i, outcomes := range all {
		if o := <-outcomes; o.err != nil {
			t.Errorf("question %d: %v", i, o.err)
		}
	}
	if b, e := responder.begun.Load(), responder.ended.Load(); b < 1 || b-e > 1 {
		t.Errorf("%d batches begun, %d ended", b, e)
	}
}

func TestAQuestionThatIsLostIsSentAgainWithTheSameTransactionIDOf4Bytes(t *testing.T) {
	asker, answerer := openUDP(t, new(pinger)), raw(t)
	outcomes := asked(asker, bound(answerer), "ping")
	first, _ := receive(t, answerer) // and lost
	second, from := receive(t, answerer)
	if first != second || from != asker.Addr() {
		t.Errorf("first %q\nthen %q from %s", first, second, from)
	}
	var m bep5.Message
	if err := bep5.Read([]byte(second), &m); err != nil || len(m.Tx) != 4 {
		t.Fatalf("transaction id %q, %v", m.Tx, err)
	}
	sendRaw(t, answerer, from, string(bep5.Close(bep5.AppendID(bep5.Open(nil, from), &pingerID), m.Tx)))
	if o := <-outcomes; o.err != nil {
		t.Error(o.err)
	}
}

func TestASilentContactIsATimeoutOnce(t *testing.T) {
	asker, silent := openUDP(t, new(pinger)), raw(t)
	outcomes := asked(asker, bound(silent), "ping")
	if o := <-outcomes; !errors.Is(o.err, transport.ErrTimeout) {
		t.Errorf("%+v", o)
	}
	packet, from := receive(t, silent)
	var m bep5.Message
	_ = bep5.Read([]byte(packet), &m)
	sendRaw(t, silent, from, string(bep5.Close(bep5.AppendID(bep5.Open(nil, from), &pingerID), m.Tx))) // too late
	fence(t, silent, asker)
	select {
	case o := <-outcomes:
		t.Errorf("a second outcome: %+v", o)
	default:
	}
}

// fence returns when u has read all that conn sent before.
func fence(t testing.TB, conn *net.UDPConn, u *transport.UDP) {
	t.Helper()
	sendRaw(t, conn, u.Addr(), "d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t5:fence1:y1:qe")
	for {
		if packet, _ := receive(t, conn); strings.Contains(packet, "5:fence") {
			return
		}
	}
}

func TestNobodyElseCanAnswerAQuestion(t *testing.T) {
	asker, asked_, liar := openUDP(t, new(pinger)), raw(t), raw(t)
	outcomes := asked(asker, bound(asked_), "ping")
	packet, from := receive(t, asked_)
	var m bep5.Message
	if err := bep5.Read([]byte(packet), &m); err != nil {
		t.Fatal(err)
	}
	answer := func(tx []byte, id kad.ID) string {
		return string(bep5.Close(bep5.AppendID(bep5.Open(nil, from), &id), tx))
	}
	sendRaw(t, liar, from, answer(m.Tx, kad.HashID([]byte("liar"))))                  // right id, wrong address
	sendRaw(t, asked_, from, answer([]byte("aaaa"), kad.HashID([]byte("wrong"))))     // right address, wrong id
	sendRaw(t, asked_, from, answer(append(m.Tx, 0), kad.HashID([]byte("too long")))) // an id that begins alike
	fence(t, liar, asker)
	fence(t, asked_, asker)
	sendRaw(t, asked_, from, answer(m.Tx, pingerID))
	if o := <-outcomes; o.err != nil || o.id != string(pingerID[:]) {
		t.Errorf("%+v", o)
	}
}

func TestWhatNobodyAskedForIsNeverAnswered(t *testing.T) {
	responder := new(pinger)
	u, stranger := openUDP(t, responder), raw(t)
	for _, packet := range []string{
		"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t4:aaaa1:y1:re", "d1:eli201e1:xe1:t4:aaaa1:y1:ee",
		"", "d", "e", "de", "hello", "d1:ade", "l1:ae", "d1:rd2:id99:e1:t4:aaaa1:y1:re", "d1:t4:aaaa1:y1:re", "d1:t4:aaaa1:y1:xe",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:y1:qe", "\x00\x01\x02", strings.Repeat("l", 3000), "d" + strings.Repeat("x", 5000) + "e",
	} {
		sendRaw(t, stranger, u.Addr(), packet)
	}
	sendRaw(t, stranger, u.Addr(), "d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t5:fence1:y1:qe")
	if packet, _ := receive(t, stranger); !strings.Contains(packet, "5:fence") {
		t.Errorf("answered with %q", packet)
	}
	if n := responder.asked.Load(); n != 1 {
		t.Errorf("%d packets were taken for questions", n)
	}
}

func TestABrokenQuestionIsTold(t *testing.T) {
	u, asker := openUDP(t, new(pinger)), raw(t)
	sendRaw(t, asker, u.Addr(), "d1:q4:ping1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:t2:xy1:y1:qe") // keys out of order
	packet, _ := receive(t, asker)
	var m bep5.Message
	if err := bep5.Read([]byte(packet), &m); err != nil || m.Kind != bep5.Failure || m.Code != bep5.CodeProtocol || string(m.Tx) != "xy" {
		t.Errorf("%q, %v", packet, err)
	}
}

func TestCloseEndsTheQuestionsInFlight(t *testing.T) {
	asker, silent := openUDP(t, new(pinger)), raw(t)
	outcomes := asked(asker, bound(silent), "ping")
	receive(t, silent)
	if err := asker.Close(); err != nil {
		t.Fatal(err)
	}
	if o := <-outcomes; !errors.Is(o.err, transport.ErrClosed) {
		t.Errorf("%+v", o)
	}
	if o := <-asked(asker, bound(silent), "ping"); !errors.Is(o.err, transport.ErrClosed) {
		t.Errorf("asked after the end: %+v", o)
	}
	if err := asker.Close(); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
}

func TestTheQuestionsInFlightAreBounded(t *testing.T) {
	asker, silent := openUDP(t, new(pinger)), raw(t)
	const many = 4096 + 10
	var all []chan outcome
	for range many {
		all = append(all, asked(asker, bound(silent), "ping"))
	}
	if err := asker.Close(); err != nil {
		t.Fatal(err)
	}
	busy := 0
	for _, outcomes := range all {
		if o := <-outcomes; errors.Is(o.err, transport.ErrBusy) {
			busy++
		} else if !errors.Is(o.err, transport.ErrClosed) && !errors.Is(o.err, transport.ErrTimeout) {
			t.Fatalf("%+v", o)
		}
	}
	if busy < 10 {
		t.Errorf("%d of %d questions were refused", busy, many)
	}
}

func TestAnsweringAllocatesNothing(t *testing.T) {
	u, asker := openUDP(t, new(pinger)), raw(t)
	packet, b := []byte("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t4:aaaa1:y1:qe"), make([]byte, 1500)
	question := func() {
		_, _ = asker.WriteToUDPAddrPort(packet, u.Addr())
		_, _, _ = asker.ReadFromUDPAddrPort(b)
	}
	question()
	own := testing.AllocsPerRun(200, func() { u.Addr() })
	if n := testing.AllocsPerRun(500, question) - own; n > 0.5 {
		t.Errorf("%v allocations a question", n)
	}
}

func TestIPv6HasASocketOfItsOwn(t *testing.T) {
	four := openUDP(t, new(pinger))
	six, err := transport.NewUDP(transport.UDPConfig{Listen: netip.AddrPortFrom(netip.IPv6Loopback(), four.Addr().Port())})
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	if err := six.Serve(new(pinger)); err != nil {
		t.Fatal(err)
	}
	defer six.Close()
	if o := <-asked(six, six.Addr(), "ping"); o.err != nil {
		t.Error(o.err)
	}
}

func BenchmarkUDPAnswer(b *testing.B) {
	u := openUDP(b, new(pinger))
	var askers []*net.UDPConn
	for range 8 {
		askers = append(askers, raw(b))
	}
	packet := []byte("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t4:aaaa1:y1:qe")
	in := make([]byte, 1500)
	to := u.Addr()
	b.ReportAllocs()
	for b.Loop() {
		for _, a := range askers {
			_, _ = a.WriteToUDPAddrPort(packet, to)
		}
		for _, a := range askers {
			_, _, _ = a.ReadFromUDPAddrPort(in)
		}
	}
	runtime.KeepAlive(fmt.Sprint(u.Stats()))
}
