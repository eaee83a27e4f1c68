package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// QUICConfig says how a QUIC transport behaves. Its zero value works.
type QUICConfig struct {
	// Listen is the UDP address. The default is any free port on all
	// addresses of both families, or of IPv4 where there is no IPv6.
	Listen netip.AddrPort

	// MaxConnections is how many connections stay open while they are not
	// used. Default: kad.MaxConnections.
	MaxConnections int

	// MaxBusyConnections is how many may be in use at once. Default:
	// kad.MaxBusyConnections, and never less than MaxConnections.
	MaxBusyConnections int

	// StreamsOnly asks every question on a QUIC stream. Default: what fits a
	// packet is asked in a sealed datagram. Both are answered always.
	StreamsOnly bool

	// Logger gets what nobody else is told of. Default: silence.
	Logger *slog.Logger
}

func (c QUICConfig) withDefaults() QUICConfig {
	if c.MaxConnections <= 0 {
		c.MaxConnections = kad.MaxConnections
	}
	if c.MaxBusyConnections <= 0 {
		c.MaxBusyConnections = kad.MaxBusyConnections
	}
	c.MaxBusyConnections = max(c.MaxBusyConnections, c.MaxConnections)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// QUIC asks and answers on one UDP socket. A question that fits a packet
// travels as a sealed datagram (see datagram.go) and costs no connection. What
// is larger, question or answer, goes over QUIC: mutual TLS 1.3 between
// Ed25519 keys, a stream a question. Connections are dialled on demand, used
// by both ends and closed when others are needed more.
type QUIC struct {
	settings QUICConfig
	log      *slog.Logger
	root     context.Context // ends with Close
	cancel   context.CancelFunc

	// Set by Serve.
	socket     *socket
	quic       *quic.Transport
	config     *quic.Config
	server     *tls.Config
	client     *tls.Config
	handle     Handler
	pool       *pool
	roundTrips *roundTrips
	flood      flood
	sealer     *sealer
	asked      asked
	writes     writes

	mu      sync.Mutex
	serving bool
	closed  bool
	asks    int
	answers int
	shares  shares
	running sync.WaitGroup // every goroutine of ours

	listener *quic.Listener // nil until somebody dials

	stats struct {
		handshakes, resumed, asked, answered, bytesIn, bytesOut atomic.Uint64
	}
}

// NewQUIC is a transport that is not open yet.
func NewQUIC(config QUICConfig) *QUIC {
	config = config.withDefaults()
	t := &QUIC{settings: config, log: config.Logger, shares: newShares()}
	t.root, t.cancel = context.WithCancel(context.Background())
	return t
}

// Serve opens the socket as the node that holds key and answers with handle
// until Close. Called once. A panic in handle is not caught.
func (t *QUIC) Serve(key ed25519.PrivateKey, handle func(from kad.Contact, q krpc.Query) krpc.Reply) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return &failure{doing: "serve", kind: ErrClosed}
	case t.serving:
		return errors.New("transport: serve: already serving")
	}
	if err := t.open(key, handle); err != nil {
		return fmt.Errorf("transport: listen on %v: %w", t.settings.Listen, err)
	}
	t.serving = true
	t.running.Go(t.readDatagrams)
	return nil
}

func (t *QUIC) open(key ed25519.PrivateKey, handle Handler) error {
	keys, err := newIdentityKeys(key)
	if err != nil {
		return err
	}
	if t.sealer, err = newSealer(key); err != nil {
		return err
	}
	t.asked.pending = make(map[uint64]*question)
	if t.socket, err = listen(t.settings.Listen); err != nil {
		return err
	}
	t.server, t.client = newTLS(keys, kad.MaxSessions)
	t.config, t.handle = newQUICConfig(), handle
	t.pool = newPool(kad.PublicKeyOf(key).ID(), t.settings.MaxConnections, t.settings.MaxBusyConnections)
	t.pool.trim = t.trimLater
	t.roundTrips = newRoundTrips(kad.MaxRoundTrips)
	t.flood.refusing = t.pool.refusing
	t.quic = &quic.Transport{
		Conn:                t.socket,
		StatelessResetKey:   &keys.reset,
		VerifySourceAddress: t.flood.suspicious,
		ConnContext:         t.flood.admit,
	}
	t.socket.received = t.received
	t.socket.dialled = sync.OnceFunc(t.listen)
	return nil
}

// newQUICConfig bounds what one connection may cost: a full message on every
// stream, four of them on the connection.
func newQUICConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:           kad.DialTimeout,
		MaxIdleTimeout:                 kad.ConnectionIdle,
		MaxIncomingStreams:             kad.MaxStreams,
		MaxIncomingUniStreams:          -1,
		InitialStreamReceiveWindow:     kad.MaxMessageSize,
		MaxStreamReceiveWindow:         kad.MaxMessageSize,
		InitialConnectionReceiveWindow: 4 * kad.MaxMessageSize,
		MaxConnectionReceiveWindow:     4 * kad.MaxMessageSize,
		DisablePathMTUDiscovery:        true,
	}
}

// Ask sends q to the contact; then runs exactly once, on another goroutine.
func (t *QUIC) Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	if err := t.beginAsk(); err != nil {
		go then(krpc.Reply{}, askFailed(to, err, nil))
		return
	}
	go t.put(to, q, func(reply krpc.Reply, err error) {
		defer t.endAsk()
		if err != nil {
			reply, err = krpc.Reply{}, askFailed(to, t.why(err), err)
		}
		then(reply, err)
	})
}

// Addr is where the socket is bound: unspecified if that is everywhere.
func (t *QUIC) Addr() netip.AddrPort {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.socket == nil {
		return netip.AddrPort{}
	}
	return t.socket.addr()
}

// Stats is what was counted since Serve.
func (t *QUIC) Stats() Stats {
	s := Stats{
		Handshakes: t.stats.handshakes.Load(),
		Resumed:    t.stats.resumed.Load(),
		Asked:      t.stats.asked.Load(),
		Answered:   t.stats.answered.Load(),
		BytesIn:    t.stats.bytesIn.Load(),
		BytesOut:   t.stats.bytesOut.Load(),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.serving {
		s.Connections = t.pool.size()
	}
	return s
}

// Close tells the other ends, ends every pending question with ErrClosed and
// returns when all goroutines are gone, handlers too. It must not be called
// from a handler or a then.
func (t *QUIC) Close() error {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	serving, listener := t.serving, t.listener
	t.mu.Unlock()
	t.cancel()
	if !serving {
		return nil
	}
	if first {
		for _, c := range t.pool.close() {
			t.running.Go(func() { _ = c.quic.CloseWithError(c.farewell, "") })
		}
		for _, p := range t.asked.close() {
			go p.then(krpc.Reply{}, ErrClosed)
		}
		if listener != nil {
			_ = listener.Close()
		}
	}
	t.running.Wait()
	if !first {
		return nil
	}
	_ = t.quic.Close()
	if err := t.socket.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("transport: close: %w", err)
	}
	return nil
}
