package transport

import (
	"bytes"
	"net/netip"
	"sync"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// received takes a packet that is not QUIC's. It runs on the goroutine that
// reads the socket, must not block, and the packet is gone when it returns.
func (t *QUIC) received(packet []byte, from netip.AddrPort) {
	switch packet[0] {
	case kindAnswer:
		t.answered(packet)
	case kindHere:
		t.here(packet, from)
	case kindWho:
		if len(packet) >= hereSize {
			t.sayHere(packet, from)
		}
	case kindQuestion:
		if len(packet) < questionHead+sealedExtra || t.beginDatagram() != nil {
			return // one more of a flood is dropped as if it was lost
		}
		packet = bytes.Clone(packet)
		go func() {
			defer t.endDatagram()
			t.answerDatagram(packet, from)
		}()
	}
}

// sayHere names this node's key. It is shorter than what it answers.
func (t *QUIC) sayHere(packet []byte, to netip.AddrPort) {
	t.send(append(head(kindHere, txOf(packet), hereSize), t.sealer.self[:]...), to)
}

// answerDatagram opens a question, has it handled and seals the reply.
func (t *QUIC) answerDatagram(packet []byte, from netip.AddrPort) {
	key := kad.PublicKey(packet[1+txSize:])
	p, err := t.sealer.pair(key)
	if err != nil || key == t.sealer.self {
		return
	}
	text, err := p.open(packet, questionHead)
	if err != nil {
		t.sayHere(packet, from)
		return
	}
	t.sealer.pairs.remember(key, p)
	message, ok := unframed(text)
	if !ok {
		return
	}
	t.stats.bytesIn.Add(uint64(len(text)))
	tx := txOf(packet)
	m, err := krpc.Decode(message)
	if err == nil && m.Query != nil && m.Query.Method == krpc.StoreValue {
		t.answerWrite(write{key, tx}, p, m, from, len(packet))
		return
	}
	t.send(t.sealed(tx, p, t.replyTo(kad.NewContact(key, from), m, err), len(packet)), from)
}

// sealed is the packet that answers a question of that many bytes. A reply
// that is too long for it becomes the word that a stream is needed.
func (t *QUIC) sealed(tx uint64, p pair, reply krpc.Reply, asked int) []byte {
	message, err := krpc.Encode(krpc.Message{Reply: &reply})
	if err != nil {
		message = t.ownFault("", err)
	}
	room := min(maxAnswer, amplification*asked-answerHead-sealedExtra-lengthSize)
	if len(message) > room {
		message = nil
	}
	t.stats.bytesOut.Add(uint64(len(message)))
	return t.sealer.seal(head(kindAnswer, tx, kad.MaxDatagram), p, framed(message, 0))
}

// write names a store_value that arrived by datagram.
type write struct {
	key kad.PublicKey
	tx  uint64
}

// writes remembers the latest kad.MaxWrites store_values and their answers, so
// that one that is sent again, or replayed, is answered again and not done
// again. A nil answer is still being made.
type writes struct {
	mu      sync.Mutex
	answers map[write][]byte
	order   []write // a ring, the oldest at next
	next    int
}

// begin reports whether w is new; if not, it gives the answer that it had.
func (s *writes) begin(w write) (answer []byte, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, ok := s.answers[w]; ok {
		return answer, false
	}
	if s.answers == nil {
		s.answers = make(map[write][]byte)
	}
	if len(s.order) < kad.MaxWrites {
		s.order = append(s.order, w)
	} else {
		delete(s.answers, s.order[s.next])
		s.order[s.next] = w
		s.next = (s.next + 1) % kad.MaxWrites
	}
	s.answers[w] = nil
	return nil, true
}

func (s *writes) end(w write, answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.answers[w]; ok {
		s.answers[w] = answer
	}
}

func (t *QUIC) answerWrite(w write, p pair, m krpc.Message, from netip.AddrPort, asked int) {
	answer, fresh := t.writes.begin(w)
	if fresh {
		answer = t.sealed(w.tx, p, t.replyTo(kad.NewContact(w.key, from), m, nil), asked)
		t.writes.end(w, answer)
	}
	if answer != nil {
		t.send(answer, from)
	}
}
