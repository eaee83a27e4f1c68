package bep5

import (
	"net/netip"
	"strconv"

	kad "github.com/khashmir/kad"
)

// Version is what our messages have in v: two letters for the program and two
// bytes for its version.
const Version = "KM\x00\x01"

// MaxReply is how long an answer should be at the most, in bytes: what every
// path carries whole, and no more than some clients read.
const MaxReply = 1024

// The codes of BEP 5 and BEP 44.
const (
	CodeGeneric       = 201
	CodeServer        = 202
	CodeProtocol      = 203
	CodeUnknownMethod = 204
	CodeTooLarge      = 205 // v has more than 1,000 bytes
	CodeSignature     = 206
	CodeSaltTooLarge  = 207 // more than 64 bytes
	CodeCAS           = 301 // the item has another seq than the asker thought
	CodeSeq           = 302 // the item has a higher seq
)

// Open begins an answer to whoever is at to. The values come next, by the
// functions below and in the order of their keys, then Close.
func Open(b []byte, to netip.AddrPort) []byte {
	b = append(b, 'd')
	b = appendIP(b, to)
	return append(b, "1:rd"...)
}

// Close ends an answer.
func Close(b, tx []byte) []byte {
	b = append(b, 'e')
	b = appendTx(b, tx)
	return append(b, "1:v4:"+Version+"1:y1:re"...)
}

// Tail is how long the end of an answer will be.
func Tail(tx []byte) int { return len("e1:t000:1:v4:0000"+"1:y1:re") + len(tx) }

// AppendFailure is a whole error message.
func AppendFailure(b []byte, to netip.AddrPort, tx []byte, code int, text string) []byte {
	b = append(b, "d1:eli"...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, 'e')
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, ':')
	b = append(b, text...)
	b = append(b, 'e')
	b = appendIP(b, to)
	b = appendTx(b, tx)
	return append(b, "1:v4:"+Version+"1:y1:ee"...)
}

func appendIP(b []byte, to netip.AddrPort) []byte {
	if to.Addr().Is4() {
		b = append(b, "2:ip6:"...)
	} else {
		b = append(b, "2:ip18:"...)
	}
	return AppendAddr(b, to)
}

func appendTx(b, tx []byte) []byte {
	b = append(b, "1:t"...)
	b = appendLen(b, len(tx))
	return append(b, tx...)
}

// AppendID is the key id.
func AppendID(b []byte, id *kad.ID) []byte {
	b = append(b, "2:id20:"...)
	return append(b, id[:]...)
}

// AppendBytes is a key and a string.
func AppendBytes(b []byte, key string, value []byte) []byte {
	b = AppendKey(b, key)
	b = appendLen(b, len(value))
	return append(b, value...)
}

// AppendInt is a key and an integer.
func AppendInt(b []byte, key string, n int64) []byte {
	b = AppendKey(b, key)
	b = append(b, 'i')
	b = strconv.AppendInt(b, n, 10)
	return append(b, 'e')
}

// AppendRaw is a key and a value that is bencoded already.
func AppendRaw(b []byte, key string, value []byte) []byte {
	return append(AppendKey(b, key), value...)
}

// AppendKey is a key alone.
func AppendKey(b []byte, key string) []byte {
	b = appendLen(b, len(key))
	return append(b, key...)
}

// AppendLen is the length before a string that the caller appends himself.
func AppendLen(b []byte, n int) []byte { return appendLen(b, n) }

func appendLen(b []byte, n int) []byte {
	if n < 10 {
		return append(b, byte('0'+n), ':')
	}
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, ':')
}

// AppendAddr is an address in its compact form: 4 or 16 bytes, then the port,
// big endian.
func AppendAddr(b []byte, addr netip.AddrPort) []byte {
	if ip := addr.Addr(); ip.Is4() {
		a := ip.As4()
		b = append(b, a[:]...)
	} else {
		a := ip.As16()
		b = append(b, a[:]...)
	}
	return append(b, byte(addr.Port()>>8), byte(addr.Port()))
}

// ReadAddr is the reverse of AppendAddr; ok is false unless b has 6 or 18 bytes.
func ReadAddr(b []byte) (addr netip.AddrPort, ok bool) {
	if len(b) != 6 && len(b) != 18 {
		return addr, false
	}
	at := len(b) - 2
	ip, _ := netip.AddrFromSlice(b[:at])
	return netip.AddrPortFrom(ip, uint16(b[at])<<8|uint16(b[at+1])), true
}
