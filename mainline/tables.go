package mainline

import (
	"slices"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
)

// Sighting is a contact that has just answered.
type Sighting struct {
	Contact kad.Contact
	Version string // of its program, as far as it can be printed
	At      time.Time
}

// Table is contacts for research, beside the bounded table of the node. It is
// told under the node's lock and must not call the node; it is safe for
// concurrent use.
type Table interface {
	Seen(Sighting)
	Failed(kad.Contact)                         // it does not answer any more
	Closest(target kad.ID, n int) []kad.Contact // of those that answered last time
	Len() int
}

// Entry is what a research table remembers of a contact.
type Entry struct {
	Contact   kad.Contact
	Version   string
	FirstSeen time.Time
	LastSeen  time.Time
	Sightings int
	Silent    bool // it left the latest question unanswered
}

func (e *Entry) seen(s Sighting) {
	if e.Sightings == 0 {
		e.FirstSeen = s.At
	}
	e.Contact, e.LastSeen, e.Silent = s.Contact, s.At, false
	if s.Version != "" {
		e.Version = s.Version
	}
	e.Sightings++
}

// FlatTable keeps every node ever seen, in the order in which they first were.
// Nothing is forgotten, and Closest looks at all: it is as simple as can be.
// The zero value is an empty table.
type FlatTable struct {
	mu      sync.Mutex
	entries []*Entry
	byID    map[kad.ID]*Entry
}

// Seen is Table's.
func (t *FlatTable) Seen(s Sighting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.byID[s.Contact.ID]
	if e == nil {
		e = new(Entry)
		if t.byID == nil {
			t.byID = make(map[kad.ID]*Entry)
		}
		t.byID[s.Contact.ID] = e
		t.entries = append(t.entries, e)
	}
	e.seen(s)
}

// Failed is Table's.
func (t *FlatTable) Failed(c kad.Contact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.byID[c.ID]; e != nil {
		e.Silent = true
	}
}

// Closest is Table's.
func (t *FlatTable) Closest(target kad.ID, n int) []kad.Contact {
	t.mu.Lock()
	defer t.mu.Unlock()
	var closest []kad.Contact
	for _, e := range t.entries {
		if e.Silent {
			continue
		}
		i, _ := slices.BinarySearchFunc(closest, e.Contact.ID, func(c kad.Contact, id kad.ID) int {
			return target.CompareDistance(c.ID, id)
		})
		if i < n {
			closest = slices.Insert(closest[:min(len(closest), n-1)], i, e.Contact)
		}
	}
	return closest
}

// Len is Table's.
func (t *FlatTable) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}

// Entries is a copy of all, in the order in which they were first seen.
func (t *FlatTable) Entries() []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Entry, len(t.entries))
	for i, e := range t.entries {
		all[i] = *e
	}
	return all
}
