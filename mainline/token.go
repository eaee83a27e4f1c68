package mainline

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
)

// tokens makes and checks write tokens: a keyed hash of the asker's address and
// of what was asked for, so that a token lets nobody else write, nor anything
// else (libtorrent does the same). The port is left out: a NAT may change it.
// The key changes with the interval; a token of the one before is still good.
//
// The hash is AES in CBC mode over three blocks, always three: of messages of
// one length it is a pseudorandom function, and it takes 40 ns. The packet loop
// owns all of it.
type tokens struct {
	secret   [32]byte
	interval time.Duration
	slot     int64
	now      cipher.Block
	before   cipher.Block
	message  [3 * aes.BlockSize]byte
	sum      [aes.BlockSize]byte
}

func newTokens(interval time.Duration) *tokens {
	t := &tokens{interval: interval, slot: -1}
	rand.Read(t.secret[:]) // never fails: it ends the program instead
	return t
}

// turn changes the keys when it is time.
func (t *tokens) turn(now time.Time) {
	if slot := now.UnixNano() / int64(t.interval); slot != t.slot {
		t.slot, t.now, t.before = slot, t.key(slot), t.key(slot-1)
	}
}

func (t *tokens) key(slot int64) cipher.Block {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(t.secret[:len(t.secret):len(t.secret)], uint64(slot)))
	block, err := aes.NewCipher(sum[:16])
	if err != nil {
		panic("mainline: a key of 16 bytes is none for AES: " + err.Error())
	}
	return block
}

// give is good until the next call.
func (t *tokens) give(to netip.Addr, target []byte) []byte { return t.hash(t.now, to, target) }

func (t *tokens) accept(token []byte, from netip.Addr, target []byte) bool {
	return subtle.ConstantTimeCompare(token, t.hash(t.now, from, target)) == 1 ||
		subtle.ConstantTimeCompare(token, t.hash(t.before, from, target)) == 1
}

func (t *tokens) hash(key cipher.Block, ip netip.Addr, target []byte) []byte {
	a := ip.As16()
	copy(t.message[:], a[:])
	copy(t.message[len(a):len(a)+kad.IDSize], target)
	key.Encrypt(t.sum[:], t.message[:aes.BlockSize])
	for at := aes.BlockSize; at < len(t.message); at += aes.BlockSize {
		subtle.XORBytes(t.sum[:], t.sum[:], t.message[at:at+aes.BlockSize])
		key.Encrypt(t.sum[:], t.sum[:])
	}
	return t.sum[:kad.TokenSize]
}
