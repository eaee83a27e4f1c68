package transport

import (
	"errors"
	"net/netip"
	"sync"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// sayHere names this node's key. It is no longer than what it answers.
func (t *QUIC) sayHere(packet []byte, to netip.AddrPort) {
	t.send(head(kindHere, txOf(packet), t.sealer.self[:]), to)
}

// answerDatagram opens a question, has it handled and seals the reply.
func (t *QUIC) answerDatagram(packet []byte, from netip.AddrPort) {
	key := kad.PublicKey(packet[answerHead:])
	if key == t.sealer.self {
		return // ours, come back
	}
	p, message, err := t.sealer.openQuestion(key, packet)
	if err != nil {
		if errors.Is(err, errNotSealed) {
			t.sayHere(packet, from)
		}
		return
	}
	t.stats.bytesIn.Add(uint64(len(message)))
	m, err := krpc.Decode(message)
	reply := func() []byte {
		return t.sealed(txOf(packet), p, t.replyTo(kad.NewContact(key, from), m, err), len(packet))
	}
	var answer []byte
	if err == nil && m.Query != nil && m.Query.Method == krpc.StoreValue {
		answer = t.writes.once(write{key, txOf(packet)}, reply)
	} else {
		answer = reply()
	}
	// One remembered may have been made for a longer question.
	if answer != nil && len(answer) <= amplification*len(packet) {
		t.send(answer, from)
	}
}

// sealed is the packet that answers a question of that many bytes. A reply
// that is too long for it becomes the word that a stream is needed.
func (t *QUIC) sealed(tx uint64, p pair, reply krpc.Reply, asked int) []byte {
	message, err := krpc.Encode(krpc.Message{Reply: &reply})
	if err != nil {
		message = t.ownFault("", err)
	}
	if len(message) > min(maxAnswer, amplification*asked-answerHead-sealedExtra) {
		message = nil
	}
	t.stats.bytesOut.Add(uint64(len(message)))
	return t.sealer.seal(p, head(kindAnswer, tx, nil), message, 0)
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

// once is the answer to w: made now, if w is new. It is nil while another
// goroutine makes it.
func (s *writes) once(w write, reply func() []byte) []byte {
	answer, fresh := s.begin(w)
	if fresh {
		answer = reply()
		s.end(w, answer)
	}
	return answer
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
