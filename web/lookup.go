package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"encoding/json"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// lookup is GET /v1/lookup/{id}: find-node, in JSON or as a stream.
func (g *Gateway) lookup(w http.ResponseWriter, r *http.Request) {
	id, err := pathKey(r, "id")
	if err != nil {
		fail(w, err)
		return
	}
	trace, err := flag(r.URL.Query(), "trace")
	if err != nil {
		fail(w, err)
		return
	}
	if !accepts(r, "text/event-stream") {
		if trace {
			fail(w, bad("trace is for streams (Accept: text/event-stream)"))
			return
		}
		g.placed(w, r, func(ctx context.Context) {
			l, err := g.findNode(ctx, id, nil)
			status := http.StatusOK
			if err != nil {
				g.note(r, err)
				status = faultOf(err).status
			}
			write(w, status, l)
		})
		return
	}
	g.streamed(w, r, func(ctx context.Context, s *stream) error {
		limited, cancel := context.WithTimeout(ctx, g.config.Timeout)
		defer cancel()
		var tell func(khashmir.Step) error
		if trace {
			tell = func(step khashmir.Step) error { return s.send("step", stepOf(step)) }
		}
		l, _ := g.findNode(limited, id, tell)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return s.send("end", l)
	})
}

// findNode looks for id and tells of the steps as they happen.
func (g *Gateway) findNode(ctx context.Context, id khashmir.ID, tell func(khashmir.Step) error) (api.Lookup, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		closest []khashmir.Contact
		err     error
	}
	t, begun := newTrail(), time.Now()
	got := make(chan result, 1)
	g.node.ContactsForID(t.observe(ctx), id, func(closest []khashmir.Contact, err error) { got <- result{closest, err} })
	see := func(s khashmir.Step) {
		if tell != nil && ctx.Err() == nil {
			if err := tell(s); err != nil {
				cancel(err)
			}
		}
	}
	for {
		select {
		case s := <-t.steps:
			see(s)
		case r := <-got:
			l := t.end(ctx, r.err, id)
			for len(t.steps) > 0 {
				see(<-t.steps)
			}
			if l.Closest = r.closest; l.Took == 0 {
				l.Took = time.Since(begun)
			}
			return lookupOf(l), r.err
		}
	}
}

// ping is POST /v1/ping: who is at an address, or is the node with this ID there?
func (g *Gateway) ping(ctx context.Context, _ *http.Request, body []byte) (any, error) {
	var asked struct {
		To string `json:"to"`
	}
	if json.Unmarshal(body, &asked) != nil || asked.To == "" {
		return nil, bad(`say {"to": "host:port"}, or the 40 digits of an ID`)
	}
	if id, err := khashmir.ParseID(asked.To); err == nil {
		return g.pingNode(ctx, id)
	}
	if _, port, err := net.SplitHostPort(asked.To); err != nil || !isPort(port) {
		return nil, bad("to is neither host:port nor the 40 digits of an ID")
	}
	begun := time.Now()
	c, err := g.node.AddContact(ctx, asked.To)
	if err != nil {
		if faultOf(err).Code == api.Internal { // the name, not the node
			err = missing("there is no such host, or nobody can be asked at its address")
		}
		return nil, err
	}
	return api.Pong{Contact: contactOf(c), TookMs: milliseconds(time.Since(begun))}, nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// pingNode looks for the node id; how long its own answer took is in the steps.
func (g *Gateway) pingNode(ctx context.Context, id khashmir.ID) (any, error) {
	if id == g.node.ID() {
		return nil, khashmir.ErrSelf
	}
	var took time.Duration
	l, err := g.findNode(ctx, id, func(s khashmir.Step) error {
		if s.Contact.ID == id && s.Kind == khashmir.Answered {
			took = s.Took
		}
		return nil
	})
	if len(l.Closest) > 0 && l.Closest[0].ID == id.String() {
		return api.Pong{Contact: l.Closest[0], TookMs: milliseconds(took)}, nil
	}
	if err == nil || errors.Is(err, khashmir.ErrIncomplete) {
		err = missing("no node with this ID has answered")
	}
	return nil, err
}
