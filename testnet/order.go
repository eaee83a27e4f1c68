package testnet

import "github.com/khashmir/kad/khashmir"

// A peer that is a process is told what to do on its standard input and answers
// on its standard output, both in lines of JSON. Answers come in any order.

// order is one thing to do.
type order struct {
	N  uint64 // repeated in the answer
	Do verb

	Open  *opening      `json:",omitempty"`
	Addr  string        `json:",omitempty"`
	ID    khashmir.ID   `json:",omitzero"` // a node's or a key
	IDs   []khashmir.ID `json:",omitempty"`
	Value []byte        `json:",omitempty"`
}

type verb string

const (
	doOpen  verb = "open" // the first
	doMeet  verb = "meet"
	doJoin  verb = "join"
	doFind  verb = "find"
	doStore verb = "store"
	doRead  verb = "read"
	doLack  verb = "lack" // which of IDs it does not hold
	doStats verb = "stats"
	doClose verb = "close" // the last
)

// answer is what came of it.
type answer struct {
	N     uint64
	Error string `json:",omitempty"`

	ID      khashmir.ID   `json:",omitzero"`
	Addr    string        `json:",omitempty"`
	Found   *found        `json:",omitempty"`
	Stored  *stored       `json:",omitempty"`
	Reading *reading      `json:",omitempty"`
	Lacking []khashmir.ID `json:",omitempty"`
	Stats   *stats        `json:",omitempty"`
}
