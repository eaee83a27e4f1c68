package mainline

import (
	"net/netip"

	"github.com/khashmir/kad/krpc/bep5"
)

// Answering has a twin of the first side of n answer questions without a
// socket: what is the packet loop's own the twin has for itself.
func Answering(n *Node, f func(answer func(b []byte, from netip.AddrPort, packet []byte) []byte)) {
	s := n.sides[0]
	twin := &side{node: n, udp: s.udp, six: s.six, size: s.size}
	n.mu.Lock()
	s.refresh()
	twin.self.Store(s.self.Load())
	twin.known.Store(s.known.Load())
	n.mu.Unlock()
	twin.loop.swarms = s.loop.swarms
	twin.loop.tokens = newTokens(n.config.TokenInterval)
	twin.loop.tokens.secret = s.loop.tokens.secret
	twin.loop.flood = newFlood(true)
	m := new(bep5.Message)
	twin.Begin()
	defer n.shelf.mu.Unlock()
	f(func(b []byte, from netip.AddrPort, packet []byte) []byte {
		if bep5.Read(packet, m) != nil || m.Kind != bep5.Query {
			return b
		}
		return twin.Answer(b, from, m)
	})
}
