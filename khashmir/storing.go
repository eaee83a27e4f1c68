package khashmir

import (
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
)

// StoreOption changes how one value is stored.
type StoreOption func(*storing)

// storing is what the options change.
type storing struct {
	ttl     time.Duration
	removes bool
	prompt  bool
	failed  error // before anything was asked
}

// TTL is how long the value lives, from one second to Config.MaxValueTTL, in
// whole seconds.
func TTL(d time.Duration) StoreOption {
	return func(s *storing) { s.ttl = d.Truncate(time.Second) }
}

func (n *Node) storing(options []StoreOption) storing {
	s := storing{ttl: n.config.ValueTTL}
	for _, option := range options {
		option(&s)
	}
	return s
}

// check refuses at once, before any packet, what every holder would refuse.
func (s storing) check(config Config, value []byte) error {
	switch {
	case s.failed != nil:
		return s.failed
	case len(value) > config.MaxValueSize:
		return fmt.Errorf("store %d bytes where %d is the limit: %w", len(value), config.MaxValueSize, ErrTooLarge)
	case s.ttl < kad.MinValueTTL || s.ttl > config.MaxValueTTL:
		return fmt.Errorf("store for %v where %v to %v is allowed: %w", s.ttl, kad.MinValueTTL, config.MaxValueTTL, ErrLifetime)
	}
	return nil
}
