package mainline

import (
	"sync"

	kad "github.com/khashmir/kad"
)

// PrefixTable keeps every node ever seen, in a tree over the bits of their IDs:
// Closest visits only what is close, and Under all that begins alike. The zero
// value is an empty table.
type PrefixTable struct {
	mu   sync.Mutex
	root *branch
	len  int
}

// branch is the entries whose IDs share so many bits as it is deep. It has
// entries of its own until they are too many, and children from then on.
type branch struct {
	children [2]*branch
	entries  []*Entry
	living   int // entries below that are not silent
}

// leaf is how many entries a branch has before it parts them.
const leaf = 16

// Seen is Table's.
func (t *PrefixTable) Seen(s Sighting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.find(s.Contact.ID)
	if e == nil {
		e = &Entry{Contact: s.Contact, Silent: true}
		t.insert(e)
	}
	if e.Silent {
		t.count(e, 1)
	}
	e.seen(s)
}

// Failed is Table's.
func (t *PrefixTable) Failed(c kad.Contact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.find(c.ID); e != nil && !e.Silent {
		e.Silent = true
		t.count(e, -1)
	}
}

func (t *PrefixTable) find(id kad.ID) *Entry {
	b := t.root
	for depth := 0; b != nil; depth++ {
		if b.parted() {
			b = b.children[bit(id, depth)]
			continue
		}
		for _, e := range b.entries {
			if e.Contact.ID == id {
				return e
			}
		}
		return nil
	}
	return nil
}

func (b *branch) parted() bool { return b.entries == nil }

func bit(id kad.ID, n int) int { return int(id[n/8]>>(7-n%8)) & 1 }

// insert puts in an entry that is silent yet.
func (t *PrefixTable) insert(e *Entry) {
	t.len++
	at := &t.root
	for depth := 0; ; depth++ {
		if *at == nil {
			*at = &branch{entries: []*Entry{e}}
			return
		}
		b := *at
		if !b.parted() && len(b.entries) < leaf {
			b.entries = append(b.entries, e)
			return
		}
		if !b.parted() {
			b.part(depth)
		}
		at = &b.children[bit(e.Contact.ID, depth)]
	}
}

// part gives the entries to the children.
func (b *branch) part(depth int) {
	for _, e := range b.entries {
		child := &b.children[bit(e.Contact.ID, depth)]
		if *child == nil {
			*child = new(branch)
		}
		(*child).entries = append((*child).entries, e)
		if !e.Silent {
			(*child).living++
		}
	}
	b.entries = nil
}

// count adds to the living on the way to e.
func (t *PrefixTable) count(e *Entry, n int) {
	b := t.root
	for depth := 0; b != nil; depth++ {
		b.living += n
		if !b.parted() {
			return
		}
		b = b.children[bit(e.Contact.ID, depth)]
	}
}

// Closest is Table's.
func (t *PrefixTable) Closest(target kad.ID, n int) []kad.Contact {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n <= 0 {
		return nil
	}
	return t.root.closest(make([]kad.Contact, 0, min(n, t.len)), target, n, 0)
}

// closest visits the nearer child first: all in it is closer than anything in
// the other.
func (b *branch) closest(found []kad.Contact, target kad.ID, n, depth int) []kad.Contact {
	switch {
	case b == nil || b.living == 0 || len(found) == n:
		return found
	case b.parted():
		near := bit(target, depth)
		found = b.children[near].closest(found, target, n, depth+1)
		return b.children[1-near].closest(found, target, n, depth+1)
	}
	start := len(found)
	for _, e := range b.entries {
		if e.Silent {
			continue
		}
		i := len(found)
		for i > start && target.CompareDistance(e.Contact.ID, found[i-1].ID) < 0 {
			i--
		}
		if i == n {
			continue
		}
		if len(found) < n {
			found = append(found, kad.Contact{})
		}
		copy(found[i+1:], found[i:])
		found[i] = e.Contact
	}
	return found
}

// Len is Table's.
func (t *PrefixTable) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.len
}

// Under is a copy of all entries whose IDs are in r, in the order of the tree:
// that of their first bits.
func (t *PrefixTable) Under(r kad.Range) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.root
	for depth := 0; b != nil && b.parted() && depth < r.Bits; depth++ {
		b = b.children[bit(r.Prefix, depth)]
	}
	return b.under(nil, r)
}

func (b *branch) under(found []Entry, r kad.Range) []Entry {
	if b == nil {
		return found
	}
	for _, e := range b.entries {
		if r.Contains(e.Contact.ID) {
			found = append(found, *e)
		}
	}
	return b.children[1].under(b.children[0].under(found, r), r)
}
