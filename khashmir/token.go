package khashmir

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math/rand/v2"
	"time"

	kad "github.com/khashmir/kad"
)

// tokens makes and checks write tokens: a hash of a secret, of who asked, from where
// and in which interval. Nothing is kept an asker; a token of the interval
// before is still good, so each lives for one to two of them.
type tokens struct {
	secret   [32]byte
	interval time.Duration
}

func newTokens(src rand.Source, interval time.Duration) tokens {
	t := tokens{interval: interval}
	for i := 0; i < len(t.secret); i += 8 {
		binary.NativeEndian.PutUint64(t.secret[i:], src.Uint64())
	}
	return t
}

func (t tokens) give(to kad.Contact, now time.Time) string {
	return t.at(to, t.slot(now))
}

func (t tokens) accept(token string, from kad.Contact, now time.Time) bool {
	slot := t.slot(now)
	for _, good := range []string{t.at(from, slot), t.at(from, slot-1)} {
		if subtle.ConstantTimeCompare([]byte(token), []byte(good)) == 1 {
			return true
		}
	}
	return false
}

func (t tokens) slot(now time.Time) int64 { return now.UnixNano() / int64(t.interval) }

// at binds to the identity and the host, not the port: a NAT may change that.
// What is hashed has always the same length and is cut short, so nobody can go
// on from one token to another.
func (t tokens) at(c kad.Contact, slot int64) string {
	var buf [32 + 8 + kad.IDSize + 16]byte
	copy(buf[:], t.secret[:])
	binary.BigEndian.PutUint64(buf[32:], uint64(slot))
	copy(buf[40:], c.ID[:])
	ip := c.Addr().Addr().As16()
	copy(buf[40+kad.IDSize:], ip[:])
	sum := sha256.Sum256(buf[:])
	return string(sum[:kad.TokenSize])
}
