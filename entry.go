package kad

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Entry is one value under a key, as its publisher stored it. Two entries
// under a key are versions of the same when publisher and value are the same;
// the higher Seq is the newer.
//
// A removed entry is what its publisher leaves behind for as long as older
// copies may turn up: it has the value's hash in the place of the value.
//
// Times are the local clock's. On the wire an entry's age travels instead, so
// that clocks need not agree.
type Entry struct {
	Value     []byte // of a removed entry the SHA-256 of the value that it had
	Publisher PublicKey
	Created   time.Time
	TTL       time.Duration // whole seconds
	Seq       int64         // grows with each store: the publisher's clock, in unix milliseconds
	Removed   bool
	Signature Signature // by the publisher, see Sign
}

// Signature is an Ed25519 signature; the zero one stands for none.
type Signature [ed25519.SignatureSize]byte

// Expires is when the entry's lifetime ends; at that instant it is gone.
func (e Entry) Expires() time.Time { return e.Created.Add(e.TTL) }

// Hash is the SHA-256 of the value, also of one that was removed.
func (e Entry) Hash() [sha256.Size]byte {
	if e.Removed && len(e.Value) == sha256.Size {
		return [sha256.Size]byte(e.Value)
	}
	return sha256.Sum256(e.Value)
}

// Sign makes private's holder the publisher of e under key. With the signature
// others can copy the entry to others yet, and nobody can make one up. All but
// Created is signed: how old a copy is, is the word of who gives it.
func (e *Entry) Sign(key ID, private ed25519.PrivateKey) {
	e.Publisher = PublicKeyOf(private)
	e.Signature = Signature(ed25519.Sign(private, e.statement(key)))
}

// Authentic reports whether the publisher has signed e under key.
func (e Entry) Authentic(key ID) bool {
	return ed25519.Verify(e.Publisher[:], e.statement(key), e.Signature[:])
}

// statement is what the signature is of: the words "khashmir entry 1", the key,
// Seq and the lifetime in seconds (8 bytes each, big endian), one byte that is 1
// for a removal and else 0, and the value's hash.
func (e Entry) statement(key ID) []byte {
	hash := e.Hash()
	b := append(make([]byte, 0, 96), "khashmir entry 1"...)
	b = append(b, key[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(e.TTL/time.Second))
	if e.Removed {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return append(b, hash[:]...)
}

// Mark is eight bytes that tell this version of the entry from all others: the
// first of the SHA-256 of its publisher and what that has signed. Holders
// compare marks to see what one of them lacks.
func (e Entry) Mark(key ID) uint64 {
	sum := sha256.Sum256(append(e.statement(key), e.Publisher[:]...))
	return binary.BigEndian.Uint64(sum[:])
}

// Digest stands for a set of entries: how many they are, and the sum of their
// marks, modulo 2^64. Two holders with equal digests hold the same.
type Digest struct {
	Count int
	Sum   uint64
}

// Add puts one entry's mark into the digest.
func (d *Digest) Add(mark uint64) {
	d.Count++
	d.Sum += mark
}
