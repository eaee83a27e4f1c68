package transport

import (
	"crypto/ed25519"
	"errors"
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// Mem is one endpoint of a Network: messages travel as values, copied so that
// the two ends share no memory. Nothing is encoded.
type Mem struct {
	net  *Network
	addr netip.AddrPort

	mu      sync.Mutex
	key     kad.PublicKey
	handle  Handler
	closed  bool
	pending map[*memAsk]struct{}
	stats   Stats
	running sync.WaitGroup // handlers, and questions whose then has not returned
}

// memAsk is one question on its way.
type memAsk struct {
	from  *Mem
	to    kad.Contact
	query krpc.Query
	then  func(krpc.Reply, error)

	// Guarded by from.mu.
	timeout  *time.Timer
	delivery *time.Timer // of the question, later of the answer
}

// Serve makes the endpoint heard as the node that holds key. Called once.
func (m *Mem) Serve(key ed25519.PrivateKey, handle func(from kad.Contact, q krpc.Query) krpc.Reply) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return &failure{doing: "serve " + m.addr.String(), kind: ErrClosed}
	case m.handle != nil:
		return errors.New("transport: serve " + m.addr.String() + ": already serving")
	}
	m.key, m.handle = kad.PublicKeyOf(key), handle
	m.net.add(m)
	return nil
}

// Ask sends q to the contact; then runs exactly once, on another goroutine.
func (m *Mem) Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	a := &memAsk{from: m, to: to, query: copyQuery(q), then: then}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.handle == nil {
		go then(krpc.Reply{}, askFailed(to, ErrClosed, nil))
		return
	}
	m.running.Add(1)
	m.pending[a] = struct{}{}
	m.stats.Asked++
	if _, ok := m.net.at(to.Addr()); !ok {
		a.expire(kad.DialTimeout, ErrUnreachable)
		return
	}
	a.expire(m.net.patience(), ErrTimeout)
	if d, ok := m.net.travel(m.addr, to.Addr()); ok {
		a.delivery = after(d, a.arrive)
	}
}

// Addr is the endpoint's made-up address.
func (m *Mem) Addr() netip.AddrPort { return m.addr }

// Stats counts questions; there are no connections and no bytes.
func (m *Mem) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// Close ends every pending question with ErrClosed and returns when all of
// them and all handlers are done. It must not be called from either.
func (m *Mem) Close() error {
	m.net.remove(m)
	m.mu.Lock()
	m.closed = true
	for a := range m.pending {
		go a.finish(krpc.Reply{}, askFailed(a.to, ErrClosed, nil))
	}
	m.mu.Unlock()
	m.running.Wait()
	return nil
}

// expire ends the question after d unless it has ended by then.
func (a *memAsk) expire(d time.Duration, why error) {
	a.timeout = after(d, func() { a.finish(krpc.Reply{}, askFailed(a.to, why, nil)) })
}

// arrive is the question at the far side, on a goroutine of its own.
func (a *memAsk) arrive() {
	far, ok := a.from.net.at(a.to.Addr())
	if !ok || !far.begin() {
		return
	}
	defer far.running.Done()
	if !isNode(a.to, far.key) {
		a.finish(krpc.Reply{}, askFailed(a.to, ErrWrongID, nil))
		return
	}
	reply := copyReply(far.handle(kad.NewContact(a.from.key, a.from.addr), a.query))
	if d, ok := a.from.net.travel(far.addr, a.from.addr); ok {
		a.answer(d, reply)
	}
}

// begin counts a handler that runs, unless the endpoint is closed.
func (m *Mem) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.running.Add(1)
	m.stats.Answered++
	return true
}

// answer sets the reply on its way back.
func (a *memAsk) answer(d time.Duration, reply krpc.Reply) {
	m := a.from
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, waiting := m.pending[a]; waiting {
		a.delivery = after(d, func() { a.finish(reply, nil) })
	}
}

// finish runs then, the first time it is called.
func (a *memAsk) finish(reply krpc.Reply, err error) {
	m := a.from
	m.mu.Lock()
	_, waiting := m.pending[a]
	delete(m.pending, a)
	if waiting {
		a.timeout.Stop()
		if a.delivery != nil {
			a.delivery.Stop()
		}
	}
	m.mu.Unlock()
	if waiting {
		a.then(reply, err)
		m.running.Done()
	}
}

// isNode reports whether the holder of key is who the contact names.
func isNode(to kad.Contact, key kad.PublicKey) bool {
	id, ok := identity(to)
	return ok && (id.IsZero() || id == key.ID())
}

func copyQuery(q krpc.Query) krpc.Query {
	q.Entry.Value = append([]byte(nil), q.Entry.Value...)
	return q
}

func copyReply(r krpc.Reply) krpc.Reply {
	if r.Error != nil {
		e := *r.Error
		return krpc.Reply{Error: &e}
	}
	r.Contacts = append([]kad.Contact(nil), r.Contacts...)
	r.Entries = append([]krpc.Entry(nil), r.Entries...)
	r.Marks = append([]uint64(nil), r.Marks...)
	for i, e := range r.Entries {
		r.Entries[i].Value = append([]byte(nil), e.Value...)
	}
	return r
}

// after is time.AfterFunc of a moment at least: in a synctest bubble the race
// detector of Go 1.26 does not survive a timer that is due at once
// (golang/go#78156).
func after(d time.Duration, f func()) *time.Timer { return time.AfterFunc(max(d, 1), f) }
