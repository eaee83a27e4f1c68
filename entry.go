package kad

import "time"

// Entry is one value under a key, with its publisher and its lifetime. Two
// entries under a key are the same when their values are.
//
// Times are the local clock's. On the wire an entry's age travels instead, so
// that clocks need not agree.
type Entry struct {
	Value     []byte
	Publisher PublicKey
	Created   time.Time
	TTL       time.Duration
}

// Expires is when the entry's lifetime ends; at that instant it is gone.
func (e Entry) Expires() time.Time { return e.Created.Add(e.TTL) }
