package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	kad "github.com/khashmir/kad"
)

// stream is an answer that comes bit by bit: server-sent events, each with a
// name and a line of JSON. A client that does not take one in time is left.
type stream struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	event      bytes.Buffer
}

// streamed serves a stream until do is done, its client gone or the gateway
// closed: then the context ends.
func (g *Gateway) streamed(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, s *stream) error) {
	if !g.streams.take() {
		fail(w, busy("too many streams at once"))
		return
	}
	defer g.streams.leave()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(g.ending, func() { cancel(errClosing) })()
	w.Header().Set("Content-Type", "text/event-stream")
	s := &stream{w: w, connection: http.NewResponseController(w)}
	if s.beat() != nil { // the head goes out before there is anything to say
		return
	}
	if err := do(ctx, s); err != nil && r.Context().Err() == nil {
		g.note(r, err)
		_ = s.send("problem", problemOf(err)) // it ends here either way
	}
}

// send says one event.
func (s *stream) send(name string, what any) error {
	s.event.Reset()
	s.event.WriteString("event: " + name + "\ndata: ")
	encoder := json.NewEncoder(&s.event)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(what); err != nil {
		panic("web: an event that JSON cannot say: " + err.Error()) // our own bug
	}
	s.event.WriteByte('\n')
	return s.write(s.event.Bytes())
}

// beat says nothing, and notices when nobody is there.
func (s *stream) beat() error { return s.write([]byte(":\n\n")) }

func (s *stream) write(b []byte) error {
	hurry(s.w)
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.connection.Flush()
}

// rest waits for d, and beats meanwhile.
func (s *stream) rest(ctx context.Context, d time.Duration) error {
	over := time.NewTimer(d)
	defer over.Stop()
	beat := time.NewTicker(kad.GatewayBeat)
	defer beat.Stop()
	for {
		select {
		case <-over.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-beat.C:
			if err := s.beat(); err != nil {
				return err
			}
		}
	}
}
