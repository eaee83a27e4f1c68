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
	addrs  []netip.AddrPort // tried in turn
	packet []byte
	method krpc.Method
	then   func(krpc.Reply, error) // exactly once

	began time.Time
	until time.Time

	// Guarded by asked.mu.
	sent  int           // how often
	wait  time.Duration // until it is sent again
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
	case !to.Key.IsZero():
		if to.Key.ID() != id {
			return false // it contradicts itself, and nobody can prove that
		}
		var err error
		if p.pair, err = t.sealer.pair(to.Key); err != nil {
			return false
		}
		packet := append(head(kindQuestion, tx, kad.MaxDatagram), t.sealer.self[:]...)
		p.packet = t.sealer.seal(packet, p.pair, framed(message, questionSize(q.Method)))
	case id.IsZero() && q.Method == krpc.Ping:
		p.packet = append(head(kindWho, tx, hereSize), make([]byte, hereSize-whoHead)...)
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

// again is what a question's timer does: send it once more, after twice the
// time, or give up.
func (t *QUIC) again(tx uint64) {
	p, ok := t.asked.find(tx)
	if !ok {
		return
	}
	now := time.Now()
	if !now.Before(p.until) {
		if t.asked.take(tx, p) {
			t.roundTrips.silent(p.id)
			p.then(krpc.Reply{}, ErrTimeout)
		}
		return
	}
	t.asked.mu.Lock()
	addr := p.next()
	if t.asked.pending[tx] == p {
		p.wait *= 2
		p.timer.Reset(min(p.wait, p.until.Sub(now)))
	}
	t.asked.mu.Unlock()
	t.send(p.packet, addr)
}

// answered reads the answer to a question of ours. It runs on the socket's
// goroutine, and believes nothing before the seal is open.
func (t *QUIC) answered(packet []byte) {
	if len(packet) < answerHead {
		return
	}
	tx := txOf(packet)
	p, ok := t.asked.find(tx)
	if !ok || p.key.IsZero() {
		return
	}
	text, err := p.pair.open(packet, answerHead)
	if err != nil || !t.asked.take(tx, p) {
		return
	}
	t.sealer.pairs.remember(p.key, p.pair)
	t.roundTrips.answered(p.id, p.method, time.Since(p.began))
	t.stats.bytesIn.Add(uint64(len(text)))
	go func() { p.then(readAnswer(text)) }()
}

func readAnswer(text []byte) (krpc.Reply, error) {
	message, ok := unframed(text)
	if ok && len(message) == 0 {
		return krpc.Reply{}, errOnStream
	}
	var m krpc.Message
	err := error(errNoReply)
	if ok {
		if m, err = krpc.Decode(message); err == nil && m.Reply == nil {
			err = errNoReply
		}
	}
	if err != nil {
		return krpc.Reply{}, &failure{doing: "read the answer", kind: ErrProtocol, cause: err}
	}
	return *m.Reply, nil
}

// here reads who says to be at an address. It answers who is there, which is
// hearsay; and it tells early that a question went to another node than the
// one it was sealed for, which would otherwise end in silence.
func (t *QUIC) here(packet []byte, from netip.AddrPort) {
	if len(packet) != hereSize {
		return
	}
	tx, key := txOf(packet), kad.PublicKey(packet[whoHead:])
	p, ok := t.asked.find(tx)
	if !ok || p.key == key || !slices.Contains(p.addrs, from) || !t.asked.take(tx, p) {
		return
	}
	if p.key.IsZero() {
		go p.then(krpc.Reply{Key: key}, nil)
	} else {
		go p.then(krpc.Reply{}, ErrWrongID)
	}
}
