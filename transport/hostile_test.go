package transport_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/edwards25519"
	"github.com/quic-go/quic-go"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// A stranger speaks QUIC and TLS, and then does as it likes.

// The original raised on an undecodable packet.
func TestAnAnswerOfAStrangerIsAnError(t *testing.T) {
	reply := encode(t, krpc.Message{Reply: &krpc.Reply{Token: "x"}})
	query := encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}})
	closes := func(code quic.ApplicationErrorCode) func(*quic.Conn, *quic.Stream) {
		return func(c *quic.Conn, s *quic.Stream) {
			s.Write(reply[:len(reply)/2])
			c.CloseWithError(code, "no reason")
		}
	}
	answers := map[string]struct {
		answer func(c *quic.Conn, s *quic.Stream)
		want   error
	}{
		"an undecodable packet raised":     {says([]byte("\x00\xff no bencode")), transport.ErrProtocol},
		"nothing at all":                   {says(nil), transport.ErrProtocol},
		"a truncated reply":                {says(reply[:len(reply)-1]), transport.ErrProtocol},
		"something after the reply":        {says(append(bytes.Clone(reply), 'x')), transport.ErrProtocol},
		"a query":                          {says(query), transport.ErrProtocol},
		"a promise of two gigabytes":       {says([]byte("d1:t2147483647:")), transport.ErrProtocol},
		"lists in lists in lists":          {says([]byte(strings.Repeat("l", 100_000))), transport.ErrProtocol},
		"silence":                          {func(*quic.Conn, *quic.Stream) {}, transport.ErrTimeout},
		"half a reply, then silence":       {func(_ *quic.Conn, s *quic.Stream) { s.Write(reply[:9]) }, transport.ErrTimeout},
		"half a reply, then a reset":       {func(_ *quic.Conn, s *quic.Stream) { s.Write(reply[:9]); s.CancelWrite(99) }, transport.ErrProtocol},
		"half a reply, then no connection": {closes(99), transport.ErrProtocol},
		"half a reply, and it leaves":      {closes(3), transport.ErrUnreachable},
		"it makes room, again and again":   {closes(1), transport.ErrUnreachable},
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asker := open(t, newQUIC, silent)
			stranger := strangerServes(t, certificateOf(t, newKey()), a.answer)

			got := ask(t, asker, stranger, krpc.Query{Method: krpc.Ping})

			if !errors.Is(got.err, a.want) {
				t.Errorf("got %v (%#v), want %v", got.err, got.err, a.want)
			}
			if s := got.err.Error(); strings.Contains(s, "rror 0x") || strings.Contains(s, "stream ") {
				t.Errorf("%q is not a sentence for users", s)
			}
		})
	}
}

func TestAQuestionThatMeetsAClosingConnectionIsAskedAgain(t *testing.T) {
	reply := encode(t, krpc.Message{Reply: &krpc.Reply{Token: "x"}})
	for name, code := range map[string]quic.ApplicationErrorCode{"made room": 1, "there is another": 2} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			asker := open(t, newQUIC, silent)
			busy := strangerServes(t, certificateOf(t, newKey()), func(c *quic.Conn, s *quic.Stream) {
				if asked.Add(1) == 1 {
					c.CloseWithError(code, "")
					return
				}
				says(reply)(c, s)
			})

			got := ask(t, asker, busy, krpc.Query{Method: krpc.Ping})

			if got.err != nil || got.Token != "x" || asked.Load() != 2 {
				t.Errorf("asked %d times, got %q, %v", asked.Load(), got.Token, got.err)
			}
		})
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	var sent atomic.Int64
	done := make(chan struct{})
	asker := open(t, newQUIC, silent)
	stranger := strangerServes(t, certificateOf(t, newKey()), func(_ *quic.Conn, s *quic.Stream) {
		defer close(done)
		for chunk := make([]byte, 1<<14); ; {
			n, err := s.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})

	got := ask(t, asker, stranger, krpc.Query{Method: krpc.Ping})
	<-done

	if !errors.Is(got.err, transport.ErrProtocol) {
		t.Errorf("got %v, want ErrProtocol", got.err)
	}
	if sent.Load() > 4*kad.MaxMessageSize {
		t.Errorf("took %d bytes of it", sent.Load())
	}
}

