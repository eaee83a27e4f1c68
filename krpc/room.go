package krpc

import (
	"math"

	kad "github.com/khashmir/kad"
)

// What parts of a message that is written by hand take at most, in bytes, so
// that one buffer is enough. A test holds them to what is written.
const (
	// frameRoom is for the keys, numbers and IDs of a message, and all lengths:
	// for what is not transaction id, token, contact or entry.
	frameRoom = 178

	// entryRoom is for an entry without value, publisher and signature.
	entryRoom = 88
)

// frameItems is how many values there are at most in a message beside its
// entries, entryItems how many an entry counts for, as the guard counts them.
const (
	frameItems = 16
	entryItems = 8
)

// roomFor is how many bytes m takes at most. It is not ok for what write does
// not write, and for what encode refuses.
func roomFor(m Message) (room int, ok bool) {
	if (m.Query == nil) == (m.Reply == nil) || len(m.Tx) > maxTxSize {
		return 0, false
	}
	if m.Query != nil {
		room, ok = roomForQuery(m.Query)
	} else {
		room, ok = roomForReply(m.Reply)
	}
	return frameRoom + len(m.Tx) + room, ok
}

func roomForQuery(q *Query) (room int, ok bool) {
	switch q.Method {
	case Ping, FindNode:
		return 0, true
	case FindValue:
		return 0, q.Cursor <= math.MaxInt64
	case StoreValue:
		room, ok = roomForEntry(&q.Entry)
		return room + len(q.Token), ok && len(q.Token) <= maxTokenSize
	}
	return 0, false
}

func roomForReply(r *Reply) (room int, ok bool) {
	if r.Error != nil || r.Same || r.Split || len(r.Marks) > 0 {
		return 0, false
	}
	if len(r.Token) > maxTokenSize || r.Next > math.MaxInt64 || r.Hot > math.MaxInt64 || len(r.Entries) > (kad.MaxMessageItems-frameItems)/entryItems {
		return 0, false
	}
	room = len(r.Token) + roomForContacts(r.Contacts)
	for i := range r.Entries {
		entry, ok := roomForEntry(&r.Entries[i])
		if !ok {
			return 0, false
		}
		room += entry
	}
	return room, true
}

func roomForContacts(contacts []kad.Contact) (room int) {
	for i := range contacts {
		if v4 := contacts[i].V4.Addr(); v4.Is4() {
			room += contactSize4
		} else if v4.IsValid() {
			room += contactSize6 // made by hand, in the wrong place
		}
		if contacts[i].V6.IsValid() {
			room += contactSize6
		}
	}
	return room
}

func roomForEntry(e *Entry) (room int, ok bool) {
	if e.Age < 0 || e.TTL < 0 || e.Seq < 0 {
		return 0, false
	}
	room = entryRoom + len(e.Value)
	if !e.Publisher.IsZero() {
		room += len(e.Publisher)
	}
	if e.Signature != (kad.Signature{}) {
		room += len(e.Signature)
	}
	return room, true
}
