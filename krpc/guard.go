package krpc

import (
	"bytes"
	"fmt"
	"math"

	kad "github.com/khashmir/kad"
)

// Check reports whether b is exactly one canonical bencode dictionary within
// the limits of const.go: kad.MaxMessageSize bytes, containers nested at most
// kad.MaxMessageDepth deep, kad.MaxMessageItems values in all (a dictionary's
// keys are not counted).
//
// Canonical means that there is one way only to write a thing: integers and
// lengths without leading zeros, integers within 64 bits, keys strictly
// ascending, nothing after the end. The bencode library is lax about all of
// these and would let a stranger allocate gigabytes or overflow the stack, so
// it sees only what passed here. Check makes one pass and allocates nothing
// unless it fails; the error says where and why.
func Check(b []byte) error {
	if len(b) > kad.MaxMessageSize {
		return fmt.Errorf("%d bytes are over the limit of %d", len(b), kad.MaxMessageSize)
	}
	if len(b) == 0 || b[0] != 'd' {
		return fmt.Errorf("not a dictionary")
	}
	g := guard{b: b}
	if err := g.value(0); err != nil {
		return err
	}
	if g.pos != len(b) {
		return g.fail("bytes after the end")
	}
	return nil
}

// guard is a place in the bytes and what was counted up to there.
type guard struct {
	b     []byte
	pos   int
	items int
}

// value passes over one value that stands in depth containers.
func (g *guard) value(depth int) error {
	if g.items++; g.items > kad.MaxMessageItems {
		return g.fail("too many values")
	}
	switch c := g.peek(); {
	case c == 'i':
		return g.integer()
	case isDigit(c):
		_, err := g.text()
		return err
	case c != 'l' && c != 'd':
		return g.fail("not the start of a value")
	case depth == kad.MaxMessageDepth:
		return g.fail("nested too deeply")
	case c == 'l':
		return g.list(depth + 1)
	default:
		return g.dict(depth + 1)
	}
}

func (g *guard) list(depth int) error {
	for g.pos++; g.peek() != 'e'; {
		if err := g.value(depth); err != nil {
			return err
		}
	}
	g.pos++
	return nil
}

func (g *guard) dict(depth int) error {
	var last []byte
	first := true
	for g.pos++; g.peek() != 'e'; first = false {
		key, err := g.text()
		if err != nil {
			return err
		}
		if !first && bytes.Compare(last, key) >= 0 {
			return g.fail("keys do not ascend")
		}
		last = key
		if err := g.value(depth); err != nil {
			return err
		}
	}
	g.pos++
	return nil
}

// integer passes over i, an optional minus, digits and e.
func (g *guard) integer() error {
	g.pos++
	limit := uint64(math.MaxInt64)
	negative := g.peek() == '-'
	if negative {
		g.pos++
		limit++
	}
	n, err := g.number(limit)
	if err != nil {
		return err
	}
	if negative && n == 0 {
		return g.fail("minus zero")
	}
	if g.peek() != 'e' {
		return g.fail("an integer without its end")
	}
	g.pos++
	return nil
}

// text passes over a length, a colon and that many bytes, which it returns.
func (g *guard) text() ([]byte, error) {
	n, err := g.number(kad.MaxMessageSize)
	if err != nil {
		return nil, err
	}
	if g.peek() != ':' {
		return nil, g.fail("a length without its colon")
	}
	g.pos++
	if n > uint64(len(g.b)-g.pos) {
		return nil, g.fail("a length beyond the end")
	}
	start := g.pos
	g.pos += int(n)
	return g.b[start:g.pos], nil
}

// number passes over decimal digits that make at most limit.
func (g *guard) number(limit uint64) (uint64, error) {
	if !isDigit(g.peek()) {
		return 0, g.fail("a digit is missing")
	}
	start := g.pos
	var n uint64
	for ; isDigit(g.peek()); g.pos++ {
		digit := uint64(g.b[g.pos] - '0')
		if n > (limit-digit)/10 {
			return 0, g.fail("a number is too large")
		}
		n = 10*n + digit
	}
	if g.b[start] == '0' && g.pos > start+1 {
		return 0, g.fail("a leading zero")
	}
	return n, nil
}

// peek is the byte at hand; 0, which starts and ends nothing, at the end.
func (g *guard) peek() byte {
	if g.pos == len(g.b) {
		return 0
	}
	return g.b[g.pos]
}

func (g *guard) fail(reason string) error {
	return fmt.Errorf("byte %d: %s", g.pos, reason)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