func TestAStrangerThatProvesNoKeyIsNotBelieved(t *testing.T) {
	key, other := certificateOf(t, newKey()), certificateOf(t, newKey())
	two := key
	two.Certificate = [][]byte{key.Certificate[0], other.Certificate[0]}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	certificates := map[string]tls.Certificate{
		"an RSA key":       certificateOf(t, rsaKey),
		"two certificates": two,
		"nobody's key":     certificateOf(t, nobodysKey{}),
	}
	for name, certificate := range certificates {
		t.Run("asked, with "+name, func(t *testing.T) {
			asker := open(t, newQUIC, silent)
			stranger := strangerServes(t, certificate, says(encode(t, krpc.Message{Reply: &krpc.Reply{}})))
			if got := ask(t, asker, stranger, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrProtocol) {
				t.Errorf("got %v, want ErrProtocol", got.err)
			}
		})
	}
	certificates["no certificate"] = tls.Certificate{}
	for name, certificate := range certificates {
		t.Run("asking, with "+name, func(t *testing.T) {
			var handled atomic.Int32
			answerer := open(t, newQUIC, func(kad.Contact, krpc.Query) krpc.Reply { handled.Add(1); return krpc.Reply{} })

			_, err := strangerAsks(t, answerer, certificate, encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}}))

			if err == nil || handled.Load() != 0 {
				t.Errorf("handled %d times, %v", handled.Load(), err)
			}
		})
	}
}

func TestAnUndecodableQuestionIsRefusedWithASentence(t *testing.T) {
	answerer := open(t, newQUIC, echo)
	reply := encode(t, krpc.Message{Reply: &krpc.Reply{Token: "x"}})
	for name, message := range map[string][]byte{
		"garbage":   []byte("\x00\xff no bencode"),
		"nothing":   nil,
		"truncated": encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}})[:7],
		"a reply":   reply,
	} {
		t.Run(name, func(t *testing.T) {
			b, err := strangerAsks(t, answerer, certificateOf(t, newKey()), message)
			if err != nil {
				t.Fatal(err)
			}
			m, err := krpc.Decode(b)
			if err != nil || m.Reply == nil || m.Reply.Error == nil || m.Reply.Error.Code != krpc.CodeProtocol {
				t.Fatalf("got %q, %v", b, err)
			}
			if _, want := krpc.Decode(message); want != nil && m.Reply.Error.Error() != want.Error() {
				t.Errorf("got %q, want %q", m.Reply.Error, want)
			}
		})
	}
}

func TestAnOversizedQuestionCostsTheStreamOnly(t *testing.T) {
	answerer := open(t, newQUIC, echo)
	c := strangerDials(t, answerer, certificateOf(t, newKey()))

	_, err := exchange(c, make([]byte, 4*kad.MaxMessageSize))
	if reset := new(quic.StreamError); !errors.As(err, &reset) {
		t.Errorf("got %v, want a reset", err)
	}
	if _, err := exchange(c, encode(t, krpc.Message{Query: &krpc.Query{Method: krpc.Ping}})); err != nil {
		t.Errorf("the next question: %v", err)
	}
}

func TestAThousandStreamsOfAStrangerAreSixtyFour(t *testing.T) {
	t.Parallel()
	answerer, honest := open(t, newQUIC, echo), open(t, newQUIC, echo)
	c := strangerDials(t, answerer, certificateOf(t, newKey()))

	opened := 0
	var first *quic.Stream
	for range 1000 {
		s, err := c.OpenStream()
		if err != nil {
			break
		}
		if first == nil {
			first = s
		}
		s.Write([]byte("d1:"))
		opened++
	}

	if opened != kad.MaxStreams {
		t.Errorf("opened %d streams, want %d", opened, kad.MaxStreams)
	}
	mustAnswer(t, honest, answerer.Contact)
	// A question that never ends is given up.
	first.SetReadDeadline(time.Now().Add(2 * kad.MaxTimeout))
	if _, err := first.Read(make([]byte, 1)); !errors.As(err, new(*quic.StreamError)) {
		t.Errorf("got %v, want a reset", err)
	}
}

