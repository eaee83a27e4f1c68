package transport

import (
	"net/netip"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/krpc/bep5"
)

// txid is the transaction id of a question: 4 bytes, because some take no
// others (the Rust client) and some no more than 15 (jech's).
type txid [4]byte

// inquiry is a question that owes an answer. What it needs is guarded by UDP.mu.
type inquiry struct {
	to     netip.AddrPort
	tx     txid
	packet []byte
	then   func(*bep5.Message, error)
	sent   time.Time
	again  bool        // sent twice: its round trip teaches nothing (Karn)
	timer  *time.Timer // for the repetition, then for the end
	ends   time.Time
}

// landing is an answer that has come, or what pretends to be one.
type landing struct {
	packet []byte
	from   netip.AddrPort
}

// parcel is a packet on its way out.
type parcel struct {
	to     netip.AddrPort
	packet []byte
}

// Ask puts a question, the bytes of bep5.Question, to whoever is at to. It
// never blocks. then runs exactly once and not before Ask has returned to a
// caller that holds a lock which then wants; the message is good until then
// returns. A refusal is an answer: a message of the kind bep5.Failure.
func (u *UDP) Ask(to netip.AddrPort, body []byte, then func(*bep5.Message, error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var refused error
	switch {
	case u.closed || !u.serving:
		refused = ErrClosed
	case len(u.asks) >= maxAsks || len(u.outbox) >= maxAsks:
		refused = ErrBusy
	}
	if refused != nil {
		u.later(func() { then(nil, askFailed(kad.Contact{}.WithAddr(to), refused, nil)) })
		return
	}
	q := &inquiry{to: to, tx: u.newTx(), then: then, sent: time.Now()}
	q.packet = bep5.AppendTail(slices.Clip(body), q.tx[:])
	u.asks[q.tx] = q
	q.ends = q.sent.Add(u.trips.timeout(addrID(to), krpc.Ping))
	u.running.Add(1)
	q.timer = time.AfterFunc(min(u.trips.again(addrID(to)), time.Until(q.ends)), func() { u.due(q) })
	u.post(parcel{to, q.packet})
}

// later runs f on a goroutine of its own: the caller may hold what f wants.
// When nothing is counted any more, nobody waits for it either.
func (u *UDP) later(f func()) {
	if u.closed {
		go f()
		return
	}
	u.running.Go(f)
}

// newTx draws an id that no question has.
func (u *UDP) newTx() txid {
	for {
		n := uint32(u.random.Uint64())
		tx := txid{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
		if _, taken := u.asks[tx]; !taken {
			return tx
		}
	}
}

// due sends a question once more, and gives it up when its time is over.
func (u *UDP) due(q *inquiry) {
	u.mu.Lock()
	if u.asks[q.tx] != q {
		u.mu.Unlock()
		u.running.Done() // it was answered a moment ago
		return
	}
	if left := time.Until(q.ends); left > 0 {
		if !q.again {
			q.again = true
			u.post(parcel{q.to, q.packet})
		}
		q.timer.Reset(left)
		u.mu.Unlock()
		return
	}
	delete(u.asks, q.tx)
	u.mu.Unlock()
	u.trips.silent(addrID(q.to))
	q.then(nil, askFailed(kad.Contact{}.WithAddr(q.to), ErrTimeout, nil))
	u.running.Done()
}

// land hands an answer to who asked. What nobody asked for is nobody's.
func (u *UDP) land(l *landing, m *bep5.Message) {
	if bep5.Read(l.packet, m) != nil || len(m.Tx) != len(txid{}) {
		u.stats.dropped.Add(1)
		return
	}
	u.mu.Lock()
	q := u.asks[txid(m.Tx)]
	if q == nil || q.to != l.from {
		u.mu.Unlock()
		u.stats.dropped.Add(1)
		return
	}
	delete(u.asks, q.tx)
	stopped := q.timer.Stop()
	u.mu.Unlock()
	if !q.again {
		u.trips.answered(addrID(q.to), krpc.Ping, time.Since(q.sent))
	}
	q.then(m, nil)
	if stopped {
		u.running.Done()
	}
}

// endAll takes all questions away, in an order that does not hang on a map.
// Call it under the lock.
func (u *UDP) endAll() []*inquiry {
	var ended []*inquiry
	for _, q := range u.asks {
		if q.timer.Stop() {
			u.running.Done()
		}
		ended = append(ended, q)
	}
	clear(u.asks)
	slices.SortFunc(ended, func(a, b *inquiry) int { return a.sent.Compare(b.sent) })
	return ended
}

// post queues a packet. Call it under the lock.
func (u *UDP) post(p parcel) {
	if len(u.outbox) >= maxAsks {
		return
	}
	u.outbox = append(u.outbox, p)
	select {
	case u.ready <- struct{}{}:
	default:
	}
}

// write sends what is in the outbox.
func (u *UDP) write() {
	var sending []parcel
	for range u.ready {
		u.mu.Lock()
		sending, u.outbox = u.outbox, sending[:0]
		u.mu.Unlock()
		for i := range sending {
			_, _ = u.conn.WriteToUDPAddrPort(sending[i].packet, sending[i].to)
			sending[i].packet = nil
		}
		u.stats.asked.Add(uint64(len(sending)))
	}
}

// addrID stands for an address where round trips are remembered by ID: nobody
// in this network can prove to be who he says.
func addrID(addr netip.AddrPort) (id kad.ID) {
	ip := addr.Addr().As16()
	copy(id[:], ip[:])
	id[16], id[17] = byte(addr.Port()>>8), byte(addr.Port())
	return id
}
