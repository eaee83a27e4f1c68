//go:build !(darwin || linux || freebsd)

package transport

import (
	"net"

	kad "github.com/khashmir/kad"
)

// Where quic-go reads packet by packet, it hands over those that are not its
// own; it holds 32 of them.
type batches struct{}

func newBatches(*net.UDPConn) batches { return batches{} }

func (t *QUIC) readDatagrams() {
	t.running.Go(func() {
		packet := make([]byte, kad.MaxDatagram+1)
		for {
			n, from, err := t.quic.ReadNonQUICPacket(t.root, packet)
			if err != nil {
				return
			}
			if isDatagram(packet[:n]) {
				t.socket.received(packet[:n], plainAddr(from))
			}
		}
	})
}
