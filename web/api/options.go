package api

import "time"

// PutOptions changes how a value is stored. The zero value is a day, at all its
// holders, once.
type PutOptions struct {
	TTL    time.Duration // how long it lives; 0: as long as the node says
	Keep   bool          // the node stores it again and again, until it is told to forget
	Prompt bool          // half the holders are enough for an answer
}

// GetOptions changes how values are looked for. The zero value looks for all of
// them and says nothing on the way.
type GetOptions struct {
	Enough int         // as many values end the search; 0: all
	Trace  func(Step)  // hears of each step
	Value  func(Value) // hears of each value as it comes
}
