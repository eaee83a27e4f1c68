package lookup

import (
	"encoding/binary"
	"slices"

	kad "github.com/khashmir/kad"
)

// candidate is a place on the shortlist. The contact itself stays where it came
// from, so that little has to be moved when one is put between others, and little
// looked at when one is searched.
type candidate struct {
	contact  *kad.Contact
	distance uint64 // from the target, its first eight bytes: nearly always all it takes
	depth    int32  // 1 for a seed, one more than that of whoever named it first; 0 for our own node
	state    state
}

type state uint8

const (
	unasked  state = iota
	asked          // in flight
	late           // in flight, and overtaken
	answered       // our own node too
	failed
)

// learn puts c on the shortlist. A contact that nobody could ask, our own node
// and one already known are ignored: the address heard first stays, so that a
// later liar cannot redirect a question, nor have it asked twice.
func (l *Lookup) learn(c *kad.Contact, depth int32) {
	if c.ID.IsZero() || c.ID == l.config.Self || !c.Reachable() {
		return
	}
	if i, known := l.find(c.ID); !known {
		l.insert(i, c, depth, unasked)
	}
}

// find is where on the shortlist id is, or would be. It looks from the closest on:
// the list is short, and mostly in no cache, where what lies side by side
// comes faster than the few that halving would look at.
func (l *Lookup) find(id kad.ID) (i int, known bool) {
	distance := l.distance(id)
	for i < len(l.shortlist) && l.shortlist[i].distance < distance {
		i++
	}
	for ; i < len(l.shortlist) && l.shortlist[i].distance == distance; i++ {
		if order := l.target.CompareDistance(id, l.shortlist[i].contact.ID); order <= 0 {
			return i, order == 0
		}
	}
	return i, false
}

// distance is a candidate's.
func (l *Lookup) distance(id kad.ID) uint64 {
	return binary.BigEndian.Uint64(l.target[:]) ^ binary.BigEndian.Uint64(id[:])
}

// insert puts c at place i, and forgets an unasked candidate that comes to lie
// beyond the first K + MaxQuestions and our own node.
//
// That loses nothing. Only who was asked can be failed or late, and no more than
// MaxQuestions are ever asked: of the closer ones at least K others are neither,
// now and later, so one beyond them never comes into the window. If it is named
// again, it is still beyond.
//
// Those who were asked stay wherever they lie, and so do we, so the shortlist never
// holds more than K + 1 + 2 x MaxQuestions and our own node, whatever a liar names. What their
// contacts lie in are the slices that Add and Reply were given.
func (l *Lookup) insert(i int, contact *kad.Contact, depth int32, state state) {
	limit := l.config.K + l.config.MaxQuestions + 1
	if i >= limit && state == unasked {
		return
	}
	if l.shortlist == nil {
		l.shortlist = make([]candidate, 0, min(8*l.config.K, limit+1))
	}
	// Each insertion pushes one candidate over the limit at the most.
	if last := limit - 1; i < limit && last < len(l.shortlist) && l.shortlist[last].state == unasked {
		l.shortlist = slices.Delete(l.shortlist, last, last+1)
	}
	l.shortlist = slices.Insert(l.shortlist, i, candidate{contact, l.distance(contact.ID), depth, state})
}
