package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	kad "github.com/khashmir/kad"
)

// packets reads up to kad.BatchSize datagrams with one call of the system and
// answers them with another (recvmmsg, sendmmsg). All it needs is made once.
// The calls never wait, so the scheduler is not told of them; for waiting there
// is the runtime's own poller.
type packets struct {
	raw  syscall.RawConn
	in   [kad.BatchSize]mmsghdr
	out  [kad.BatchSize]mmsghdr
	from [kad.BatchSize]unix.RawSockaddrInet6 // or Inet4, which is shorter

	inVec, outVec [kad.BatchSize]unix.Iovec

	room    []byte // for what is read
	answers int    // queued

	read, sent    int
	err           error
	receive, send func(fd uintptr) bool // made once: a closure a call would be garbage
}

// mmsghdr is the system's; Go aligns it as C does.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

func newPackets(conn *net.UDPConn) (*packets, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &packets{raw: raw, room: make([]byte, kad.BatchSize*kad.MaxPacket)}
	p.receive, p.send = p.tryReceive, p.trySend
	for i := range kad.BatchSize {
		p.inVec[i].Base = &p.room[i*kad.MaxPacket]
		p.inVec[i].SetLen(kad.MaxPacket)
		p.in[i].header.Iov, p.out[i].header.Iov = &p.inVec[i], &p.outVec[i]
		p.in[i].header.SetIovlen(1)
		p.out[i].header.SetIovlen(1)
		p.in[i].header.Name = (*byte)(unsafe.Pointer(&p.from[i]))
	}
	return p, nil
}

// wait waits for datagrams and returns how many there are.
func (p *packets) wait() (int, error) {
	if err := p.raw.Read(p.receive); err != nil {
		return 0, err
	}
	return p.read, p.err
}

func (p *packets) tryReceive(fd uintptr) bool {
	for i := range p.in {
		p.in[i].header.Namelen = unix.SizeofSockaddrInet6
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&p.in[0])), kad.BatchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			p.read, p.err = int(n), nil
			return true
		case unix.EAGAIN:
			return false
		case unix.EINTR:
		default: // an ICMP error that came back, say
			p.read, p.err = 0, nil
			return true
		}
	}
}

// packet is the i-th datagram and who sent it; nil if it was longer than
// anybody may send.
func (p *packets) packet(i int) ([]byte, netip.AddrPort) {
	if p.in[i].header.Flags&unix.MSG_TRUNC != 0 {
		return nil, netip.AddrPort{}
	}
	name := &p.from[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	ip := netip.AddrFrom16(name.Addr)
	if name.Family == unix.AF_INET {
		ip = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
	}
	start := i * kad.MaxPacket
	return p.room[start : start+int(p.in[i].length)], netip.AddrPortFrom(ip, port)
}

// answer queues b for the sender of the i-th datagram. b must stay as it is
// until flush.
func (p *packets) answer(i int, b []byte) {
	out := &p.out[p.answers]
	out.header.Name, out.header.Namelen = p.in[i].header.Name, p.in[i].header.Namelen
	p.outVec[p.answers].Base = &b[0]
	p.outVec[p.answers].SetLen(len(b))
	p.answers++
}

// flush sends what is queued. What the system does not take is lost, as on any
// way.
func (p *packets) flush() {
	if p.answers == 0 {
		return
	}
	p.sent = 0
	_ = p.raw.Write(p.send)
	p.answers = 0
}

func (p *packets) trySend(fd uintptr) bool {
	for p.sent < p.answers {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&p.out[p.sent])), uintptr(p.answers-p.sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			p.sent += int(n)
		case unix.EINTR:
		default:
			p.sent++ // that one cannot go
		}
	}
	return true
}
