//go:build !(darwin || linux || freebsd)

package transport

import "net"

// Where quic-go reads packet by packet, it hands over those that are not its
// own: see readDatagrams.
type batches struct{}

func newBatches(*net.UDPConn) batches { return batches{} }

// ReadFrom is what quic-go reads with there.
func (s *socket) ReadFrom(packet []byte) (int, net.Addr, error) {
	n, from, err := s.UDPConn.ReadFrom(packet)
	if mayDial(packet[:max(n, 0)]) {
		s.dialled()
	}
	return n, from, err
}
