package sim

import (
	"crypto/ed25519"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// sends are when a question is sent, and sent again, until it is given up
// after patience: what the real transport does for a contact that it does not
// know. Known ones it gives up sooner, so the simulated dead cost more.
var sends = [...]time.Duration{0, kad.FirstResend, 3 * kad.FirstResend}

const patience = kad.FirstTimeout

// natMapping is how long a NAT lets in the answers of whom somebody behind it
// has spoken to.
const natMapping = time.Minute

// link is a peer's port to the network.
type link struct{ *peer }

func (l link) Serve(_ ed25519.PrivateKey, handle func(from kad.Contact, q krpc.Query) krpc.Reply) error {
	l.handle = handle
	return nil
}

func (l link) Addr() netip.AddrPort { return l.self.V4 }

func (l link) Stats() transport.Stats { return transport.Stats{} }

// Close ends what is under way in the order in which it began.
func (l link) Close() error {
	l.handle = nil
	for l.firstAsked != nil {
		q := l.firstAsked
		q.end(krpc.Reply{}, transport.ErrClosed)
	}
	l.clock.runOut()
	return nil
}

// question is one on its way there and back. It happens up to three times: it
// arrives, it is given up or its answer is there.
type question struct {
	sim    *Sim
	from   *peer
	far    *peer // whose address it is sent to; nil: nobody's
	to     int32
	id     kad.ID
	query  krpc.Query
	then   func(krpc.Reply, error) // nil once it has run
	sent   int64
	times  int  // it is sent, as far as is known
	work   bool // not upkeep
	stage  stage
	back   time.Duration // of the answer; less than 0: it will not come
	reply  krpc.Reply
	err    error
	before *question // of the asker, in order
	after  *question
}

type stage uint8

const (
	onItsWay stage = iota
	answered
	givenUp
)

func (l link) Ask(to kad.Contact, query krpc.Query, then func(krpc.Reply, error)) {
	s := l.sim
	q := s.newQuestion()
	at := indexOf(to.V4)
	*q = question{sim: s, from: l.peer, far: s.peerAt(at), to: at, id: to.ID, query: query, then: then, sent: s.now, before: l.lastAsked}
	if q.before == nil {
		l.firstAsked = q
	} else {
		q.before.after = q
	}
	l.lastAsked = q
	q.work = l.works(query.Target)
	s.checkQuestion(q)
	if l.handle == nil {
		q.stage, q.err = givenUp, transport.ErrClosed
		s.in(0, q)
		return
	}
	if l.nat {
		l.spoke(q.to)
	}
	there, sendings := s.fate(q)
	q.send(sendings)
	if there < 0 {
		q.giveUp()
		return
	}
	s.in(there, q)
}

// fate draws what the network will do: how long the question takes to arrive
// (less than 0: it never does), and how often it is sent.
func (s *Sim) fate(q *question) (there time.Duration, sendings int) {
	base := s.config.Latency.rtt(s.config.Seed, int(q.from.index), int(q.to))
	way := func() time.Duration {
		rtt := base
		if noise := s.config.Latency.Noise; noise > 0 {
			rtt += time.Duration(s.chance.unit() * noise * float64(rtt))
		}
		return rtt / 2
	}
	there, q.back = -1, -1
	for i, offset := range sends {
		arrives := !s.lost(int(q.from.index), int(q.to))
		if arrives && there < 0 {
			there = offset + way()
		}
		if arrives && !s.lost(int(q.to), int(q.from.index)) {
			q.back = way() + offset + way() - there
			return there, i + 1
		}
	}
	return there, len(sends)
}

func (s *Sim) lost(from, to int) bool {
	return s.deaf(from, to) || s.chance.chance(s.config.Loss)
}

// deaf: to never hears from. It is drawn for the two of them, and then which one it is.
func (s *Sim) deaf(from, to int) bool {
	if s.config.Asymmetric == 0 {
		return false
	}
	pair := splitmix{mix(s.config.Seed) ^ mix(uint64(min(from, to))<<32|uint64(max(from, to)))}
	return pair.chance(s.config.Asymmetric) && (pair.below(2) == 0) == (to < from)
}

func (q *question) happen() {
	switch q.stage {
	case onItsWay:
		q.arrive()
	default:
		q.end(q.reply, q.err)
		q.sim.recycle(q)
	}
}

// arrive is the question at the far side.
func (q *question) arrive() {
	s := q.sim
	far := q.far
	s.note(uint64(q.from.index)<<32 | uint64(uint32(q.to)))
	switch {
	case far == nil, far.handle == nil, s.cut(q.from, far), far.nat && !far.hears(q.from.index):
		q.giveUp()
		return
	case !q.id.IsZero() && far.self.ID != q.id:
		q.err = transport.ErrWrongID
	default:
		q.reply = far.handle(q.from.self, q.query)
		s.load(q, far)
		s.count(q, 1, replySize(&q.reply))
		s.checkReply(q, far)
	}
	if q.back < 0 || s.cut(far, q.from) {
		q.reply, q.err = krpc.Reply{}, nil
		q.giveUp()
		return
	}
	q.stage = answered
	s.in(q.back, q)
}

// send counts that the question is sent so many times more.
func (q *question) send(times int) {
	q.times += times
	q.sim.count(q, times, times*querySize(&q.query))
}

// giveUp has the asker wait in vain, and send again what it can.
func (q *question) giveUp() {
	s := q.sim
	q.send(len(sends) - q.times)
	q.stage, q.err = givenUp, transport.ErrTimeout
	s.in(patience-time.Duration(s.now-q.sent), q)
}

// end runs then, the first time.
func (q *question) end(r krpc.Reply, err error) {
	then, p := q.then, q.from
	if then == nil {
		return
	}
	q.then = nil
	if q.before == nil {
		p.firstAsked = q.after
	} else {
		q.before.after = q.after
	}
	if q.after == nil {
		p.lastAsked = q.before
	} else {
		q.after.before = q.before
	}
	then(r, err)
}

func (s *Sim) newQuestion() *question {
	if last := len(s.spare) - 1; last >= 0 {
		q := s.spare[last]
		s.spare = s.spare[:last]
		return q
	}
	return new(question)
}

func (s *Sim) recycle(q *question) {
	*q = question{}
	s.spare = append(s.spare, q)
}

// cut: what one sends does not reach the other, for now.
func (s *Sim) cut(from, to *peer) bool { return s.parted && from.side != to.side }

// The i-th peer is at 10.x.y.z, where xyz is i+1.
func addrOf(i int32) netip.AddrPort {
	n := uint32(i) + 1
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 4000)
}

// indexOf is -1 for an address that is nobody's.
func indexOf(addr netip.AddrPort) int32 {
	if !addr.Addr().Is4() {
		return -1
	}
	b := addr.Addr().As4()
	if b[0] != 10 || addr.Port() != 4000 {
		return -1
	}
	return int32(b[1])<<16 | int32(b[2])<<8 | int32(b[3]) - 1
}

func (s *Sim) peerAt(i int32) *peer {
	if i < 0 || int(i) >= len(s.peers) {
		return nil
	}
	return s.peers[i]
}

// spoke opens the NAT for the answers of the i-th.
func (p *peer) spoke(i int32) {
	if p.mappings == nil {
		p.mappings = make(map[int32]int64)
	}
	if len(p.mappings) > 1024 {
		for other, at := range p.mappings {
			if p.sim.now-at > int64(natMapping) {
				delete(p.mappings, other)
			}
		}
	}
	p.mappings[i] = p.sim.now
}

func (p *peer) hears(i int32) bool {
	at, ok := p.mappings[i]
	return ok && p.sim.now-at <= int64(natMapping)
}
