package testnet

import (
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// cut keeps questions from crossing between two halves of the network, over
// whatever transport: the asker hears nothing until its time is up.
type cut struct {
	mu    sync.Mutex
	sides map[netip.AddrPort]int // 1 and 2; nobody is on a side unless there is a cut
}

// attach has a peer live with cuts: it can be cut off, and looks after its
// neighbours and those it has lost every few seconds, for nobody wants to watch
// for hours.
func (c *cut) attach(config *khashmir.Config) {
	config.Transport = &severed{Transport: config.Transport, cut: c, pending: make(map[*time.Timer]func(error))}
	config.MaintainInterval = time.Second
	config.ReplicateInterval = 5 * time.Second
}

// between cuts the network into these halves; none heals it.
func (c *cut) between(one, other []*khashmir.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sides = make(map[netip.AddrPort]int)
	for side, half := range [][]*khashmir.Node{one, other} {
		for _, node := range half {
			c.sides[node.Addr()] = side + 1
		}
	}
}

func (c *cut) parts(a, b netip.AddrPort) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sides[a] != c.sides[b]
}

// severed is a peer's transport with the cut in it.
type severed struct {
	khashmir.Transport
	cut *cut

	mu      sync.Mutex
	closed  bool
	pending map[*time.Timer]func(error) // questions that went nowhere
	running sync.WaitGroup
}

func (s *severed) Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	if !s.cut.parts(s.Addr(), to.Addr()) {
		s.Transport.Ask(to, q, then)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := kad.MinTimeout
	if s.closed {
		wait = 0
	}
	s.running.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		answer, mine := s.pending[timer]
		delete(s.pending, timer)
		s.mu.Unlock()
		if mine {
			answer(transport.ErrTimeout)
		}
	})
	s.pending[timer] = func(err error) {
		defer s.running.Done()
		then(krpc.Reply{}, err)
	}
}

// Close answers what is pending first.
func (s *severed) Close() error {
	s.mu.Lock()
	s.closed = true
	pending := s.pending
	s.pending = make(map[*time.Timer]func(error))
	s.mu.Unlock()
	for timer, answer := range pending {
		timer.Stop()
		answer(transport.ErrClosed)
	}
	s.running.Wait()
	return s.Transport.Close()
}
