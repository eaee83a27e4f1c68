package ktable

import (
	"encoding/binary"
	"slices"

	kad "github.com/khashmir/kad"
)

// list is members in no order of places: each has a number that tells when it
// was last seen, so nothing has to be moved when one is. The tags are the first
// four bytes of each ID, side by side: a wide bucket is searched in a few cache
// lines, for one member or for the closest to a target.
type list struct {
	members []member
	tags    []uint32
}

func tagOf(id kad.ID) uint32 { return binary.BigEndian.Uint32(id[:]) }

// find is the index of id, or -1.
func (l *list) find(id kad.ID) int {
	tag := tagOf(id)
	for i, t := range l.tags {
		if t == tag && l.members[i].id == id {
			return i
		}
	}
	return -1
}

func (l *list) len() int { return len(l.members) }

// add makes room for some at a time: tables fill slowly, and what is not used
// would be most of a wide bucket.
func (l *list) add(m member) {
	if n := len(l.members); n == cap(l.members) {
		room := n + max(kad.K, n/4)
		l.members = append(make([]member, 0, room), l.members...)
		l.tags = append(make([]uint32, 0, room), l.tags...)
	}
	l.members = append(l.members, m)
	l.tags = append(l.tags, tagOf(m.id))
}

// remove takes out the i-th, whose place the last one gets.
func (l *list) remove(i int) member {
	m, last := l.members[i], len(l.members)-1
	l.members[i], l.tags[i] = l.members[last], l.tags[last]
	l.members, l.tags = l.members[:last], l.tags[:last]
	return m
}

// oldest is the index of the least recently seen, newest that of the most
// recently seen; there is one.
func (l *list) oldest() int {
	first := 0
	for i := range l.members {
		if l.members[i].before(&l.members[first]) {
			first = i
		}
	}
	return first
}

func (l *list) newest() int {
	last := 0
	for i := range l.members {
		if l.members[last].before(&l.members[i]) {
			last = i
		}
	}
	return last
}

// inOrder is a copy, the least recently seen first.
func (l *list) inOrder() []member {
	sorted := slices.Clone(l.members)
	slices.SortFunc(sorted, func(a, b member) int {
		if a.before(&b) {
			return -1
		}
		return 1
	})
	return sorted
}
