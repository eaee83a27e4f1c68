package ktable

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
)

// bucket is up to K contacts and those that wait for a place among them. Both
// lists have the least recently seen first. Nobody waits while there is room.
type bucket struct {
	placed   []member
	waiting  []member
	lookedUp moment
}

// member is a contact and what we remember of it: 136 bytes, of which the
// contact is 120. A full bucket and its cache take about 2 KiB.
type member struct {
	contact  kad.Contact
	seen     moment
	failures int32 // questions left unanswered, in a row
	checking bool  // handed out as a suspect; neither Seen nor Failed came yet
}

// wait puts m at the tail of the replacement cache; of one too many, the least
// recently seen goes.
func (b *bucket) wait(m member, limit int) {
	switch i := find(b.waiting, m.contact.ID); {
	case i >= 0:
		toTail(b.waiting, i, m)
	case len(b.waiting) == limit:
		toTail(b.waiting, 0, m)
	default:
		b.waiting = append(b.waiting, m)
	}
}

// promote gives a free place to the most recently seen of those that wait. Its
// rank hangs on when it was seen, not on when it got the place.
func (b *bucket) promote() {
	if len(b.waiting) == 0 {
		return
	}
	newest := len(b.waiting) - 1
	m := b.waiting[newest]
	b.waiting = remove(b.waiting, newest)
	rank := len(b.placed)
	for rank > 0 && b.placed[rank-1].seen > m.seen {
		rank--
	}
	b.placed = slices.Insert(b.placed, rank, m)
}

// suspect is the least recently seen contact, if it is due for a check.
func (b *bucket) suspect(at moment, interval time.Duration) (kad.Contact, bool) {
	m := &b.placed[0]
	due := m.failures > 0 || elapsed(m.seen, at, interval)
	if m.checking || !due {
		return kad.Contact{}, false
	}
	m.checking = true
	return m.contact, true
}

func (b *bucket) hasFailures() bool {
	return slices.ContainsFunc(b.placed, func(m member) bool { return m.failures > 0 })
}

// find is the index of id in list, or -1.
func find(list []member, id kad.ID) int {
	for i := range list {
		if list[i].contact.ID == id {
			return i
		}
	}
	return -1
}

// toTail drops list[i], closes the gap and puts m at the end.
func toTail(list []member, i int, m member) {
	copy(list[i:], list[i+1:])
	list[len(list)-1] = m
}

func remove(list []member, i int) []member { return slices.Delete(list, i, i+1) }
