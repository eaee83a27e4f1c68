package lookup_test

import (
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

func TestQuestionsThatStayTooLongAreOvertakenTheOldestFirst(t *testing.T) {
	// Given three questions on their way, a second apart
	const late = 10 * time.Second
	begun := time.Unix(0, 0)
	at := func(seconds int) time.Time { return begun.Add(time.Duration(seconds) * time.Second) }
	l := lookup.New(kad.ID{}, lookup.Config{Alpha: 3})
	var flights lookup.Flights
	if _, ok := flights.Due(late); ok {
		t.Error("nothing is on its way, and due")
	}
	for i := range byte(3) {
		l.Add(contact(1 + i))
	}
	for i := range 3 {
		c, ok := l.Next()
		if !ok || c != contact(byte(1+i)) {
			t.Fatalf("asks %v, %v", c, ok)
		}
		flights.Sent(c.ID, at(i))
	}
	for _, step := range []struct {
		landed   kad.ID
		now      int
		inFlight int
		due      int // 0: nothing is
	}{
		{contact(9).ID, 9, 3, 10},  // nobody's
		{kad.ID{}, 10, 2, 11},      // the first is late to the second
		{contact(2).ID, 11, 2, 12}, // the next has landed, and is not
		{kad.ID{}, 12, 1, 0},
	} {
		// when one lands and time passes
		flights.Landed(step.landed)
		flights.Overtake(l, at(step.now), late)
		// then the lookup is told of those that are late, and no others
		due, ok := flights.Due(late)
		if l.InFlight() != step.inFlight || ok != (step.due > 0) || ok && due != at(step.due) {
			t.Errorf("after %d s: %d in flight, due %v, %v", step.now, l.InFlight(), due, ok)
		}
	}
}
