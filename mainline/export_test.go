package mainline

import (
	"net/netip"

	"github.com/khashmir/kad/krpc/bep5"
)

// Answering has the first side of n answer questions without a socket. Nobody
// may send it any meanwhile.
func Answering(n *Node, f func(answer func(b []byte, from netip.AddrPort, packet []byte) []byte)) {
	s := n.sides[0]
	m := new(bep5.Message)
	s.Begin()
	defer s.End()
	f(func(b []byte, from netip.AddrPort, packet []byte) []byte {
		if bep5.Read(packet, m) != nil || m.Kind != bep5.Query {
			return b
		}
		return s.Answer(b, from, m)
	})
}