func TestDatagramsOfGarbageChangeNothing(t *testing.T) {
	asker, answerer := open(t, newQUIC, echo), open(t, newQUIC, echo)
	mustAnswer(t, asker, answerer.Contact)
	conn, err := net.Dial("udp", answerer.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range 2000 {
		b := make([]byte, 1+i%1400)
		rand.Read(b)
		if i%3 == 0 {
			copy(b, "d1:ad2:id20:")
		}
		conn.Write(b)
	}
	mustAnswer(t, asker, answerer.Contact)
	if s := answerer.Stats(); s.Handshakes != 1 || s.Answered != 2 {
		t.Errorf("%+v", s)
	}
}

func TestHalfOpenHandshakesDoNotLockOthersOut(t *testing.T) {
	answerer, honest := open(t, newQUIC, echo), open(t, newQUIC, echo)
	// Askers of one socket each, whose packets back are never read: the
	// handshake cannot end.
	const n = 120
	var begun atomic.Int32
	for range n {
		deaf := &quic.Transport{Conn: deafConn(t, &begun)}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			deaf.Dial(ctx, net.UDPAddrFromAddrPort(answerer.Addr()), strangerTLS(certificateOf(t, newKey())), nil)
		}()
		t.Cleanup(func() { cancel(); <-done; deaf.Close() })
	}
	eventually(t, "all have begun", func() bool { return begun.Load() >= n })
	mustAnswer(t, honest, answerer.Contact)
}

// deafConn sends and hears nothing.
func deafConn(t *testing.T, begun *atomic.Int32) net.PacketConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &deaf{UDPConn: conn, begun: begun}
}

type deaf struct {
	*net.UDPConn
	once  sync.Once
	begun *atomic.Int32
}

func (d *deaf) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := d.UDPConn.WriteTo(b, addr)
	d.once.Do(func() { d.begun.Add(1) })
	return n, err
}

func (d *deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.UDPConn.ReadFrom(b); err != nil {
			return 0, nil, err
		}
	}
}

// SyscallConn is there with another type, so that quic-go reads with ReadFrom.
func (d *deaf) SyscallConn() {}

// says writes an answer and ends it.
func says(b []byte) func(*quic.Conn, *quic.Stream) {
	return func(_ *quic.Conn, s *quic.Stream) {
		s.Write(b)
		s.Close()
	}
}

// strangerServes reads each question and answers as told.
func strangerServes(t *testing.T, certificate tls.Certificate, answer func(*quic.Conn, *quic.Stream)) kad.Contact {
	t.Helper()
	listener, err := quic.ListenAddr(loopback.String(), strangerTLS(certificate), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept(context.Background())
			if err != nil {
				return
			}
			t.Cleanup(func() { c.CloseWithError(0, "") })
			go func() {
				s, err := c.AcceptStream(context.Background())
				if err != nil {
					return
				}
				io.Copy(io.Discard, s)
				answer(c, s)
			}()
		}
	}()
	return kad.NewContact(kad.PublicKey{}, listener.Addr().(*net.UDPAddr).AddrPort())
}

func strangerAsks(t *testing.T, to end, certificate tls.Certificate, message []byte) ([]byte, error) {
	t.Helper()
	c, err := dialAs(t, to, certificate)
	if err != nil {
		return nil, err // what is wrong with the certificate may come before Dial is through
	}
	return exchange(c, message)
}

func strangerDials(t *testing.T, to end, certificate tls.Certificate) *quic.Conn {
	t.Helper()
	c, err := dialAs(t, to, certificate)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dialAs(t *testing.T, to end, certificate tls.Certificate) (*quic.Conn, error) {
	c, err := quic.DialAddr(context.Background(), to.Addr().String(), strangerTLS(certificate), nil)
	if err == nil {
		t.Cleanup(func() { c.CloseWithError(0, "") })
	}
	return c, err
}

func exchange(c *quic.Conn, message []byte) ([]byte, error) {
	s, err := c.OpenStream()
	if err != nil {
		return nil, err
	}
	s.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := s.Write(message); err != nil {
		return nil, err
	}
	s.Close()
	return io.ReadAll(s)
}

func strangerTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{
		// Whatever certificate there is, even if it fits nothing.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil },
		Certificates:         []tls.Certificate{certificate},
		ClientAuth:           tls.RequireAnyClientCert,
		InsecureSkipVerify:   true,
		NextProtos:           []string{"khashmir/1"},
	}
}

func certificateOf(t *testing.T, key crypto.Signer) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// nobodysKey signs with the neutral point of the curve as its key: R = [1]B and
// S = 1 satisfy the equation of Ed25519 for every message. No secret is needed.
type nobodysKey struct{}

func (nobodysKey) Public() crypto.PublicKey {
	neutral := make(ed25519.PublicKey, ed25519.PublicKeySize)
	neutral[0] = 1
	return neutral
}

func (nobodysKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	signature := make([]byte, ed25519.SignatureSize)
	copy(signature, edwards25519.NewGeneratorPoint().Bytes())
	signature[32] = 1
	return signature, nil
}

func encode(t *testing.T, m krpc.Message) []byte {
	t.Helper()
	b, err := krpc.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
