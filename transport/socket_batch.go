//go:build darwin || linux || freebsd

package transport

import (
	"net"

	"golang.org/x/net/ipv4"
)

// batches reads many packets with one call of the system.
type batches = *ipv4.PacketConn

func newBatches(conn *net.UDPConn) batches { return ipv4.NewPacketConn(conn) }

// nobodys is the shortest packet that quic-go takes for one of a connection it
// does not know. It drops that and uses the buffer again, which it does not do
// with an empty one.
var nobodys = []byte{0x40, 0, 0, 0, 0}

// ReadBatch is what quic-go reads with where a connection has it. Our own
// datagrams are taken out on the way, and nobody's left in their place.
func (s *socket) ReadBatch(packets []ipv4.Message, flags int) (int, error) {
	n, err := s.batches.ReadBatch(packets, flags)
	for i := range packets[:max(n, 0)] {
		p := &packets[i]
		switch packet := p.Buffers[0][:p.N]; {
		case isDatagram(packet):
			s.received(packet, plainAddr(p.Addr))
			p.N = copy(p.Buffers[0], nobodys)
		case mayDial(packet):
			s.dialled()
		}
	}
	return n, err
}
