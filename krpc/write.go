package krpc

import (
	"slices"
	"strconv"
	"time"

	kad "github.com/khashmir/kad"
)

// write makes the messages that a network is full of: queries but compare, and
// answers but errors and those to compare. What it makes is to the byte what
// encode makes; a message that is rare, or that encode might refuse, it leaves
// to encode: ok is false.
func write(m Message) (b []byte, ok bool) {
	room, ok := roomFor(m)
	if !ok || room > kad.MaxMessageSize {
		return nil, false
	}
	kind := kindReply
	b = append(make([]byte, 0, room), 'd')
	if m.Query != nil {
		kind = kindQuery
		b = writeArgs(b, m.Query)
		b = writeText(b, "1:q", string(m.Query.Method))
		b = writeNonzero(b, "2:ro", flag(m.Query.Client))
	} else {
		b = writeValues(b, m.Reply)
	}
	if m.Tx != "" {
		b = writeText(b, "1:t", m.Tx)
	}
	b = writeInteger(b, "1:v", kad.Version)
	b = writeText(b, "1:y", kind)
	return append(b, 'e'), true
}

func writeArgs(b []byte, q *Query) []byte {
	if q.Method == Ping && !q.Who {
		return b
	}
	b = append(b, "1:ad"...)
	if q.Method == Ping {
		b = writeNonzero(b, "3:who", flag(q.Who))
		return append(b, 'e')
	}
	if q.Method == StoreValue {
		b = writeNonzero(b, "5:cache", flag(q.Cache))
		b = writeEntry(append(b, "5:entry"...), &q.Entry)
		b = writeBytes(b, "3:key", q.Target[:])
		b = writeToken(b, q.Token)
		return append(b, 'e')
	}
	if q.Method == FindValue {
		b = writeNonzero(b, "3:any", flag(q.Any))
		b = writeNonzero(b, "6:cursor", int64(q.Cursor))
		b = writeNonzero(b, "3:hot", flag(q.Hot))
	}
	b = writeBytes(b, "6:target", q.Target[:])
	return append(b, 'e')
}

func writeValues(b []byte, r *Reply) []byte {
	b = append(b, "1:rd"...)
	if len(r.Entries) > 0 {
		b = append(b, "7:entriesl"...)
		for i := range r.Entries {
			b = writeEntry(b, &r.Entries[i])
		}
		b = append(b, 'e')
	}
	b = writeNonzero(b, "3:hot", int64(r.Hot))
	if !r.Key.IsZero() {
		b = writeBytes(b, "1:k", r.Key[:])
	}
	b = writeNonzero(b, "4:next", int64(r.Next))
	b = writeContacts(b, r.Contacts)
	b = writeToken(b, r.Token)
	return append(b, 'e')
}

func writeEntry(b []byte, e *Entry) []byte {
	b = append(b, 'd')
	b = writeNonzero(b, "1:a", int64(e.Age/time.Second))
	b = writeNonzero(b, "1:d", flag(e.Removed))
	b = writeNonzero(b, "1:l", int64(e.TTL/time.Second))
	b = writeNonzero(b, "1:n", e.Seq)
	if !e.Publisher.IsZero() {
		b = writeBytes(b, "1:p", e.Publisher[:])
	}
	if e.Signature != (kad.Signature{}) {
		b = writeBytes(b, "1:s", e.Signature[:])
	}
	b = writeBytes(b, "1:v", e.Value)
	return append(b, 'e')
}

// writeContacts writes the list of each family that there are addresses of.
func writeContacts(b []byte, contacts []kad.Contact) []byte {
	any6 := false
	b = append(b, "5:nodes"...)
	start := len(b)
	for i := range contacts {
		c := sendable(&contacts[i])
		if c.V4.IsValid() {
			b = appendContact(b, c.Key, c.V4)
		}
		any6 = any6 || c.V6.IsValid()
	}
	b = endList(b, "5:nodes", start)
	if !any6 {
		return b
	}
	b = append(b, "6:nodes6"...)
	start = len(b)
	for i := range contacts {
		if c := sendable(&contacts[i]); c.V6.IsValid() {
			b = appendContact(b, c.Key, c.V6)
		}
	}
	return endList(b, "6:nodes6", start)
}

// endList puts the length before the list that starts at start, after its key;
// an empty list goes, and its key too.
func endList(b []byte, key string, start int) []byte {
	if len(b) == start {
		return b[:start-len(key)]
	}
	var space [8]byte
	return slices.Insert(b, start, writeLength(space[:0], len(b)-start)...)
}

func writeToken(b []byte, token string) []byte {
	if token == "" {
		return b
	}
	return writeText(b, "5:token", token)
}

// writeText, writeBytes and writeInteger write a key, which is given with its
// length, and its value; writeNonzero does if the value is not 0.
func writeText(b []byte, key, s string) []byte {
	return append(writeLength(append(b, key...), len(s)), s...)
}

func writeBytes(b []byte, key string, s []byte) []byte {
	return append(writeLength(append(b, key...), len(s)), s...)
}

func writeInteger(b []byte, key string, n int64) []byte {
	b = append(append(b, key...), 'i')
	return append(strconv.AppendInt(b, n, 10), 'e')
}

func writeNonzero(b []byte, key string, n int64) []byte {
	if n == 0 {
		return b
	}
	return writeInteger(b, key, n)
}

func writeLength(b []byte, n int) []byte {
	return append(strconv.AppendInt(b, int64(n), 10), ':')
}
