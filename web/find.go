package web

import (
	"context"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// search is one find on its way to a client. Its functions run on the goroutine
// that runs it, and end it with an error.
type search struct {
	key    khashmir.ID
	enough int // values that end it; 0: all there are
	value  func(value []byte, after time.Duration) error
	step   func(khashmir.Step) error // may be nil
}

// search runs s. What is found comes beside any error.
func (g *Gateway) search(ctx context.Context, s search) (api.Found, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type batch struct {
		values [][]byte
		err    error
	}
	t, begun := newTrail(), time.Now()
	batches := make(chan batch) // who reads slowly is searched for slowly
	var options []khashmir.FindOption
	if s.enough > 0 {
		options = append(options, khashmir.Enough(s.enough))
	}
	g.node.ValueForKey(t.observe(ctx), s.key, func(values [][]byte, err error) { batches <- batch{values, err} }, options...)

	f := finding{search: s, stop: cancel}
	for {
		select {
		case step := <-t.steps:
			f.see(step)
			continue
		case b := <-batches:
			for _, v := range b.values {
				f.take(v, time.Since(begun))
			}
			if len(b.values) > 0 {
				continue
			}
			l := t.end(ctx, b.err, s.key)
			for len(t.steps) > 0 {
				f.see(<-t.steps)
			}
			l.Values = true
			if l.Took == 0 {
				l.Took = time.Since(begun)
			}
			if f.err != nil {
				l.Err = f.err
			}
			return api.Found{Key: s.key.String(), Values: []api.Value{}, Shown: append(g.shownHere(s.key), f.shown...), Lookup: lookupOf(l)}, l.Err
		}
	}
}

// finding is what has come of a search so far.
type finding struct {
	search
	stop  context.CancelCauseFunc
	shown []api.Holder
	err   error // the client's
}

func (f *finding) see(s khashmir.Step) {
	if s.Kind == khashmir.Answered && s.Values > 0 {
		f.shown = append(f.shown, api.Holder{Contact: contactOf(s.Contact), Values: s.Values})
	}
	if f.step != nil && f.err == nil {
		f.end(f.step(s))
	}
}

func (f *finding) take(value []byte, after time.Duration) {
	if f.err == nil {
		f.end(f.value(value, after))
	}
}

func (f *finding) end(err error) {
	if err != nil {
		f.err = err
		f.stop(err)
	}
}

// shownHere is this node, if it holds what is looked for.
func (g *Gateway) shownHere(key khashmir.ID) []api.Holder {
	held, err := g.node.Holdings(key, 1)
	if err != nil || len(held) == 0 || held[0].Key != key {
		return []api.Holder{}
	}
	return []api.Holder{{Contact: contactOf(g.node.Contact()), Values: held[0].Entries}}
}
