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
	"runtime"
	"sync"
	"sync/atomic"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/chacha20poly1305"

	kad "github.com/khashmir/kad"
)

const (
	nonceSize   = chacha20poly1305.NonceSizeX
	tagSize     = chacha20poly1305.Overhead
	lengthSize  = 2
	sealedExtra = nonceSize + tagSize + lengthSize // what a packet has beside its head and its message

	// maxStrangers is how many questions of nodes never met wait for their
	// secret to be made; more of a flood are dropped. 512 wait 25 ms.
	maxStrangers = 512
)

var (
	errNotSealed = errors.New("not sealed by this key for us")
	errNotAKey   = errors.New("nobody can hold this key")
)

// sealer seals datagrams to other nodes and opens theirs. Two nodes share a
// secret without a word said: the Diffie-Hellman of their identities' keys.
// From it each direction has a key of its own, so nothing can be sent back as
// an answer, and only the two can have sealed anything.
type sealer struct {
	self      kad.PublicKey
	private   *ecdh.PrivateKey
	pairs     pairs
	strangers atomic.Int32  // waiting for a turn, or having it
	turns     chan struct{} // holds one for each that makes a secret now
}

// pair is this node and one other: what each of them seals with.
type pair struct{ ours, theirs cipher.AEAD }

func newSealer(key ed25519.PrivateKey) (*sealer, error) {
	// RFC 8032, section 5.1.5: the scalar of an Ed25519 key is the first half
	// of its seed's hash. X25519 clamps it the same way.
	hash := sha512.Sum512(key.Seed())
	private, err := ecdh.X25519().NewPrivateKey(hash[:32])
	return &sealer{
		self:    kad.PublicKeyOf(key),
		private: private,
		turns:   make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}, err
}

// pair is what to seal and open with, for the node that holds key.
func (s *sealer) pair(key kad.PublicKey) (p pair, err error) {
	if p, ok := s.pairs.get(key); ok {
		return p, nil
	}
	point, err := new(edwards25519.Point).SetBytes(key[:])
	if err != nil {
		return p, errNotAKey // no point of the curve
	}
	public, err := ecdh.X25519().NewPublicKey(point.BytesMontgomery())
	if err != nil {
		return p, err
	}
	secret, err := s.private.ECDH(public)
	if err != nil {
		return p, errNotAKey // of low order: the secret would be no secret
	}
	if p.ours, err = direction(secret, s.self, key); err != nil {
		return p, err
	}
	p.theirs, err = direction(secret, key, s.self)
	return p, err
}

// canBeHeld reports whether a key has a private half that proves anything.
// Signatures by a key of low order, as TLS checks them, anybody can make.
func canBeHeld(key []byte) bool {
	point, err := new(edwards25519.Point).SetBytes(key)
	return err == nil && point.MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 0
}

// direction is the cipher for what from seals for to.
func direction(secret []byte, from, to kad.PublicKey) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "khashmir sealed 1"+string(from[:])+string(to[:]), chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.NewX(key)
}

// seal is the packet with this head, which is sent in the clear and is
// authenticated, and this message, padded with zeros to at least so many bytes
// in all. Nonces are random: of 192 bits none comes twice.
func (s *sealer) seal(p pair, head, message []byte, atLeast int) []byte {
	packet := make([]byte, max(len(head)+sealedExtra+len(message), atLeast))
	n := copy(packet, head)
	nonce := packet[n:][:nonceSize]
	rand.Read(nonce) // never fails
	text := packet[n+nonceSize : len(packet)-tagSize]
	binary.BigEndian.PutUint16(text, uint16(len(message)))
	copy(text[lengthSize:], message)
	p.ours.Seal(text[:0], nonce, text, packet[:n])
	return packet
}

// open is the message in a packet whose head is that long, sealed by the other
// node of the pair.
func (p pair) open(packet []byte, head int) ([]byte, error) {
	if len(packet) < head+sealedExtra {
		return nil, errNotSealed
	}
	nonce, sealed := packet[head:][:nonceSize], packet[head+nonceSize:]
	text, err := p.theirs.Open(nil, nonce, sealed, packet[:head])
	if err != nil {
		return nil, errNotSealed
	}
	n := int(binary.BigEndian.Uint16(text))
	if n > len(text)-lengthSize {
		return nil, errNotSealed
	}
	return text[lengthSize:][:n], nil
}

// openQuestion opens what the holder of key, by its own word, sealed for us.
// A stranger's word costs us the making of a secret, and a stranger nothing:
// so strangers wait for each other, on half of the processors, and do not make
// those wait who are known.
func (s *sealer) openQuestion(key kad.PublicKey, packet []byte) (p pair, message []byte, err error) {
	if p, ok := s.pairs.get(key); ok {
		message, err = p.open(packet, questionHead)
		return p, message, err
	}
	defer s.strangers.Add(-1)
	if s.strangers.Add(1) > maxStrangers {
		return p, nil, ErrBusy
	}
	s.turns <- struct{}{}
	defer func() { <-s.turns }()
	if p, err = s.pair(key); err != nil { // maybe made by now, for its other question
		return p, nil, err
	}
	if message, err = p.open(packet, questionHead); err == nil {
		s.pairs.remember(key, p)
	}
	return p, message, err
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
	if _, ok := c.young[key]; !ok {
		c.put(key, p)
	}
}

func (c *pairs) put(key kad.PublicKey, p pair) {
	if c.young == nil || len(c.young) >= kad.MaxPairs {
		c.young, c.old = make(map[kad.PublicKey]pair), c.young
	}
	c.young[key] = p
}
