package mainline

import (
	"errors"
	"fmt"
)

// What callers branch on; ask with errors.Is.
var (
	ErrClosed     = errors.New("the node is closed")
	ErrNoContacts = errors.New("no contacts")
	ErrNoAnswer   = errors.New("nobody answered")
	ErrNotStored  = errors.New("nobody stored it")
	ErrBusy       = errors.New("too much at once")
	ErrFamily     = errors.New("the node does not listen on this family of addresses")
	ErrTooLarge   = errors.New("the value is too large")
	ErrNotFound   = errors.New("nothing was found")
)

// Error is a refusal of a node: BEP 5's and BEP 44's codes.
type Error struct {
	Code int
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.Text, e.Code) }
