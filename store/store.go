// Package store keeps what one node owns on disk: the entries it holds for the
// network, its identity, and the contacts of its last checkpoint.
//
// SQLite is the store of a real node, Memory its twin with the same behaviour
// and nothing on disk. Neither reads a clock (now is an argument), starts a
// goroutine, or decides what may be stored: sizes, tokens and signatures are
// the node's business. A store is used by one process at a time and by as many
// goroutines as you like.
//
// Times are kept in whole milliseconds. An entry is live while now is before
// the end of its lifetime; one that is over is never returned and never counts,
// swept or not.
//
// To read on: commit.go is a value's way to the disk, limits.go what may be in
// it, entries.go the way back, expire.go the end; memory.go is all of it again without a disk.
package store

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
)

// What callers branch on; ask with errors.Is.
var (
	// ErrClosed answers every call after Close.
	ErrClosed = errors.New("the store is closed")

	// ErrFull means that there is no room, under the key or in all.
	ErrFull = errors.New("no room")

	// ErrQuota means that the publisher has as much here as one may.
	ErrQuota = errors.New("the publisher's quota is used up")

	// ErrExpired means that the entry's lifetime was over before it was put.
	ErrExpired = errors.New("the entry has expired")

	// ErrSuperseded means that a newer version of the entry is here, and that
	// one of the two is a removal.
	ErrSuperseded = errors.New("a newer version is here")

	// ErrInUse means that another process, or this one, has the file open.
	ErrInUse = errors.New("the store is in use")

	// ErrHasIdentity means that the store already has another identity.
	ErrHasIdentity = errors.New("the store already has an identity")
)

// Config is a store's settings. Its zero value works.
type Config struct {
	Limits

	// PowerSafe makes a commit outlive a power cut, at one fsync each. What
	// that costs hangs on the disk; puts at the same time share it. Default: it outlives the death of the process, kill -9 included; the
	// last ones may be lost in a power cut. The file is whole either way.
	PowerSafe bool

	// Warn hears of a damaged file, and of what could be saved of it. Default:
	// nobody does.
	Warn func(message string, err error)
}

// Stats is how much a store holds. Counting it costs the same whatever that is.
type Stats struct {
	Entries   int   // the expired that are not swept yet among them
	Bytes     int64 // of their values
	FileBytes int64 // of the file and its log; 0 in memory
	Damaged   int   // entries that the disk did not give back as they were, since Open
}

// lifetime is when e began and ends, in unix milliseconds.
func lifetime(e kad.Entry) (created, expires int64) {
	return e.Created.UnixMilli(), e.Expires().UnixMilli()
}

// between is the reverse of lifetime.
func between(created, expires int64) (time.Time, time.Duration) {
	return time.UnixMilli(created), time.Duration(expires-created) * time.Millisecond
}

// itemOf is what versions of an entry under a key have in common: the publisher
// and the value.
func itemOf(e kad.Entry) [16]byte {
	hash := e.Hash()
	sum := sha256.Sum256(append(hash[:], e.Publisher[:]...))
	return [16]byte(sum[:])
}

// newer says what to do with a version that comes when there is another: take
// it (true), leave things as they are (false), or refuse it.
func newer(e kad.Entry, seq int64, removed bool) (bool, error) {
	switch {
	case e.Seq > seq:
		return true, nil
	case e.Removed != removed && e.Seq < seq:
		return false, ErrSuperseded
	}
	return false, nil
}

// checkIdentity refuses what is not a whole key, and a second identity: a node
// that changed its ID would leave all it holds behind.
func checkIdentity(key, kept ed25519.PrivateKey) error {
	if len(key) != ed25519.PrivateKeySize {
		return fmt.Errorf("a key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	if kept != nil && !kept.Equal(key) {
		return ErrHasIdentity
	}
	return nil
}

// savable is the contact as it will be read back: its ID follows from its key.
// One that nobody can be asked at is not worth keeping.
func savable(c kad.Contact) (kad.Contact, bool) {
	c = kad.NewContact(c.Key, c.V4, c.V6)
	return c, c.Reachable()
}
