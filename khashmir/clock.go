package khashmir

import (
	crand "crypto/rand"
	"math/rand/v2"
	"time"
)

// realClock is the wall clock and the system's randomness.
type realClock struct{ *rand.ChaCha8 }

func newRealClock() realClock {
	var seed [32]byte
	crand.Read(seed[:]) // never fails: it ends the program instead
	return realClock{rand.NewChaCha8(seed)}
}

func (realClock) Now() time.Time { return time.Now() }

// AfterFunc waits a moment at least: in a synctest bubble the race detector of
// Go 1.26 does not survive a timer that is due at once (golang/go#78156).
func (realClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(max(d, 1), f).Stop
}
