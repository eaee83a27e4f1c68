package transport_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
)

// road is a relay for datagrams between one asker and one node behind it.
// It can be blocked, and led to another node.
type road struct {
	front, back *net.UDPConn

	mu      sync.Mutex
	asker   netip.AddrPort
	node    netip.AddrPort
	blocked bool
}

func newRoad(t *testing.T, node netip.AddrPort) *road {
	t.Helper()
	r := &road{node: node}
	for _, conn := range []**net.UDPConn{&r.front, &r.back} {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
		if err != nil {
			t.Fatal(err)
		}
		*conn = c
	}
	var both sync.WaitGroup
	both.Go(func() { r.carry(r.front, r.back) })
	both.Go(func() { r.carry(r.back, r.front) })
	t.Cleanup(func() {
		r.front.Close()
		r.back.Close()
		both.Wait()
	})
	return r
}

func (r *road) addr() netip.AddrPort { return r.front.LocalAddr().(*net.UDPAddr).AddrPort() }

func (r *road) block(blocked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked = blocked
}

func (r *road) leadTo(node netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.node = node
}

func (r *road) carry(from, to *net.UDPConn) {
	b := make([]byte, 2048)
	for {
		n, sender, err := from.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if addr, ok := r.next(from, sender); ok {
			_, _ = to.WriteToUDPAddrPort(b[:n], addr)
		}
	}
}

func (r *road) next(from *net.UDPConn, sender netip.AddrPort) (netip.AddrPort, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from == r.front {
		r.asker = sender
		return r.node, !r.blocked
	}
	return r.asker, !r.blocked && sender == r.node
}
