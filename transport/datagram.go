package transport

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// A datagram carries one question or one answer that fits it, beside QUIC on
// the same socket. Its first byte, the kind, is below 0x40, which no packet of
// QUIC's is (RFC 9443). docs/PROTOCOL.md shows the bytes.
//
//	question  kind tx from nonce sealed(length message padding)
//	answer    kind tx      nonce sealed(length message)
//	who       kind tx padding
//	here      kind tx key
//
// An answer without a message says: ask on a stream. A question that the node
// at the address cannot open is answered with here, which proves nothing.
const (
	kindQuestion byte = 1
	kindAnswer   byte = 2
	kindWho      byte = 3
	kindHere     byte = 4
)

const (
	txSize       = 8
	keySize      = len(kad.PublicKey{})
	answerHead   = 1 + txSize
	questionHead = 1 + txSize + keySize
	hereSize     = 1 + txSize + keySize // of a who too, at least

	// maxQuestion and maxAnswer are the longest messages that fit.
	maxQuestion = kad.MaxDatagram - questionHead - sealedExtra
	maxAnswer   = kad.MaxDatagram - answerHead - sealedExtra

	// amplification: nobody can have us send more than this many times what
	// was sent to us, to an address that may be made up (RFC 9000, section 8).
	amplification = 3
)

// isDatagram reports whether a packet is ours and not QUIC's.
func isDatagram(packet []byte) bool { return len(packet) > 0 && packet[0] < 0x40 }

// mayDial reports whether a packet may begin a connection: those that do have a
// long header (RFC 9000, section 17.2).
func mayDial(packet []byte) bool { return len(packet) > 0 && packet[0] >= 0x80 }

// questionSize is how long a question's packet is at least. It leaves its
// answer room within the amplification limit: K contacts, of both families at
// that, and beside them a page of small values.
func questionSize(method krpc.Method) int {
	switch method {
	case krpc.FindNode:
		return 288
	case krpc.FindValue:
		return kad.MaxDatagram / amplification
	default:
		return 0
	}
}

// head begins a packet; key is that of a question or a here.
func head(kind byte, tx uint64, key []byte) []byte {
	h := append(make([]byte, 0, questionHead), kind)
	return append(binary.BigEndian.AppendUint64(h, tx), key...)
}

func txOf(packet []byte) uint64 { return binary.BigEndian.Uint64(packet[1:]) }

// received takes a packet that is not QUIC's. It runs on the goroutine that
// reads the socket, must not block, and the packet is gone when it returns.
func (t *QUIC) received(packet []byte, from netip.AddrPort) {
	if len(packet) < answerHead || len(packet) > kad.MaxDatagram {
		return
	}
	switch packet[0] {
	case kindAnswer:
		t.answered(packet)
	case kindHere:
		t.here(packet, from)
	case kindWho:
		if len(packet) >= hereSize {
			t.aside((*QUIC).sayHere, packet, from)
		}
	case kindQuestion:
		if len(packet) >= questionHead+sealedExtra {
			t.aside((*QUIC).answerDatagram, packet, from)
		}
	}
}

// aside answers a packet on a goroutine of its own. One more of a flood is
// dropped as if it was lost.
func (t *QUIC) aside(answer func(*QUIC, []byte, netip.AddrPort), packet []byte, from netip.AddrPort) {
	if t.beginAnswer(nil, from) != nil {
		return
	}
	packet = bytes.Clone(packet)
	go func() {
		defer t.endAnswer(nil, from)
		answer(t, packet, from)
	}()
}
