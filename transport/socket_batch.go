//go:build darwin || linux || freebsd

package transport

import (
	"net"

	"golang.org/x/net/ipv4"
)

// batches reads many packets with one call of the system.
type batches = *ipv4.PacketConn

func newBatches(conn *net.UDPConn) batches { return ipv4.NewPacketConn(conn) }

// ReadBatch is what quic-go reads with where a connection has it. Our own
// datagrams are taken out on the way: one of length 0 is left in their place,
// which quic-go drops.
func (s *socket) ReadBatch(packets []ipv4.Message, flags int) (int, error) {
	n, err := s.batches.ReadBatch(packets, flags)
	for i := range packets[:max(n, 0)] {
		p := &packets[i]
		if packet := p.Buffers[0][:p.N]; isDatagram(packet) {
			s.received(packet, plainAddr(p.Addr))
			p.N = 0
		}
	}
	return n, err
}

// readDatagrams has nothing left to do.
func (t *QUIC) readDatagrams() {}
