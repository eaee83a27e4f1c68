package transport

import (
	"encoding/binary"

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
	whoHead      = 1 + txSize
	answerHead   = 1 + txSize
	questionHead = 1 + txSize + keySize
	hereSize     = 1 + txSize + keySize
	keySize      = len(kad.PublicKey{})
	lengthSize   = 2

	// maxQuestion and maxAnswer are the longest messages that fit.
	maxQuestion = kad.MaxDatagram - questionHead - sealedExtra - lengthSize
	maxAnswer   = kad.MaxDatagram - answerHead - sealedExtra - lengthSize

	// amplification: nobody can have us send more than this many times what
	// was sent to us, to an address that may be made up (RFC 9000, section 8).
	amplification = 3
)

// isDatagram reports whether a packet is ours and not QUIC's.
func isDatagram(packet []byte) bool { return len(packet) > 0 && packet[0] < 0x40 }

// questionSize is how long a question's text is at least. It leaves its answer
// room within the amplification limit: K contacts, or a page of small values.
func questionSize(method krpc.Method) int {
	const sealed = questionHead + sealedExtra
	switch method {
	case krpc.FindNode:
		return 200 - sealed
	case krpc.FindValue:
		return kad.MaxDatagram/amplification - sealed
	default:
		return 0
	}
}

// framed is a message as it is sealed: its length, itself, and zeros up to
// atLeast.
func framed(message []byte, atLeast int) []byte {
	text := make([]byte, max(lengthSize+len(message), atLeast))
	binary.BigEndian.PutUint16(text, uint16(len(message)))
	copy(text[lengthSize:], message)
	return text
}

// unframed is the message in an opened text.
func unframed(text []byte) ([]byte, bool) {
	if len(text) < lengthSize {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(text))
	if n > len(text)-lengthSize {
		return nil, false
	}
	return text[lengthSize : lengthSize+n], true
}

// head begins a packet.
func head(kind byte, tx uint64, room int) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, room), kind), tx)
}

func txOf(packet []byte) uint64 { return binary.BigEndian.Uint64(packet[1:]) }
