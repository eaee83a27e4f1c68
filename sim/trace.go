package sim

import (
	"bufio"
	"encoding/json"
	"io"
)

// trace writes what happens, a line of JSON each.
type trace struct {
	to  *bufio.Writer
	err error
}

func newTrace(to io.Writer) trace {
	if to == nil {
		return trace{}
	}
	return trace{to: bufio.NewWriter(to)}
}

// line is one thing that happened.
type line struct {
	At        float64 `json:"at"`    // virtual seconds
	Event     string  `json:"event"` // start, crash, leave or an operation
	Peer      int32   `json:"peer"`
	ID        string  `json:"id,omitempty"`
	Target    string  `json:"target,omitempty"`
	Took      float64 `json:"took,omitempty"` // seconds
	Questions int     `json:"questions,omitempty"`
	Hops      int     `json:"hops,omitempty"`
	OK        *bool   `json:"ok,omitempty"`
}

// opening is the first line of a run: some may follow another in one file.
type opening struct {
	At      float64 `json:"at"`
	Event   string  `json:"event"` // run
	Command string  `json:"command"`
	Seed    uint64  `json:"seed"`
}

func (t *trace) write(l line) {
	if t.to != nil {
		t.put(l)
	}
}

func (t *trace) open(c Config) {
	if t.to != nil {
		t.put(opening{Event: "run", Command: c.Command(), Seed: c.Seed})
	}
}

func (t *trace) put(l any) {
	if t.err != nil {
		return
	}
	b, err := json.Marshal(l)
	if err == nil {
		_, err = t.to.Write(append(b, '\n'))
	}
	t.err = err
}

func (t *trace) flush() {
	if t.to != nil && t.err == nil {
		t.err = t.to.Flush()
	}
}
