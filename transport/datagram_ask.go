package transport

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// maxPings is how often a ping is sent to a node that does not answer. Pings go
// to addresses that a stranger only claimed: beside the answer to its question
// it can then have us send them no more than amplification allows.
const maxPings = amplification - 1

// errOnStream says that the answer does not fit a datagram.
var errOnStream = errors.New("the answer wants a stream")

// asked is the questions put by datagram and not answered yet. None of them
// costs a goroutine while it waits.
type asked struct {
	mu      sync.Mutex
	closed  bool
	pending map[uint64]*question
}

// question is one datagram that waits for its answer, sent again until it
// comes or the time is over.
type question struct {
	id     kad.ID
	key    kad.PublicKey // zero: whoever is there
	pair   pair
	packet []byte
	method krpc.Method
	then   func(krpc.Reply, error) // exactly once

	began time.Time
	until time.Time

	// Guarded by asked.mu.
	addrs []netip.AddrPort // tried in turn
	sent  int              // how often
	wait  time.Duration    // until it is sent again
	timer *time.Timer
}

// next is where to send the question now. Call it with asked.mu held.
func (p *question) next() netip.AddrPort {
	p.sent++
	return p.addrs[(p.sent-1)%len(p.addrs)]
}

// askByDatagram puts the question, if it fits; ok is false if it does not.
// then runs once, on a goroutine of its own.
func (t *QUIC) askByDatagram(id kad.ID, to kad.Contact, q krpc.Query, message []byte, then func(krpc.Reply, error)) (ok bool) {
	routes := t.socket.routes(to)
	if t.settings.StreamsOnly || len(message) > maxQuestion || len(routes) == 0 {
		return false
	}
	p := &question{id: id, key: to.Key, addrs: routes, method: q.Method, then: then, began: time.Now()}
	tx := randomTx()
	switch {
	case to.Key == t.sealer.self:
		return false // a node drops its own questions, since they can only have come back
	case !to.Key.IsZero():
		var err error
		if p.pair, err = t.sealer.pair(to.Key); err != nil {
			go then(krpc.Reply{}, &failure{doing: "seal", kind: ErrWrongID, cause: err})
			return true
		}
		p.packet = t.sealer.seal(p.pair, head(kindQuestion, tx, t.sealer.self[:]), message, questionSize(q.Method))
	case id.IsZero() && q.Method == krpc.Ping:
		p.packet = head(kindWho, tx, make([]byte, keySize))
	default:
		return false
	}
	p.until = p.began.Add(t.roundTrips.timeout(id, q.Method))
	p.wait = t.roundTrips.again(id)
	addr, ok := t.asked.add(tx, p, func() { t.again(tx) })
	if !ok {
		go then(krpc.Reply{}, ErrClosed)
		return true
	}
	t.stats.asked.Add(1)
	t.stats.bytesOut.Add(uint64(len(message)))
	t.send(p.packet, addr)
	return true
}

func randomTx() uint64 {
	var b [txSize]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// add registers a question before it is sent to addr; its answer may be quick.
func (a *asked) add(tx uint64, p *question, again func()) (addr netip.AddrPort, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return addr, false
	}
	a.pending[tx] = p
	p.timer = time.AfterFunc(p.wait, again)
	return p.next(), true
}

// take ends a question's waiting; only one caller gets it.
func (a *asked) take(tx uint64, p *question) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.end(tx, p)
}

func (a *asked) end(tx uint64, p *question) bool {
	if a.pending[tx] != p {
		return false
	}
	delete(a.pending, tx)
	p.timer.Stop()
	return true
}

func (a *asked) find(tx uint64) (*question, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.pending[tx]
	return p, ok
}

// close gives up all questions.
func (a *asked) close() (all []*question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, p := range a.pending {
		p.timer.Stop()
		all = append(all, p)
	}
	clear(a.pending)
	return all
}

// due is the question whose timer fired and where to send it once more. It is
// over, and the caller's, when its time is up.
func (a *asked) due(tx uint64) (p *question, to netip.AddrPort, over bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.pending[tx]
	if !ok {
		return nil, to, false
	}
	left := time.Until(p.until)
	if left <= 0 {
		return p, to, a.end(tx, p)
	}
	if p.method == krpc.Ping && !p.key.IsZero() && p.sent >= maxPings {
		p.timer.Reset(left)
		return nil, to, false
	}
	p.wait *= 2
	p.timer.Reset(min(p.wait, left))
	return p, p.next(), false
}

// again is what a question's timer does: send it once more, after twice the
// time, or give up. When the transport is closed, Close does that.
func (t *QUIC) again(tx uint64) {
	if !t.begin() {
		return
	}
	defer t.running.Done()
	p, to, over := t.asked.due(tx)
	switch {
	case p == nil:
	case !over:
		t.send(p.packet, to)
	default:
		if !p.id.IsZero() { // else it is nobody's slowness
			t.roundTrips.silent(p.id)
		}
		p.then(krpc.Reply{}, ErrTimeout)
	}
}

// answered reads the answer to a question of ours. It runs on the socket's
// goroutine, and believes nothing before the seal is open. The time it took
// counts from the first sending: a lost datagram makes the contact look slow,
// never quick.
func (t *QUIC) answered(packet []byte) {
	tx := txOf(packet)
	p, ok := t.asked.find(tx)
	if !ok || p.key.IsZero() {
		return
	}
	message, err := p.pair.open(packet, answerHead)
	if err != nil || !t.asked.take(tx, p) {
		return
	}
	t.sealer.pairs.remember(p.key, p.pair)
	t.roundTrips.answered(p.id, p.method, time.Since(p.began))
	t.stats.bytesIn.Add(uint64(len(message)))
	go func() { p.then(readAnswer(message)) }()
}

func readAnswer(message []byte) (krpc.Reply, error) {
	if len(message) == 0 {
		return krpc.Reply{}, errOnStream
	}
	m, err := krpc.Decode(message)
	if err == nil && m.Reply == nil {
		err = errNoReply
	}
	if err != nil {
		return krpc.Reply{}, &failure{doing: "read the answer", kind: ErrProtocol, cause: err}
	}
	return *m.Reply, nil
}

// here reads who says to be at an address. It answers who is there, which is
// hearsay; and it tells early that a question went to another node than the
// one it was sealed for, which would otherwise end in silence. Anybody who saw
// the question can say so, but a stranger who did not cannot guess tx.
func (t *QUIC) here(packet []byte, from netip.AddrPort) {
	if len(packet) != hereSize {
		return
	}
	tx, key := txOf(packet), kad.PublicKey(packet[answerHead:])
	p, over := t.asked.elsewhere(tx, key, from)
	switch {
	case !over:
	case p.key.IsZero():
		go p.then(krpc.Reply{Key: key}, nil)
	default:
		go p.then(krpc.Reply{}, ErrWrongID)
	}
}

// elsewhere gives up an address at which another node is: the question goes to
// the next one at once. With the last it is over, and the caller's. So is a
// question for whoever is there.
func (a *asked) elsewhere(tx uint64, key kad.PublicKey, from netip.AddrPort) (p *question, over bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.pending[tx]
	if !ok || p.key == key {
		return nil, false
	}
	i := slices.Index(p.addrs, from)
	if i < 0 {
		return nil, false
	}
	if p.key.IsZero() || len(p.addrs) == 1 {
		return p, a.end(tx, p)
	}
	p.addrs = slices.Delete(p.addrs, i, i+1)
	p.timer.Reset(0)
	return p, false
}
