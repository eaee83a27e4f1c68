package main

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// stepper prints the steps of a lookup: when, what, who, how close it is to the
// target (the bits that their IDs share to begin with), and what it said.
func (p *program) stepper() func(api.Step) {
	var begun time.Time
	return func(s api.Step) {
		if begun.IsZero() {
			begun = s.At
		}
		after := float64(s.At.Sub(begun)) / float64(time.Millisecond)
		fmt.Fprintf(p.err, "%9s  %-8s  %.8s  %3s bits  %s%s\n", took(after), s.Kind, s.Contact.ID, sharedBits(s.Target, s.Contact.ID), addr(s.Contact), said(s))
	}
}

func said(s api.Step) string {
	switch {
	case s.Error != nil:
		return ": " + s.Error.Message
	case s.Kind != string(khashmir.Answered):
		return ""
	case s.Values > 0:
		return fmt.Sprintf(": %s and %s", count(s.Values, "value"), count(len(s.Contacts), "contact"))
	}
	return ": " + count(len(s.Contacts), "contact")
}

// sharedBits is how many bits two IDs have in common before they differ.
func sharedBits(a, b string) string {
	first, err := khashmir.ParseID(a)
	second, also := khashmir.ParseID(b)
	if err != nil || also != nil {
		return "?"
	}
	n := 0
	for i, x := range first.Distance(second) {
		if x != 0 {
			return fmt.Sprint(8*i + bits.LeadingZeros8(x))
		}
		n += 8
	}
	return fmt.Sprint(n)
}
