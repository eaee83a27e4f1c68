package lookup

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
)

// Flights are the questions of one lookup that are on their way and not late,
// the oldest first. Times are the caller's.
type Flights []flight

type flight struct {
	id   kad.ID
	sent time.Time
}

// Sent puts a question on its way.
func (f *Flights) Sent(id kad.ID, now time.Time) { *f = append(*f, flight{id, now}) }

// Landed takes it off, answered or not.
func (f *Flights) Landed(id kad.ID) {
	for i := range *f {
		if (*f)[i].id == id {
			*f = append((*f)[:i], (*f)[i+1:]...)
			return
		}
	}
}

// Has reports whether a question to id is on its way.
func (f Flights) Has(id kad.ID) bool {
	return slices.ContainsFunc(f, func(one flight) bool { return one.id == id })
}

// Due is when the oldest will be late, if a question is so after so long; ok is
// false where there is none.
func (f Flights) Due(late time.Duration) (at time.Time, ok bool) {
	if len(f) == 0 {
		return at, false
	}
	return f[0].sent.Add(late), true
}

// Overtake takes off those that are late by now, tells the lookup, and says who
// they are.
func (f *Flights) Overtake(l *Lookup, now time.Time, late time.Duration) (overtaken []kad.ID) {
	for len(*f) > 0 && now.Sub((*f)[0].sent) >= late {
		id := (*f)[0].id
		l.Late(id)
		overtaken = append(overtaken, id)
		*f = (*f)[1:]
	}
	return overtaken
}
