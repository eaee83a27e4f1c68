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

// share is a part of a whole, 0 to 1.
type share float64

func (f *share) String() string {
	if *f == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*f), 'g', -1, 64)
}

func (f *share) Type() string { return "share" }

func (f *share) Set(s string) error {
	parsed, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return errors.New("it takes a number from 0 to 1, as 0.2")
	}
	*f = share(parsed)
	return nil
}

// duration is how long something takes.
type duration time.Duration

func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

func (d *duration) Type() string { return "time" }

func (d *duration) Set(s string) error {
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("it takes a time, as 30s or 2m")
	}
	*d = duration(parsed)
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
