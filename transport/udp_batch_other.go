//go:build !linux

package transport

import (
	"net"
	"net/netip"

	kad "github.com/khashmir/kad"
)

// packets reads and answers datagrams one by one where the system, or we, know
// no better.
type packets struct {
	conn *net.UDPConn
	room []byte
	n    int
	from netip.AddrPort
	out  []byte
}

func newPackets(conn *net.UDPConn) (*packets, error) {
	return &packets{conn: conn, room: make([]byte, kad.MaxPacket+1)}, nil
}

func (p *packets) wait() (n int, err error) {
	p.n, p.from, err = p.conn.ReadFromUDPAddrPort(p.room)
	if err != nil {
		return 0, err
	}
	p.from = netip.AddrPortFrom(p.from.Addr().Unmap(), p.from.Port())
	return 1, nil
}

func (p *packets) packet(int) ([]byte, netip.AddrPort) {
	if p.n > kad.MaxPacket {
		return nil, p.from
	}
	return p.room[:p.n], p.from
}

func (p *packets) answer(_ int, b []byte) { p.out = b }

func (p *packets) flush() {
	if len(p.out) > 0 {
		_, _ = p.conn.WriteToUDPAddrPort(p.out, p.from)
		p.out = nil
	}
}
