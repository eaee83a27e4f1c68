package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// errPlenty: there are more values than one answer takes.
var errPlenty = &fault{http.StatusOK, api.Problem{Code: api.Incomplete, Message: "there are more values than one answer takes: ask for a stream, or for enough"}}

// wanted is what a GET of a key asks for.
type wanted struct {
	key    khashmir.ID
	enough int
	trace  bool
	watch  bool
	every  time.Duration
}

// get is GET /v1/values/{key}: in JSON, as it is, or as a stream.
func (g *Gateway) get(w http.ResponseWriter, r *http.Request) {
	want, err := wantedBy(r)
	switch {
	case err != nil:
		fail(w, err)
	case accepts(r, "text/event-stream"):
		g.streamed(w, r, func(ctx context.Context, s *stream) error { return g.getStream(ctx, s, want) })
	case want.watch || want.trace:
		fail(w, bad("watch and trace are for streams (Accept: text/event-stream)"))
	case accepts(r, "application/octet-stream"):
		g.placed(w, r, func(ctx context.Context) { g.getRaw(ctx, w, r, want) })
	default:
		g.placed(w, r, func(ctx context.Context) { g.getJSON(ctx, w, r, want) })
	}
}

func wantedBy(r *http.Request) (want wanted, err error) {
	q := r.URL.Query()
	if want.key, err = pathKey(r, "key"); err != nil {
		return want, err
	}
	if want.enough, err = number(q, "enough", 0, kad.MaxEntriesPerKey, 0); err != nil {
		return want, err
	}
	if want.trace, err = flag(q, "trace"); err != nil {
		return want, err
	}
	if want.watch, err = flag(q, "watch"); err != nil {
		return want, err
	}
	if want.watch && want.enough > 0 {
		return want, bad("who watches wants all values: not enough")
	}
	want.every = kad.WatchInterval
	if q.Has("every") {
		if want.every, err = time.ParseDuration(q.Get("every")); err != nil || want.every < kad.MinWatchInterval {
			return want, bad("every is a duration of at least " + kad.MinWatchInterval.String())
		}
	}
	return want, nil
}

func accepts(r *http.Request, kind string) bool {
	return strings.Contains(r.Header.Get("Accept"), kind)
}

func (g *Gateway) getJSON(ctx context.Context, w http.ResponseWriter, r *http.Request, want wanted) {
	values, size := []api.Value{}, 0
	found, err := g.search(ctx, search{key: want.key, enough: want.enough, value: func(v []byte, after time.Duration) error {
		if size += len(v); size > kad.GatewayFound {
			return errPlenty
		}
		values = append(values, valueOf(v, after))
		return nil
	}})
	found.Values = values
	status := http.StatusOK
	if len(values) == 0 {
		if err == nil {
			err = missing("there is nothing under this key")
			found.Error = problemOf(err)
		}
		status = faultOf(err).status
	}
	g.note(r, err)
	write(w, status, found)
}

// getRaw answers with the first value, as it was stored.
func (g *Gateway) getRaw(ctx context.Context, w http.ResponseWriter, r *http.Request, want wanted) {
	var first []byte
	some := false
	_, err := g.search(ctx, search{key: want.key, enough: max(want.enough, 1), value: func(v []byte, _ time.Duration) error {
		if !some {
			first, some = v, true
		}
		return nil
	}})
	if !some {
		if err == nil {
			err = missing("there is nothing under this key")
		}
		g.note(r, err)
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	hurry(w)
	w.Write(first) // who does not take it has gone
}

// getStream says each value as it comes, and goes on if the key is watched.
func (g *Gateway) getStream(ctx context.Context, s *stream, want wanted) error {
	var seen watched
	for {
		now := watched{}
		found, err := g.round(ctx, s, want, &seen, &now)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if f := (*fault)(nil); errors.As(err, &f) {
			return err // ours: what is watched has become too much
		}
		if !want.watch {
			return s.send("end", found)
		}
		if err == nil { // else nobody knows
			for _, v := range seen.without(now) {
				gone := valueOf(v, 0)
				gone.Gone = true
				if err := s.send("value", gone); err != nil {
					return err
				}
			}
			seen = now
		} else {
			seen.add(now)
		}
		if err := s.send("end", found); err != nil {
			return err
		}
		if err := s.rest(ctx, want.every); err != nil {
			return err
		}
	}
}

// round is one search of a stream: it says what was not seen before.
func (g *Gateway) round(ctx context.Context, s *stream, want wanted, seen, now *watched) (api.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.Timeout)
	defer cancel()
	look := search{key: want.key, enough: want.enough}
	look.value = func(v []byte, after time.Duration) error {
		if want.watch {
			old := seen.has(v)
			if !now.keep(v) {
				return errWatched
			}
			if old {
				return nil
			}
		}
		return s.send("value", valueOf(v, after))
	}
	if want.trace {
		look.step = func(step khashmir.Step) error { return s.send("step", stepOf(step)) }
	}
	return g.search(ctx, look)
}

// errWatched: who watches is told which values are gone, so they are all
// remembered, and that has an end.
var errWatched = &fault{http.StatusRequestEntityTooLarge, api.Problem{Code: api.TooLarge, Message: "there is more under this key than can be watched"}}

// watched are the values of one round, in the order in which they came.
type watched struct {
	values [][]byte
	hashes map[[sha256.Size]byte]struct{}
	size   int
}

func (w *watched) has(v []byte) bool {
	_, ok := w.hashes[sha256.Sum256(v)]
	return ok
}

// keep reports whether there was room.
func (w *watched) keep(v []byte) bool {
	if w.has(v) {
		return true
	}
	if w.size += len(v) + sha256.Size; w.size > kad.GatewayWatched {
		return false
	}
	if w.hashes == nil {
		w.hashes = make(map[[sha256.Size]byte]struct{})
	}
	w.hashes[sha256.Sum256(v)] = struct{}{}
	w.values = append(w.values, bytes.Clone(v))
	return true
}

// add keeps what other has, as far as there is room.
func (w *watched) add(other watched) {
	for _, v := range other.values {
		w.keep(v)
	}
}

// without is what other has not.
func (w *watched) without(other watched) (rest [][]byte) {
	for _, v := range w.values {
		if !other.has(v) {
			rest = append(rest, v)
		}
	}
	return rest
}
