package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	crand "crypto/rand"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// UDP carries the questions of BitTorrent's DHT (BEP 5): datagrams of one
// family of addresses, on one socket. Nothing is sealed and nobody is proven;
// an answer counts when it comes from the address that was asked and repeats
// the transaction id of 4 random bytes.
//
// One goroutine reads, answers and hands out answers, a batch at a time; what
// it answers with is the Responder's. Nothing on that way is allocated, locked,
// logged or timed a packet.
type UDP struct {
	config    UDPConfig
	conn      *net.UDPConn
	packets   *packets
	responder Responder
	trips     *roundTrips
	running   sync.WaitGroup // all goroutines and timers

	mu      sync.Mutex // guards what follows; never held over I/O or a callback
	serving bool
	closed  bool
	random  *rand.ChaCha8
	asks    map[txid]*inquiry
	outbox  []parcel
	ready   chan struct{} // something is in the outbox

	stats struct{ asked, answered, in, out, dropped atomic.Uint64 }
}

// UDPConfig is a UDP's settings.
type UDPConfig struct {
	// Listen is where to listen; its family is the socket's. An invalid one is
	// any port of all IPv4 addresses.
	Listen netip.AddrPort

	// Logger hears of what went wrong that no caller can be told. Default:
	// nobody does.
	Logger *slog.Logger
}

// Responder answers the questions of others. All of it runs on the one
// goroutine that reads, and must not block.
type Responder interface {
	// Begin comes before the packets of a batch, End after them and before
	// answers are handed out.
	Begin()
	End()

	// Answer appends the answer to b; nothing appended is no answer. m, and
	// the packet it points into, are good until it returns.
	Answer(b []byte, from netip.AddrPort, m *bep5.Message) []byte
}

// UDPStats is what was counted since Serve.
type UDPStats struct {
	Asked    uint64 // questions sent, repetitions too
	Answered uint64 // questions of others
	BytesIn  uint64
	BytesOut uint64 // of answers
	Dropped  uint64 // packets that deserved nothing
}

// NewUDP opens the socket, so that its address is known. It hears nothing
// before Serve.
func NewUDP(config UDPConfig) (*UDP, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if !config.Listen.IsValid() {
		config.Listen = netip.AddrPortFrom(netip.IPv4Unspecified(), config.Listen.Port())
	}
	conn, err := listenFamily(config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", config.Listen, err)
	}
	_ = conn.SetReadBuffer(kad.UDPBuffer) // as much as the system allows
	_ = conn.SetWriteBuffer(kad.UDPBuffer)
	packets, err := newPackets(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen at %s: %w", config.Listen, err)
	}
	var seed [32]byte
	crand.Read(seed[:]) // never fails: it ends the program instead
	return &UDP{
		config:  config,
		conn:    conn,
		packets: packets,
		trips:   newRoundTrips(kad.MaxRoundTrips),
		random:  rand.NewChaCha8(seed),
		asks:    make(map[txid]*inquiry),
		ready:   make(chan struct{}, 1),
	}, nil
}

// listenFamily opens a socket of one family: one of IPv6 takes no IPv4.
func listenFamily(at netip.AddrPort) (*net.UDPConn, error) {
	network := "udp6"
	if at.Addr().Is4() {
		network = "udp4"
	}
	conn, err := new(net.ListenConfig).ListenPacket(context.Background(), network, at.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// Addr is where the socket is bound.
func (u *UDP) Addr() netip.AddrPort { return plainAddr(u.conn.LocalAddr()) }

// Serve begins to hear and to be heard. It returns at once.
func (u *UDP) Serve(responder Responder) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || u.serving {
		return ErrClosed
	}
	u.serving = true
	u.responder = responder
	u.running.Go(u.read)
	u.running.Go(u.write)
	return nil
}

// read is the loop that all packets go through.
func (u *UDP) read() {
	b := make([]byte, 0, kad.BatchSize*2*bep5.MaxReply)
	landed := make([]landing, 0, kad.BatchSize)
	m := new(bep5.Message)
	for {
		n, err := u.packets.wait()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			u.config.Logger.Warn("a socket could not be read", "err", err)
			if !temporary(err) {
				return
			}
		}
		b, landed = u.batch(n, m, b[:0], landed[:0])
		for i := range landed {
			u.land(&landed[i], m)
		}
	}
}

func temporary(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EMSGSIZE) || errors.Is(err, syscall.ENOBUFS)
}

// batch answers the questions among n packets, and notes the answers.
func (u *UDP) batch(n int, m *bep5.Message, b []byte, landed []landing) ([]byte, []landing) {
	var in, out, answered, dropped uint64
	u.responder.Begin()
	for i := range n {
		packet, from := u.packets.packet(i)
		in += uint64(len(packet))
		if len(packet) == 0 || packet[0] != 'd' || packet[len(packet)-1] != 'e' || from.Port() == 0 {
			dropped++
			continue
		}
		start := len(b)
		switch err := bep5.Read(packet, m); {
		case err != nil:
			if tx, owed := bep5.Salvage(packet); owed {
				b = bep5.AppendFailure(b, from, tx, bep5.CodeProtocol, "malformed message")
			}
		case m.Kind == bep5.Query:
			b = u.responder.Answer(b, from, m)
		default:
			landed = append(landed, landing{packet, from})
			continue
		}
		if len(b) == start {
			dropped++
			continue
		}
		answered++
		out += uint64(len(b) - start)
		u.packets.answer(i, b[start:len(b):len(b)])
	}
	u.responder.End()
	u.packets.flush()
	u.stats.in.Add(in)
	u.stats.out.Add(out)
	u.stats.answered.Add(answered)
	u.stats.dropped.Add(dropped)
	return b, landed
}

// Stats is what was counted since Serve.
func (u *UDP) Stats() UDPStats {
	return UDPStats{
		Asked:    u.stats.asked.Load(),
		Answered: u.stats.answered.Load(),
		BytesIn:  u.stats.in.Load(),
		BytesOut: u.stats.out.Load(),
		Dropped:  u.stats.dropped.Load(),
	}
}

// Send sends an answer that was not ready in time for its batch. It is sent
// soon, or never if too much waits.
func (u *UDP) Send(to netip.AddrPort, packet []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.closed {
		u.post(parcel{to, packet})
	}
}

// Close ends every question with ErrClosed and returns when all is quiet.
func (u *UDP) Close() error {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return ErrClosed
	}
	u.closed = true
	ended := u.endAll()
	close(u.ready)
	u.mu.Unlock()
	err := u.conn.Close()
	for _, q := range ended {
		q.then(nil, ErrClosed)
	}
	u.running.Wait()
	return err
}
