//go:build !linux

package load

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// wire is a UDP socket of package net and room for a batch, read and written as
// golang.org/x/net can. It costs more than bare calls of the system.
type wire struct {
	conn    *net.UDPConn
	packets *ipv4.PacketConn
	in, out []ipv4.Message
}

// listen opens a socket on loopback. If to is valid it hears and tells nobody else.
func listen(to netip.AddrPort) (w *wire, addr netip.AddrPort, err error) {
	w = &wire{in: make([]ipv4.Message, batch), out: make([]ipv4.Message, batch)}
	if to.IsValid() {
		w.conn, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	} else {
		w.conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	}
	if err != nil {
		return nil, addr, err
	}
	w.packets = ipv4.NewPacketConn(w.conn)
	for i := range batch {
		w.in[i].Buffers, w.out[i].Buffers = [][]byte{make([]byte, longest)}, make([][]byte, 1)
	}
	return w, w.conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// take waits for packets, for as long as patience lasts.
func (w *wire) take() (count int, err error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return w.packets.ReadBatch(w.in, 0)
}

// packet is the i-th of those taken last.
func (w *wire) packet(i int) []byte { return w.in[i].Buffers[0][:w.in[i].N] }

// put makes b the i-th to be sent.
func (w *wire) put(i int, b []byte) { w.out[i].Buffers[0] = b }

// send sends the first so many that were put; where the socket is not connected,
// each to who sent the one in its place.
func (w *wire) send(count int) (sent int, err error) {
	if w.conn.RemoteAddr() == nil {
		for i := range count {
			w.out[i].Addr = w.in[i].Addr
		}
	}
	return w.packets.WriteBatch(w.out[:count], 0)
}

func (w *wire) close() error { return w.conn.Close() }
