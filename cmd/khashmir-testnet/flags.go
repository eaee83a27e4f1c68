package main

import (
	"errors"
	"strconv"
	"time"
)

// The kinds of flags. Their mistakes are told in words.

// number is a count.
type number int

func (n *number) String() string { return strconv.Itoa(int(*n)) }
func (n *number) Type() string   { return "n" }

func (n *number) Set(s string) error {
	parsed, err := strconv.Atoi(s)
	if err != nil {
		return errors.New("it takes a whole number")
	}
	*n = number(parsed)
	return nil
}

// seed is random until it is set.
type seed struct {
	n   *uint64
	set bool
}

func (s *seed) String() string {
	if !s.set {
		return ""
	}
	return strconv.FormatUint(*s.n, 10)
}

func (s *seed) Type() string { return "n" }

func (s *seed) Set(digits string) error {
	parsed, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return errors.New("it takes a whole number, 0 or more")
	}
	*s.n, s.set = parsed, true
	return nil
}

// text is a word, of which the help names the kind.
type text struct {
	s    *string
	kind string
}

func (t text) String() string {
	if t.s == nil {
		return ""
	}
	return *t.s
}

func (t text) Type() string       { return t.kind }
func (t text) Set(s string) error { *t.s = s; return nil }

// share is a part of the whole.
type share struct{ of *float64 }

func (s share) String() string {
	if s.of == nil || *s.of == 0 {
		return ""
	}
	return strconv.FormatFloat(*s.of, 'g', -1, 64)
}

func (s share) Type() string { return "share" }

func (s share) Set(digits string) error {
	parsed, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return errors.New("it takes a share, such as 0.2")
	}
	*s.of = parsed
	return nil
}

// span is a length of time.
type span struct{ d *time.Duration }

func (s span) String() string {
	if s.d == nil || *s.d == 0 {
		return ""
	}
	return s.d.String()
}

func (s span) Type() string { return "time" }

func (s span) Set(text string) error {
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("it takes a time, such as 30s")
	}
	*s.d = parsed
	return nil
}
