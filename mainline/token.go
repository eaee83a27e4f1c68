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

// tokens makes and checks write tokens: a keyed hash of the asker's address, so
// that nobody can write in another's name (BEP 5). The port is left out: a NAT
// may change it; so is the target, though libtorrent has it: some ask once and
// write often. The key changes with the interval; a token of the one before is
// still good.
//
// The hash is one block of AES, a pseudorandom function of an address. The
// packet loop owns all of it.
type tokens struct {
	secret   [32]byte
	interval time.Duration
	slot     int64
	now      cipher.Block
	before   cipher.Block
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
func (t *tokens) give(to netip.Addr) []byte { return t.hash(t.now, to) }

func (t *tokens) accept(token []byte, from netip.Addr) bool {
	return subtle.ConstantTimeCompare(token, t.hash(t.now, from)) == 1 ||
		subtle.ConstantTimeCompare(token, t.hash(t.before, from)) == 1
}

func (t *tokens) hash(key cipher.Block, ip netip.Addr) []byte {
	t.sum = ip.As16()
	key.Encrypt(t.sum[:], t.sum[:])
	return t.sum[:kad.TokenSize]
}
