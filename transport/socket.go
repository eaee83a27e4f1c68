package transport

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"

	kad "github.com/khashmir/kad"
)

// socket is the one UDP socket of a node. It keeps quic-go from writing to
// the standard log about the size of its buffers, which the system may cap:
// quic-go looks at the size only through a connection it gets from
// SyscallConn, so there is none until both buffers are set. They are made as
// large as the system allows, and that is all one can do.
type socket struct {
	*net.UDPConn
	sized    atomic.Bool
	batches  batches
	received func(packet []byte, from netip.AddrPort) // takes our own datagrams; set before reading begins
	dialled  func()                                   // somebody may begin a connection; likewise
}

var errNotSized = errors.New("the buffers are not set yet")

func (s *socket) SetReadBuffer(size int) error {
	_ = s.UDPConn.SetReadBuffer(size)
	return nil
}

// SetWriteBuffer is the second, and last, that quic-go sets.
func (s *socket) SetWriteBuffer(size int) error {
	_ = s.UDPConn.SetWriteBuffer(size)
	s.sized.Store(true)
	return nil
}

func (s *socket) SyscallConn() (syscall.RawConn, error) {
	if !s.sized.Load() {
		return nil, errNotSized
	}
	return s.UDPConn.SyscallConn()
}

// listen opens the socket. The zero address is any port of all addresses of
// both families where the system has both, else of IPv4.
func listen(addr netip.AddrPort) (*socket, error) {
	network := "udp"
	switch {
	case addr.Addr().Is4():
		network = "udp4"
	case addr.Addr().Is6() && !addr.Addr().IsUnspecified():
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil && !addr.Addr().IsValid() {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: int(addr.Port())})
	}
	if err != nil {
		return nil, err
	}
	return &socket{UDPConn: conn, batches: newBatches(conn)}, nil
}

// addr is where the socket is bound, an IPv4 address as one.
func (s *socket) addr() netip.AddrPort { return plainAddr(s.LocalAddr()) }

// routes are the contact's addresses that this socket can send to, the one to
// try first in front.
func (s *socket) routes(to kad.Contact) []netip.AddrPort {
	var routes []netip.AddrPort
	here := s.addr().Addr()
	everywhere := here.Is6() && here.IsUnspecified()
	if to.V4.IsValid() && (here.Is4() || everywhere) {
		routes = append(routes, to.V4)
	}
	if to.V6.IsValid() && here.Is6() {
		routes = append(routes, to.V6)
	}
	return routes
}

// send gives a packet to the system. What it does not take is lost, as on any
// way; whoever needs it asks again.
func (t *QUIC) send(packet []byte, to netip.AddrPort) {
	_, _ = t.socket.WriteToUDPAddrPort(packet, to)
}

func plainAddr(addr net.Addr) netip.AddrPort {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	a := udp.AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
