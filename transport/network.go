package transport

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
)

// Network is a network in process: endpoints with made-up addresses, and
// whatever weather a test wants between them. It runs in real time and in a
// testing/synctest bubble alike; it starts no goroutine of its own.
type Network struct {
	mu      sync.Mutex
	random  *rand.Rand
	nodes   map[netip.AddrPort]*Mem
	killed  map[netip.AddrPort]bool
	groups  map[netip.AddrPort]int
	next    uint32
	latency time.Duration
	jitter  time.Duration
	loss    float64
	timeout time.Duration
}

// NewNetwork is a network without latency or loss. The seed decides every
// draw of it: with the same questions in the same order, the same are lost.
func NewNetwork(seed uint64) *Network {
	return &Network{
		random:  rand.New(rand.NewPCG(seed, seed)),
		nodes:   make(map[netip.AddrPort]*Mem),
		killed:  make(map[netip.AddrPort]bool),
		timeout: kad.FirstTimeout,
	}
}

// Transport is a new endpoint at addr, or at an address of its own when none
// is given: 10.0.0.1:4000, 10.0.0.2:4000 and so on. It is heard once it serves.
func (n *Network) Transport(addr ...netip.AddrPort) *Mem {
	m := &Mem{net: n, pending: make(map[*memAsk]struct{})}
	if len(addr) > 0 {
		m.addr = addr[0]
		return m
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	ip := netip.AddrFrom4([4]byte{10, byte(n.next >> 16), byte(n.next >> 8), byte(n.next)})
	m.addr = netip.AddrPortFrom(ip, 4000)
	return m
}

// SetLatency makes every message, one way, take fixed plus something between
// 0 and jitter.
func (n *Network) SetLatency(fixed, jitter time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latency, n.jitter = fixed, jitter
}

// SetLoss loses this share of all messages, 0 to 1, questions and answers.
func (n *Network) SetLoss(rate float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = rate
}

// SetTimeout is how long an asker waits; kad.FirstTimeout until it is set.
func (n *Network) SetTimeout(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.timeout = d
}

// Partition splits the network: only addresses of the same group hear each
// other. Those in no group form one more. Without groups all is healed.
func (n *Network) Partition(groups ...[]netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups = make(map[netip.AddrPort]int)
	for i, group := range groups {
		for _, addr := range group {
			n.groups[addr] = i + 1
		}
	}
}

// Kill makes the endpoint at addr silent, as a pulled plug does: it says
// nothing and hears nothing.
func (n *Network) Kill(addr netip.AddrPort) { n.setKilled(addr, true) }

// Revive undoes Kill.
func (n *Network) Revive(addr netip.AddrPort) { n.setKilled(addr, false) }

func (n *Network) setKilled(addr netip.AddrPort, killed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.killed[addr] = killed
}

func (n *Network) add(m *Mem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes[m.addr] = m
}

func (n *Network) remove(m *Mem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nodes[m.addr] == m {
		delete(n.nodes, m.addr)
	}
}

// at is the endpoint that serves at addr.
func (n *Network) at(addr netip.AddrPort) (*Mem, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, ok := n.nodes[addr]
	return m, ok
}

// patience is how long an asker waits for its answer.
func (n *Network) patience() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.timeout
}

// travel is how long a message from one address to another takes, or
// ok == false when it never arrives.
func (n *Network) travel(from, to netip.AddrPort) (d time.Duration, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.killed[from] || n.killed[to] || n.groups[from] != n.groups[to] {
		return 0, false
	}
	if n.loss > 0 && n.random.Float64() < n.loss {
		return 0, false
	}
	d = n.latency
	if n.jitter > 0 {
		d += time.Duration(n.random.Int64N(int64(n.jitter)))
	}
	return d, true
}
