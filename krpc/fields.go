package krpc

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"time"

	kad "github.com/khashmir/kad"
)

// What decode reads a message's fields with: each says by name what is wrong.

// readDict fills the struct that into points to from the value of key name.
func readDict(raw []byte, into any, name string) error {
	if raw == nil {
		return malformed("%s is missing", name)
	}
	if unmarshal(raw, into) != nil {
		return malformed("%s is not a dictionary, or a value in it is of the wrong type", name)
	}
	return nil
}

func readEntry(w wireEntry) (e Entry, err error) {
	value, ok := text(w.Value)
	if !ok {
		return Entry{}, malformed("an entry's v is missing or not a string")
	}
	e.Value = value
	if e.Publisher, err = readKey(w.Publisher, "p"); err != nil {
		return Entry{}, err
	}
	if e.Age, err = readSeconds(w.Age, "a"); err != nil {
		return Entry{}, err
	}
	if e.TTL, err = readSeconds(w.TTL, "l"); err != nil {
		return Entry{}, err
	}
	if w.Seq < 0 {
		return Entry{}, malformed("an entry's n is negative")
	}
	e.Seq, e.Removed = w.Seq, w.Removed != 0
	switch len(w.Signature) {
	case 0:
	case len(e.Signature):
		e.Signature = kad.Signature([]byte(w.Signature))
	default:
		return Entry{}, malformed("s has %d bytes, not %d", len(w.Signature), len(e.Signature))
	}
	return e, nil
}

// readMarks is the reverse of packMarks.
func readMarks(s string) (marks []uint64) {
	for b := []byte(s); len(b) >= markSize; b = b[markSize:] {
		marks = append(marks, binary.BigEndian.Uint64(b))
	}
	return marks
}

func readID(s, name string) (kad.ID, error) {
	if len(s) != kad.IDSize {
		return kad.ID{}, malformed("%s has %d bytes, not %d", name, len(s), kad.IDSize)
	}
	return kad.ID([]byte(s)), nil
}

// readKey takes an empty key, that is one left out, for the zero key.
func readKey(s, name string) (key kad.PublicKey, err error) {
	if s == "" {
		return key, nil
	}
	if len(s) != len(key) {
		return key, malformed("%s has %d bytes, not %d", name, len(s), len(key))
	}
	return kad.PublicKey([]byte(s)), nil
}

func readToken(token string) (string, error) {
	if len(token) > maxTokenSize {
		return "", malformed("token has %d bytes, over the limit of %d", len(token), maxTokenSize)
	}
	return token, nil
}

func readCount(n int64, name string) (uint64, error) {
	if n < 0 {
		return 0, malformed("%s is negative", name)
	}
	return uint64(n), nil
}

func readSeconds(n int64, name string) (time.Duration, error) {
	if n < 0 || n > maxSeconds {
		return 0, malformed("an entry's %s is not in 0 to %d seconds", name, maxSeconds)
	}
	return time.Duration(n) * time.Second, nil
}

// text reads a string that the guard has passed; ok is false for a value of
// another type, or none.
func text(raw []byte) (content []byte, ok bool) {
	if len(raw) == 0 || !isDigit(raw[0]) {
		return nil, false
	}
	_, content, ok = bytes.Cut(raw, []byte{':'})
	return content, ok
}

// integer reads an integer that the guard has passed.
func integer(raw []byte) (n int64, ok bool) {
	if len(raw) == 0 || raw[0] != 'i' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw[1:len(raw)-1]), 10, 64)
	return n, err == nil
}
