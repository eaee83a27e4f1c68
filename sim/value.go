package sim

import (
	"time"

	kad "github.com/khashmir/kad"
)

// value is one that was stored, and what ought to become of it.
type value struct {
	key       kad.ID
	content   []byte
	by        *peer
	expires   int64 // virtual time; 0 until it is acknowledged
	acked     int
	removed   bool // by its publisher, acknowledged
	doubtful  bool // a removal has failed, and nobody knows how far it came
	publishes int  // stores and removals in progress
	copies
}

// unclear: whether it is there cannot be said now, or ever.
func (v *value) unclear() bool { return v.doubtful || v.publishes > 0 }

// owed: it ought to be there, and to be for so much longer.
func (s *Sim) owed(v *value, longer time.Duration) bool {
	return !v.removed && !v.unclear() && v.expires > s.now+int64(longer)
}
