package bep5

import (
	"errors"
	"math"
)

// Limits on what is read.
const (
	// maxDepth is how deep values may be nested: BEP 44's may be 1,000 bytes
	// of any bencode, which is 500 lists.
	maxDepth = 512

	// MaxTx is the longest transaction id, in bytes, that is repeated to who
	// asks. BEP 5 uses 2; others count, or sign.
	MaxTx = 512
)

// Why a datagram is not a message. They say no more: nobody is told.
var (
	errSyntax = errors.New("bep5: not canonical bencode")
	errShape  = errors.New("bep5: not the shape of a message")
)

// Read reads a datagram into m, strictly: one dictionary and nothing after it,
// keys ascending, integers and lengths without leading zeros or minus zero.
// What the message is for is the caller's to see: a key that has a value of
// another type than it should is in Wrong, one that is not known is passed
// over. With an error m is of no use, but see Salvage.
func Read(b []byte, m *Message) error {
	*m = Message{}
	p := parser{b: b}
	if !p.message(m) || p.at != len(b) {
		return errSyntax
	}
	if m.Tx == nil || len(m.Tx) > MaxTx {
		return errShape
	}
	switch m.Kind {
	case Query, Failure:
		return nil
	case Reply:
		if m.Body != nil {
			return nil
		}
	}
	return errShape
}

// parser is a place in the bytes.
type parser struct {
	b  []byte
	at int
}

// message passes over the outer dictionary. Of a and r the first one counts:
// no message has both.
func (p *parser) message(m *Message) bool {
	d, ok := p.open('d')
	for ok && p.more() {
		var key []byte
		if key, ok = d.key(p); !ok {
			break
		}
		start := p.at
		var s []byte
		switch string(key) {
		case "a", "r":
			if m.Body != nil || p.peek() != 'd' {
				ok = p.skip(1)
				break
			}
			ok = p.body(m)
			m.Body = p.b[start:p.at]
			m.bodyOf = key[0]
		case "e":
			ok = p.failure(m)
		case "ip":
			if s, ok = p.maybeString(); s != nil {
				m.IP = s
			}
		case "q":
			m.Method, ok = p.maybeString()
		case "ro":
			var n int64
			n, _, ok = p.maybeInt()
			m.ReadOnly = n == 1
		case "t":
			m.Tx, ok = p.maybeString()
		case "v":
			m.Version, ok = p.maybeString()
		case "y":
			if s, ok = p.maybeString(); len(s) == 1 {
				m.Kind = Kind(s[0])
			}
		default:
			ok = p.skip(1)
		}
	}
	if !ok || !p.end() {
		return false
	}
	m.keepBody()
	return true
}

// keepBody forgets a body that is not the kind's: the values of a query, the
// arguments of a reply.
func (m *Message) keepBody() {
	if m.Kind == Query && m.bodyOf != 'a' || m.Kind == Reply && m.bodyOf != 'r' || m.Kind == Failure {
		m.Body, m.Has, m.Wrong = nil, 0, 0
	}
}

// failure passes over e: a list of a code and a text, or what others send.
func (p *parser) failure(m *Message) bool {
	if p.peek() != 'l' {
		return p.skip(1)
	}
	p.at++
	for i := 0; p.more(); i++ {
		ok := true
		switch i {
		case 0:
			m.Code, _, ok = p.maybeInt()
		case 1:
			m.Text, ok = p.maybeString()
		default:
			ok = p.skip(2)
		}
		if !ok {
			return false
		}
	}
	return p.end()
}

// dict remembers the last key of a dictionary: they ascend.
type dict struct {
	last  []byte
	first bool
}

func (p *parser) open(c byte) (dict, bool) {
	if p.peek() != c {
		return dict{}, false
	}
	p.at++
	return dict{first: true}, true
}

func (d *dict) key(p *parser) ([]byte, bool) {
	key, ok := p.str()
	if !ok || !d.first && string(d.last) >= string(key) {
		return nil, false
	}
	d.last, d.first = key, false
	return key, true
}

// more reports whether another item follows in what is open.
func (p *parser) more() bool { return p.at < len(p.b) && p.b[p.at] != 'e' }

func (p *parser) end() bool {
	if p.peek() != 'e' {
		return false
	}
	p.at++
	return true
}

// peek is the byte at hand; 0, which begins and ends nothing, at the end.
func (p *parser) peek() byte {
	if p.at >= len(p.b) {
		return 0
	}
	return p.b[p.at]
}

// str passes over a length, a colon and that many bytes, which it returns.
func (p *parser) str() ([]byte, bool) {
	b, i := p.b, p.at
	n := 0
	for i < len(b) && isDigit(b[i]) {
		if n = 10*n + int(b[i]-'0'); n > len(b) {
			return nil, false
		}
		i++
	}
	if i == p.at || i == len(b) || b[i] != ':' || b[p.at] == '0' && i > p.at+1 {
		return nil, false
	}
	i++
	if n > len(b)-i {
		return nil, false
	}
	p.at = i + n
	return b[i : i+n : i+n], true
}

// maybeString is a string; or nil, and the value of another type passed over.
func (p *parser) maybeString() ([]byte, bool) {
	if isDigit(p.peek()) {
		return p.str()
	}
	return nil, p.skip(2)
}

// maybeInt is an integer; or is == false, and the value passed over: of
// another type, or of more than 64 bits.
func (p *parser) maybeInt() (n int64, is, ok bool) {
	start := p.at
	if !p.skip(2) {
		return 0, false, false
	}
	if p.b[start] != 'i' {
		return 0, false, true
	}
	n, is = readInt(p.b[start+1 : p.at-1])
	return n, is, true
}

// readInt is the number that skipInt passed over, if it has 64 bits.
func readInt(digits []byte) (n int64, fits bool) {
	negative := digits[0] == '-'
	limit := uint64(math.MaxInt64)
	if negative {
		digits, limit = digits[1:], limit+1
	}
	if len(digits) > 19 { // 10^19 is less than 2^64
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		u = 10*u + uint64(c-'0')
	}
	if negative {
		return int64(-u), u <= limit
	}
	return int64(u), u <= limit
}

// skip passes over one value that stands in depth containers.
func (p *parser) skip(depth int) bool {
	switch c := p.peek(); {
	case isDigit(c):
		_, ok := p.str()
		return ok
	case c == 'i':
		return p.skipInt()
	case depth > maxDepth:
		return false
	case c == 'l':
		p.at++
		for p.more() {
			if !p.skip(depth + 1) {
				return false
			}
		}
		return p.end()
	case c == 'd':
		d, _ := p.open('d')
		for p.more() {
			if _, ok := d.key(p); !ok || !p.skip(depth+1) {
				return false
			}
		}
		return p.end()
	}
	return false
}

// skipInt passes over an integer of any length.
func (p *parser) skipInt() bool {
	p.at++
	negative := p.peek() == '-'
	if negative {
		p.at++
	}
	start := p.at
	for isDigit(p.peek()) {
		p.at++
	}
	digits := p.at - start
	if digits == 0 || p.b[start] == '0' && (digits > 1 || negative) {
		return false
	}
	return p.end()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Canonical reports whether b is one value in the one way to write it.
func Canonical(b []byte) bool {
	p := parser{b: b}
	return p.skip(0) && p.at == len(b)
}
