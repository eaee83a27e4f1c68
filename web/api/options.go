package api

import "time"

// PutOptions change how one value is stored. The zero value works.
type PutOptions struct {
	TTL    time.Duration // how long it lives; 0: the node's own
	Keep   bool          // the node stores it again and again, until Forget
	Prompt bool          // answer when half the holders have it
}

// GetOptions change one search. The zero value works.
type GetOptions struct {
	Enough int         // values that end it, and copies will do; 0: all there are
	Trace  func(Step)  // hears of what happens on the way
	Value  func(Value) // hears of each value when it is found; then Found has none
}
