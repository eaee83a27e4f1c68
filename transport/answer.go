package transport

import (
	"errors"
	"time"

	"github.com/quic-go/quic-go"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// answer reads the question on a stream, has it handled and writes the reply.
func (t *QUIC) answer(c *conn, s *quic.Stream, from kad.Contact) {
	defer t.endAnswer(c, from.Addr())
	_ = s.SetReadDeadline(time.Now().Add(kad.MaxTimeout))
	b, err := readMessage(s)
	if err != nil {
		reset(s, answerCode(err))
		return
	}
	t.stats.bytesIn.Add(uint64(len(b.bytes)))
	m, err := krpc.Decode(b.bytes)
	b.release()
	reply := t.replyTo(from, m, err)
	out, err := krpc.Encode(krpc.Message{Tx: m.Tx, Reply: &reply})
	if err != nil {
		// What we hold cannot be written: our fault, not the asker's.
		out = t.ownFault(m.Tx, err)
	}
	t.stats.bytesOut.Add(uint64(len(out)))
	_ = s.SetWriteDeadline(time.Now().Add(kad.MaxTimeout))
	if _, err := s.Write(out); err != nil {
		s.CancelWrite(streamTimeout)
		return
	}
	_ = s.Close()
}

func answerCode(err error) quic.StreamErrorCode {
	if errors.Is(err, errTooLarge) {
		return streamTooLarge
	}
	return streamTimeout
}

// replyTo is the handler's reply, or a refusal of what is no question.
func (t *QUIC) replyTo(from kad.Contact, m krpc.Message, err error) krpc.Reply {
	t.stats.answered.Add(1)
	var malformed *krpc.Error
	switch {
	case errors.As(err, &malformed):
		return krpc.Reply{Error: malformed}
	case err != nil:
		return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeProtocol, Message: "not a message"}}
	case m.Query == nil:
		return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeProtocol, Message: "not a query"}}
	}
	return t.handle(from, *m.Query)
}

func (t *QUIC) ownFault(tx string, err error) []byte {
	t.log.Error("reply could not be encoded", "err", err)
	refusal := krpc.Reply{Error: &krpc.Error{Code: krpc.CodeServer, Message: "the answer could not be written"}}
	out, err := krpc.Encode(krpc.Message{Tx: tx, Reply: &refusal})
	if err != nil {
		panic("transport: a refusal cannot be encoded: " + err.Error())
	}
	return out
}
