package transport

import (
	"context"

	kad "github.com/khashmir/kad"
	"github.com/quic-go/quic-go"
)

// listen begins to accept connections. It is called when the first packet comes
// that may be from somebody who dials, and that packet is accepted too. A listener
// of quic-go's keeps a queue of 1,024 packets, 100 KB; most nodes answer all that
// they are asked by datagram and never need it.
func (t *QUIC) listen() {
	if !t.begin() {
		return
	}
	listener, err := t.quic.Listen(t.server, t.config)
	if err != nil {
		t.running.Done()
		t.log.Error("connections cannot be accepted", "err", err)
		return
	}
	t.mu.Lock()
	t.listener = listener
	closed := t.closed
	t.mu.Unlock()
	if closed { // and whoever did so saw no listener
		_ = listener.Close()
	}
	go func() {
		defer t.running.Done()
		t.acceptAll(listener)
	}()
}

// acceptAll hands on connections that others made, and waits for nothing else.
func (t *QUIC) acceptAll(listener *quic.Listener) {
	for {
		qc, err := listener.Accept(context.Background())
		if err != nil {
			return // closed, or the socket failed: readDatagrams tells
		}
		t.running.Go(func() { t.accept(qc) })
	}
}

// readDatagrams takes from quic-go the packets that are not its own, where they
// are not taken out before (see socket_batch.go); it holds 32 of them. Wherever it
// runs it sees when the socket fails.
func (t *QUIC) readDatagrams() {
	packet := make([]byte, kad.MaxDatagram+1)
	for {
		n, from, err := t.quic.ReadNonQUICPacket(t.root, packet)
		if err != nil {
			if t.root.Err() == nil {
				t.log.Error("socket failed", "err", err)
			}
			return
		}
		if isDatagram(packet[:n]) {
			t.socket.received(packet[:n], plainAddr(from))
		}
	}
}
