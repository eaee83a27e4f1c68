package shell

import (
	"crypto/sha1"
	"encoding/hex"
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// id is the n-th argument, an ID in bytes or in hexadecimal, as the node wants
// it. Nothing else is taken for one: a text that happens to have 20 letters would
// not be what it seems.
func id(l *lua.LState, n int) string {
	text := l.CheckString(n)
	switch raw := binary(text); {
	case len(raw) == IDLength:
		return hex.EncodeToString([]byte(raw))
	case readable(text) && text != "":
		l.ArgError(n, "an ID is 20 bytes or 40 hexadecimal digits; try sha1("+quote(shorten(text))+")")
	}
	l.ArgError(n, "an ID is 20 bytes or 40 hexadecimal digits, this is "+counted(len(text), "byte"))
	return ""
}

// binary is text, or the ID that it has the digits of.
func binary(text string) string {
	if len(text) == 2*IDLength {
		if raw, err := hex.DecodeString(text); err == nil {
			return string(raw)
		}
	}
	return text
}

func sum(l *lua.LState) int {
	hash := sha1.Sum([]byte(l.CheckString(1)))
	l.Push(lua.LString(hash[:]))
	return 1
}

func xor(l *lua.LState) int {
	a, b := binary(l.CheckString(1)), binary(l.CheckString(2))
	if len(a) != len(b) {
		l.RaiseError("xor: %s and %s", counted(len(a), "byte"), counted(len(b), "byte"))
	}
	mixed := make([]byte, len(a))
	for i := range mixed {
		mixed[i] = a[i] ^ b[i]
	}
	l.Push(lua.LString(mixed))
	return 1
}

func toHex(l *lua.LState) int {
	text := l.CheckString(1)
	checkLength(l, 2*len(text), 1)
	l.Push(lua.LString(hex.EncodeToString([]byte(text))))
	return 1
}

func fromHex(l *lua.LState) int {
	raw, err := hex.DecodeString(l.CheckString(1))
	if err != nil {
		l.ArgError(1, "not hexadecimal digits, two a byte")
	}
	l.Push(lua.LString(raw))
	return 1
}

// bucketNumber counts from 1, as Kademlua's did.
func bucketNumber(l *lua.LState) int {
	distance := binary(l.CheckString(1))
	if len(distance) != IDLength {
		l.ArgError(1, "a distance is 20 bytes or 40 hexadecimal digits: xor(a, b)")
	}
	zeros := 0
	for i := 0; i < len(distance); i++ {
		zeros += bits.LeadingZeros8(distance[i])
		if distance[i] != 0 {
			break
		}
	}
	l.Push(lua.LNumber(zeros + 1))
	return 1
}

// distance is the first digits of how far apart two IDs are, in hexadecimal.
func distance(a, b string) string {
	x, y := binary(a), binary(b)
	if len(x) != IDLength || len(y) != IDLength {
		return ""
	}
	mixed := make([]byte, DistanceDigits/2)
	for i := range mixed {
		mixed[i] = x[i] ^ y[i]
	}
	return hex.EncodeToString(mixed)
}
