package transport

import (
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/chacha20poly1305"

	kad "github.com/khashmir/kad"
)

const (
	nonceSize   = chacha20poly1305.NonceSizeX
	sealedExtra = nonceSize + chacha20poly1305.Overhead
)

var errNotSealed = errors.New("not sealed by this key for us")

// sealer seals datagrams to other nodes and opens theirs. Two nodes share a
// secret without a word said: the Diffie-Hellman of their identities' keys.
// From it each direction has a key of its own, so nothing can be sent back as
// an answer, and only the two can have sealed anything.
type sealer struct {
	self    kad.PublicKey
	private *ecdh.PrivateKey
	run     [nonceSize - 8]byte // random; with a count, no nonce comes twice
	count   atomic.Uint64
	pairs   pairs
}

// pair is this node and one other: what each of them seals with.
type pair struct{ ours, theirs cipher.AEAD }

func newSealer(key ed25519.PrivateKey) (*sealer, error) {
	s := &sealer{self: kad.PublicKeyOf(key)}
	rand.Read(s.run[:]) // never fails
	// RFC 8032, section 5.1.5: the scalar of an Ed25519 key is the first half
	// of its seed's hash. X25519 clamps it the same way.
	hash := sha512.Sum512(key.Seed())
	var err error
	s.private, err = ecdh.X25519().NewPrivateKey(hash[:32])
	return s, err
}

// pair is what to seal and open with, for the node that holds key.
func (s *sealer) pair(key kad.PublicKey) (pair, error) {
	if p, ok := s.pairs.get(key); ok {
		return p, nil
	}
	point, err := new(edwards25519.Point).SetBytes(key[:])
	if err != nil {
		return pair{}, err
	}
	public, err := ecdh.X25519().NewPublicKey(point.BytesMontgomery())
	if err != nil {
		return pair{}, err
	}
	secret, err := s.private.ECDH(public)
	if err != nil {
		return pair{}, err
	}
	var p pair
	if p.ours, err = direction(secret, s.self, key); err != nil {
		return pair{}, err
	}
	p.theirs, err = direction(secret, key, s.self)
	return p, err
}

// direction is the cipher for what from seals for to.
func direction(secret []byte, from, to kad.PublicKey) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "khashmir sealed 1"+string(from[:])+string(to[:]), chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.NewX(key)
}

// seal appends a nonce and the sealed text to head, which is authenticated
// with it.
func (s *sealer) seal(head []byte, p pair, text []byte) []byte {
	end := len(head)
	out := append(head, s.run[:]...)
	out = binary.BigEndian.AppendUint64(out, s.count.Add(1))
	return p.ours.Seal(out, out[end:end+nonceSize], text, out[:end])
}

// open reverses the other node's seal of a packet whose head is that long.
func (p pair) open(packet []byte, head int) ([]byte, error) {
	if len(packet) < head+sealedExtra {
		return nil, errNotSealed
	}
	nonce, sealed := packet[head:head+nonceSize], packet[head+nonceSize:]
	text, err := p.theirs.Open(nil, nonce, sealed, packet[:head])
	if err != nil {
		return nil, errNotSealed
	}
	return text, nil
}

// pairs remembers the secrets of the nodes met lately, since one costs 50 µs.
// It holds two generations of at most kad.MaxPairs: when the young one is full
// it becomes the old one, and what nobody asked for since is forgotten.
type pairs struct {
	mu         sync.Mutex
	young, old map[kad.PublicKey]pair
}

func (c *pairs) get(key kad.PublicKey) (pair, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.young[key]; ok {
		return p, true
	}
	p, ok := c.old[key]
	if ok {
		c.put(key, p)
	}
	return p, ok
}

// remember keeps a pair that has proven real: something it sealed was opened.
func (c *pairs) remember(key kad.PublicKey, p pair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(key, p)
}

func (c *pairs) put(key kad.PublicKey, p pair) {
	if c.young == nil || len(c.young) >= kad.MaxPairs {
		c.young, c.old = make(map[kad.PublicKey]pair), c.young
	}
	c.young[key] = p
}
