package transport

import (
	"errors"
	"io"
	"sync"

	"github.com/quic-go/quic-go"

	kad "github.com/khashmir/kad"
)

// Why one direction of a stream ends before its message does.
const (
	streamTimeout  quic.StreamErrorCode = 1 // too slow
	streamTooLarge quic.StreamErrorCode = 2 // over kad.MaxMessageSize
	streamBusy     quic.StreamErrorCode = 3 // too many questions at once
)

var errTooLarge = errors.New("a message over the limit")

// keptBuffer is the largest buffer, in bytes, that is kept for the next
// message; most messages have a few hundred.
const keptBuffer = 16 << 10

var buffers = sync.Pool{New: func() any { return &buffer{bytes: make([]byte, 0, 1<<10)} }}

// buffer holds one message while it is read.
type buffer struct{ bytes []byte }

func (b *buffer) release() {
	if cap(b.bytes) <= keptBuffer {
		b.bytes = b.bytes[:0]
		buffers.Put(b)
	}
}

// readMessage reads to the end of the stream: one message, and no more than
// kad.MaxMessageSize bytes. The buffer is good until it is released.
func readMessage(r io.Reader) (*buffer, error) {
	b := buffers.Get().(*buffer)
	for {
		n, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case len(b.bytes) > kad.MaxMessageSize:
			err = errTooLarge
		case errors.Is(err, io.EOF):
			return b, nil
		}
		if err != nil {
			b.release()
			return nil, err
		}
		if len(b.bytes) == cap(b.bytes) {
			grown := make([]byte, len(b.bytes), min(4*cap(b.bytes), kad.MaxMessageSize+1))
			copy(grown, b.bytes)
			b.bytes = grown
		}
	}
}

// reset gives up both directions of a stream.
func reset(s *quic.Stream, code quic.StreamErrorCode) {
	s.CancelRead(code)
	s.CancelWrite(code)
}
