package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/khashmir/kad/web/api"
)

// count is "1 node" or "2 nodes".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "y") {
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// took is a time for people, of three digits.
func took(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// cost is what a lookup has taken.
func cost(ms float64, questions, hops int) string {
	return fmt.Sprintf("in %s, %s, %s", took(ms), count(questions, "question"), count(hops, "hop"))
}

// size is bytes for people.
func size(n int64) string {
	const kib = 1 << 10
	switch {
	case n < kib:
		return fmt.Sprintf("%d B", n)
	case n < kib*kib:
		return fmt.Sprintf("%.1f KiB", float64(n)/kib)
	case n < kib*kib*kib:
		return fmt.Sprintf("%.1f MiB", float64(n)/kib/kib)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/kib/kib/kib)
}

// ago and left are to the second.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

func left(t time.Time) string { return time.Until(t).Round(time.Second).String() }

// addr is a contact's. Only a node that listens at all its addresses does not know
// its own.
func addr(c api.Contact) string {
	if c.Addr == "" {
		return "this node"
	}
	return c.Addr
}

// printable is a value that does nothing to a terminal.
func printable(value []byte) string {
	if utf8.Valid(value) && !strings.ContainsFunc(string(value), func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' }) {
		return string(value)
	}
	return fmt.Sprintf("%q", value)
}
