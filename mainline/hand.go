package mainline

import (
	"net/netip"
	"slices"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// Incoming is a question of somebody else's. All of it is a copy.
type Incoming struct {
	From     netip.AddrPort
	ID       kad.ID // that it says it has; zero if none
	Method   string
	Version  string // of its program, as far as it can be printed
	ReadOnly bool
	Args     []byte // the bencoded dictionary a; nil if there was none
	Message  bep5.Message
}

// Answer is what a Handler answers with: values, to which the node's ID is
// added unless they have one, or an error. Both nil is silence.
type Answer struct {
	Values map[string]any
	Err    *Error
}

// hand shows a question to the observer and the handler. It is not fast: they
// are for research. They run without the shelf's lock, so that they may begin
// things of their own, with callbacks.
func (s *side) hand(b []byte, from netip.AddrPort, m *bep5.Message) ([]byte, bool) {
	in := Incoming{From: from, ID: m.NodeID(), Method: string(m.Method), Version: printable(m.Version), ReadOnly: m.ReadOnly, Args: slices.Clone(m.Body)}
	copied := append([]byte("d1:a"), in.Args...)
	copied = bep5.AppendBytes(copied, "q", m.Method)
	if in.Args != nil {
		_ = bep5.Read(bep5.AppendTail(copied, m.Tx), &in.Message)
	}
	answer, handled := s.show(in)
	switch {
	case !handled:
		return b, false
	case answer.Err != nil:
		return refuse(b, from, m, answer.Err.Code, answer.Err.Text), true
	case answer.Values == nil:
		return b, true
	}
	values := map[string]any{"id": string(s.loop.id[:])}
	for key, value := range answer.Values {
		values[key] = value
	}
	r, err := bencode.EncodeBytes(values)
	if err != nil || len(r) > kad.MaxPacket {
		s.node.log.Error("a handler's answer cannot be sent", "method", in.Method, "err", err)
		return refuse(b, from, m, bep5.CodeServer, "the answer could not be written"), true
	}
	b = bep5.Open(b, from)
	b = append(b[:len(b)-1], r[:len(r)-1]...) // Open has begun the dictionary, Close ends it
	return bep5.Close(b, m.Tx), true
}

func (s *side) show(in Incoming) (answer Answer, handled bool) {
	s.node.shelf.mu.Unlock()
	defer s.node.shelf.mu.Lock()
	if observe := s.node.config.Observer; observe != nil {
		observe(in)
	}
	if handler := s.node.config.Handler; handler != nil && !s.node.config.ReadOnly {
		answer, handled = handler(in)
	}
	return answer, handled
}
