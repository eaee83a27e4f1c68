package load

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// wire is a blocking UDP socket and room for a batch, read and written with one
// bare call of the system each: nothing of the runtime's poller, and nothing to
// allocate.
type wire struct {
	fd       int
	messages [batch]mmsghdr
	vectors  [batch]unix.Iovec
	rooms    [batch][]byte
}

// mmsghdr is the system's.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// listen opens a socket on loopback. If to is valid it hears and tells nobody else.
func listen(to netip.AddrPort) (w *wire, addr netip.AddrPort, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, addr, os.NewSyscallError("socket", err)
	}
	w = &wire{fd: fd}
	if addr, err = w.bind(to); err != nil {
		return nil, addr, errors.Join(err, w.close())
	}
	for i := range batch {
		w.rooms[i] = make([]byte, longest)
		h := &w.messages[i].header
		h.Iov = &w.vectors[i]
		h.SetIovlen(1)
		if !to.IsValid() {
			h.Name = (*byte)(unsafe.Pointer(new(unix.RawSockaddrInet4)))
		}
	}
	return w, addr, nil
}

func (w *wire) bind(to netip.AddrPort) (addr netip.AddrPort, err error) {
	if err := unix.Bind(w.fd, &unix.SockaddrInet4{Addr: loopback.Addr().As4()}); err != nil {
		return addr, os.NewSyscallError("bind", err)
	}
	if to.IsValid() {
		if err := unix.Connect(w.fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
			return addr, os.NewSyscallError("connect", err)
		}
	}
	wait := unix.NsecToTimeval(patience.Nanoseconds())
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return addr, os.NewSyscallError("setsockopt", err)
	}
	bound, err := unix.Getsockname(w.fd)
	if err != nil {
		return addr, os.NewSyscallError("getsockname", err)
	}
	return netip.AddrPortFrom(loopback.Addr(), uint16(bound.(*unix.SockaddrInet4).Port)), nil
}

// take waits for packets, for as long as patience lasts.
func (w *wire) take() (count int, err error) {
	for i := range batch {
		w.vectors[i].Base = &w.rooms[i][0]
		w.vectors[i].SetLen(longest)
		w.messages[i].header.Namelen = unix.SizeofSockaddrInet4
	}
	return w.call("recvmmsg", unix.SYS_RECVMMSG, batch, unix.MSG_WAITFORONE)
}

// packet is the i-th of those taken last.
func (w *wire) packet(i int) []byte { return w.rooms[i][:w.messages[i].length] }

// put makes b the i-th to be sent.
func (w *wire) put(i int, b []byte) {
	w.vectors[i].Base = &b[0]
	w.vectors[i].SetLen(len(b))
}

// send sends the first so many that were put; where the socket is not connected,
// each to who sent the one in its place.
func (w *wire) send(count int) (sent int, err error) {
	return w.call("sendmmsg", unix.SYS_SENDMMSG, count, 0)
}

func (w *wire) call(name string, number uintptr, count int, flags uintptr) (int, error) {
	for {
		n, _, errno := unix.Syscall6(number, uintptr(w.fd), uintptr(unsafe.Pointer(&w.messages[0])), uintptr(count), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, os.NewSyscallError(name, errno)
		}
	}
}

func (w *wire) close() error { return os.NewSyscallError("close", unix.Close(w.fd)) }
