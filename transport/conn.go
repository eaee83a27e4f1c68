package transport

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go"

	kad "github.com/khashmir/kad"
)

// Why a connection is closed, for the other end. Whoever loses a question to
// one of the first two asks again.
const (
	codeIdle       quic.ApplicationErrorCode = 1 // to make room
	codeSuperseded quic.ApplicationErrorCode = 2 // there is another one
	codeClosing    quic.ApplicationErrorCode = 3 // the node leaves
	codeFull       quic.ApplicationErrorCode = 4 // all connections are in use
)

// conn is one connection to a node whose key is proven.
type conn struct {
	quic    *quic.Conn
	key     kad.PublicKey
	id      kad.ID
	addr    netip.AddrPort // the other end's, as we see it
	dialled bool           // by us
	made    time.Time

	// Guarded by pool.mu.
	busy     int       // questions in flight, of both ends
	last     time.Time // a question began or ended
	used     bool      // ever
	retired  bool      // closed by us when its questions are done
	farewell quic.ApplicationErrorCode
}

// sparedUntil is when an unused connection may be closed for another: who
// made it has time to ask, and who asked to ask more. Guarded by pool.mu.
func (c *conn) sparedUntil() time.Time {
	if !c.used {
		return c.made.Add(kad.DialTimeout)
	}
	return c.last.Add(grace)
}

func newConn(qc *quic.Conn, dialled bool) (*conn, bool, error) {
	state := qc.ConnectionState().TLS
	key, err := provenKey(state)
	if err != nil {
		return nil, false, err
	}
	c := &conn{quic: qc, key: key, id: key.ID(), addr: plainAddr(qc.RemoteAddr()), dialled: dialled, made: time.Now()}
	return c, state.DidResume, nil
}

// from is the other end as a contact; its address may have moved since.
func (c *conn) from() kad.Contact {
	contact := kad.Contact{ID: c.id, Key: c.key}
	return contact.WithAddr(plainAddr(c.quic.RemoteAddr()))
}

// connect gives a connection to the contact with the question counted on it;
// the caller must leave it. Of several at once one dials, the others wait.
func (t *QUIC) connect(id kad.ID, to kad.Contact) (*conn, error) {
	c, d, first, err := t.pool.join(id, to)
	if c != nil || err != nil {
		return c, err
	}
	if !first {
		<-d.done
		return d.conn, d.err
	}
	c, err = t.dial(id, to)
	t.closeSurplus(t.pool.dialled(d, c, err))
	if d.err == nil {
		t.running.Go(func() { t.serveConn(c) })
	}
	return d.conn, d.err
}

// dial tries the contact's addresses in turn.
func (t *QUIC) dial(id kad.ID, to kad.Contact) (*conn, error) {
	var err error = errNoRoute
	for _, addr := range t.socket.routes(to) {
		var c *conn
		if c, err = t.dialAddr(id, addr); err == nil {
			return c, nil
		}
	}
	return nil, err
}

func (t *QUIC) dialAddr(id kad.ID, addr netip.AddrPort) (*conn, error) {
	qc, err := t.quic.Dial(t.root, net.UDPAddrFromAddrPort(addr), asking(t.client, id), t.config)
	if err != nil {
		return nil, err
	}
	return t.welcome(qc, true)
}

// accept takes a connection that another node made, until it ends.
func (t *QUIC) accept(qc *quic.Conn) {
	t.flood.completed(qc.Context())
	c, err := t.welcome(qc, false)
	if err != nil {
		return
	}
	surplus, ok := t.pool.accepted(c)
	if !ok {
		_ = qc.CloseWithError(codeFull, "")
		return
	}
	t.closeSurplus(surplus)
	t.serveConn(c)
}

// welcome counts a finished handshake, of either side.
func (t *QUIC) welcome(qc *quic.Conn, dialled bool) (*conn, error) {
	c, resumed, err := newConn(qc, dialled)
	if err != nil {
		_ = qc.CloseWithError(codeClosing, "")
		return nil, err
	}
	t.stats.handshakes.Add(1)
	if resumed {
		t.stats.resumed.Add(1)
	}
	return c, nil
}

// serveConn takes the other end's questions until the connection ends. It is
// the one goroutine of ours that a connection costs.
func (t *QUIC) serveConn(c *conn) {
	defer t.pool.remove(c)
	for {
		s, err := c.quic.AcceptStream(context.Background())
		if err != nil {
			return
		}
		from := c.from() // it may move on
		switch t.beginAnswer(c, from.Addr()) {
		case nil:
			go t.answer(c, s, from)
		case ErrBusy:
			reset(s, streamBusy)
		}
	}
}

// trimLater closes what the pool spared for a while.
func (t *QUIC) trimLater() {
	if t.begin() {
		defer t.running.Done()
		t.closeSurplus(t.pool.trimmed())
	}
}

// closeSurplus says goodbye on connections that the pool took out. Its caller
// is itself counted in running.
func (t *QUIC) closeSurplus(surplus []*conn) {
	for _, c := range surplus {
		t.running.Go(func() { _ = c.quic.CloseWithError(c.farewell, "") })
	}
}
