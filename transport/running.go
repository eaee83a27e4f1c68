package transport

import "net/netip"

const (
	// maxAsks is how many questions of ours are in flight at once.
	maxAsks = 4096

	// maxAnswers is how many questions of others are answered at once.
	maxAnswers = 4096
)

// What runs is counted, so that it is bounded and Close can wait for it.

// begin counts a goroutine that nothing counted waits for.
func (t *QUIC) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.running.Add(1)
	return true
}

func (t *QUIC) beginAsk() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed, !t.serving:
		return ErrClosed
	case t.asks >= maxAsks:
		return ErrBusy
	}
	t.asks++
	t.running.Add(1)
	return nil
}

func (t *QUIC) endAsk() {
	t.mu.Lock()
	t.asks--
	t.mu.Unlock()
	t.running.Done()
}

// beginAnswer counts a question over all, for who asks, and on its connection
// where it came on one. ErrClosed means that the connection is on its way out.
func (t *QUIC) beginAnswer(c *conn, from netip.AddrPort) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return ErrClosed
	case t.answers >= maxAnswers:
		return ErrBusy
	case !t.shares.enter(from):
		return ErrBusy
	case c != nil && !t.pool.enter(c):
		t.shares.leave(from)
		return ErrClosed
	}
	t.answers++
	t.running.Add(1)
	return nil
}

func (t *QUIC) endAnswer(c *conn, from netip.AddrPort) {
	if c != nil {
		t.closeSurplus(t.pool.leave(c))
	}
	t.mu.Lock()
	t.answers--
	t.shares.leave(from)
	t.mu.Unlock()
	t.running.Done()
}
