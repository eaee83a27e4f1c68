package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// PeerCommand is the first argument that makes a program that builds networks
// with processes for peers one of them: it then calls ServePeer, and that is all.
const PeerCommand = "peer"

// ServePeer is the life of a peer that is a process: it does what in says and
// tells out, until it is told to close. Where in ends before that, its parent
// is no more, and it ends as in a crash.
func ServePeer(in io.Reader, out io.Writer) error {
	s := &servant{orders: json.NewDecoder(in), answers: json.NewEncoder(out)}
	var first order
	if err := s.orders.Decode(&first); err != nil {
		return fmt.Errorf("a peer process wants orders on its input, from khashmir-testnet --restart: %w", err)
	}
	if first.Do != doOpen || first.Open == nil {
		return fmt.Errorf("a peer process begins with %q, not %q", doOpen, first.Do)
	}
	log, err := first.Open.logger()
	var p *local
	if err == nil {
		p, err = openLocal(*first.Open, first.Open.transport(), log, watch(log))
	}
	if err != nil {
		s.answer(answer{N: first.N}, err)
		return nil
	}
	s.peer = p
	s.answer(answer{N: first.N, ID: p.ID(), Addr: p.Addr()}, nil)
	return s.serve()
}

// servant does what it is told, many things at once.
type servant struct {
	orders  *json.Decoder
	peer    *local
	running sync.WaitGroup

	mu      sync.Mutex
	answers *json.Encoder
}

func (s *servant) serve() error {
	defer s.running.Wait()
	for {
		var o order
		switch err := s.orders.Decode(&o); {
		case errors.Is(err, io.EOF):
			return s.peer.Abort()
		case err != nil:
			return also(err, s.peer.Abort())
		}
		if o.Do == doClose {
			s.answer(answer{N: o.N}, s.peer.Close())
			return nil
		}
		s.running.Go(func() { s.answer(s.do(o)) })
	}
}

func (s *servant) do(o order) (a answer, err error) {
	ctx, p := context.Background(), s.peer
	a.N = o.N
	switch o.Do {
	case doMeet:
		err = p.AddContact(ctx, o.Addr)
	case doJoin:
		err = p.FindCloseNodes(ctx)
	case doFind:
		a.Found = new(found)
		*a.Found, err = p.FindNode(ctx, o.ID)
	case doStore:
		a.Stored = new(stored)
		*a.Stored, err = p.Store(ctx, o.ID, o.Value)
	case doRead:
		a.Reading = new(reading)
		*a.Reading, err = p.Read(ctx, o.ID)
	case doLack:
		a.Lacking, err = p.lacks(o.IDs)
	case doStats:
		a.Stats = new(stats)
		*a.Stats, err = p.Stats()
		a.Stats.Goroutines, a.Stats.CPU = runtime.NumGoroutine(), cpuTime()
		a.Stats.RSSMiB, a.Stats.OwnMiB = residence()
	default:
		err = fmt.Errorf("no peer can %q", o.Do)
	}
	return a, err
}

// answer cannot fail to be told: where nobody listens any more, in ends too.
func (s *servant) answer(a answer, err error) {
	if err != nil {
		a.Error = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.answers.Encode(a)
}
