package transport

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/quic-go/quic-go"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// put puts a question: by datagram where it fits one, else on a stream. So
// does one whose answer turns out not to fit. then runs exactly once.
func (t *QUIC) put(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	id, ok := identity(to)
	if !ok {
		then(krpc.Reply{}, ErrWrongID)
		return
	}
	message, err := krpc.Encode(krpc.Message{Query: &q})
	if err != nil {
		then(krpc.Reply{}, err)
		return
	}
	sent := t.askByDatagram(id, to, q, message, func(r krpc.Reply, err error) {
		if errors.Is(err, errOnStream) {
			r, err = t.askOnStream(id, to, q.Method, message)
		}
		then(r, err)
	})
	if !sent {
		then(t.askOnStream(id, to, q.Method, message))
	}
}

// askOnStream waits for the answer. A question that meets a connection on its
// way out is asked once more, on another one: all queries may be answered
// twice without harm.
func (t *QUIC) askOnStream(id kad.ID, to kad.Contact, method krpc.Method, message []byte) (krpc.Reply, error) {
	reply, err := t.askOnce(id, to, method, message)
	if lost(err) && t.root.Err() == nil {
		reply, err = t.askOnce(id, to, method, message)
	}
	return reply, err
}

func (t *QUIC) askOnce(id kad.ID, to kad.Contact, method krpc.Method, message []byte) (krpc.Reply, error) {
	c, err := t.connect(id, to)
	if err != nil {
		return krpc.Reply{}, err
	}
	reply, err := t.exchange(c, method, message)
	if lost(err) {
		t.pool.remove(c)
	}
	t.closeSurplus(t.pool.leave(c))
	return reply, err
}

// exchange is one question and its answer on a stream of their own.
func (t *QUIC) exchange(c *conn, method krpc.Method, message []byte) (krpc.Reply, error) {
	s, err := t.openStream(c)
	if err != nil {
		return krpc.Reply{}, &failure{doing: "open a stream", kind: errNotSent, cause: err}
	}
	heard := c.quic.ConnectionStats().PacketsReceived
	start := time.Now()
	_ = s.SetDeadline(start.Add(t.roundTrips.timeout(c.id, method)))
	b, err := t.transfer(s, message)
	if err != nil {
		reset(s, answerCode(err))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.roundTrips.silent(c.id)
			if c.quic.ConnectionStats().PacketsReceived == heard {
				t.pool.doubt(c)
			}
		}
		return krpc.Reply{}, err
	}
	t.roundTrips.answered(c.id, method, time.Since(start))
	defer b.release()
	m, err := krpc.Decode(b.bytes)
	if err == nil && m.Reply == nil {
		err = errNoReply
	}
	if err != nil {
		return krpc.Reply{}, &failure{doing: "read the answer", kind: ErrProtocol, cause: err}
	}
	return *m.Reply, nil
}

// openStream waits when the other end has as many questions of ours as it
// takes at once; they are answered, or given up, one by one.
func (t *QUIC) openStream(c *conn) (*quic.Stream, error) {
	if s, err := c.quic.OpenStream(); err == nil {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(t.root, kad.MaxTimeout)
	defer cancel()
	return c.quic.OpenStreamSync(ctx)
}

func (t *QUIC) transfer(s *quic.Stream, message []byte) (*buffer, error) {
	if _, err := s.Write(message); err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	t.stats.asked.Add(1)
	t.stats.bytesOut.Add(uint64(len(message)))
	b, err := readMessage(s)
	if err == nil {
		t.stats.bytesIn.Add(uint64(len(b.bytes)))
	}
	return b, err
}
