package store

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	kad "github.com/khashmir/kad"
)

// harvest is what was found in a damaged file.
type harvest struct {
	puts     []*put
	kept     []Kept
	bytes    int // of both
	contacts map[int64]kad.Contact
	identity ed25519.PrivateKey

	entries, keptValues int
	expected            int64 // entries, as the file itself counted them; 0: not known
	damaged             int   // rows that were found and are not as they were written
}

func (h *harvest) String() string {
	var b strings.Builder
	if h.identity != nil {
		b.WriteString("saved are the identity, ")
	} else {
		b.WriteString("there is NO identity in it and the node needs a new one; saved are ")
	}
	fmt.Fprintf(&b, "%d contacts, %d kept values and %d entries", len(h.contacts), h.keptValues, h.entries)
	if h.expected > int64(h.entries) {
		fmt.Fprintf(&b, " of %d", h.expected)
	}
	fmt.Fprintf(&b, "; %d rows were found that are not as they were written", h.damaged)
	return b.String()
}

func (h *harvest) inOrder() (contacts []kad.Contact) {
	positions := make([]int64, 0, len(h.contacts))
	for position := range h.contacts {
		positions = append(positions, position)
	}
	slices.Sort(positions)
	for _, position := range positions {
		contacts = append(contacts, h.contacts[position])
	}
	return contacts
}

// take sorts a row into the harvest; the tables tell by the number of columns.
func (h *harvest) take(r found, ok bool) {
	if !ok {
		h.damaged++
		return
	}
	switch len(r.columns) {
	case 13: // entries
		if p, ok := r.put(); ok {
			h.puts, h.bytes = append(h.puts, p), h.bytes+len(p.entry.Value)
			return
		}
		h.damaged++
	case 6: // kept
		if k, ok := r.kept(); ok {
			h.kept, h.bytes = append(h.kept, k), h.bytes+len(k.Value)
			return
		}
		h.damaged++
	case 4: // contacts
		c, ok := contact(r.columns[1].bytes, string(r.columns[2].bytes), string(r.columns[3].bytes))
		if !ok {
			h.damaged++
		} else if len(h.contacts) < 2*kad.SavedContacts {
			h.contacts[r.id] = c
		}
	case 2: // identity
		if seed := r.columns[1].bytes; r.id == 1 && len(seed) == ed25519.SeedSize && h.identity == nil {
			h.identity = ed25519.NewKeyFromSeed(seed)
		}
	case 3:
		if r.everybody() {
			h.expected = r.columns[1].number
		}
	}
}

// everybody reports whether it is the row that says what all entries take.
func (r found) everybody() bool {
	return len(r.columns) == 3 && r.columns[0].bytes != nil && len(r.columns[0].bytes) == 0
}

// put reads an entry; ok is false if it is none, or not as it was written. It
// is put whether its lifetime is over or not: a sweep knows better what time
// it is.
func (r found) put() (p *put, ok bool) {
	c := r.columns
	if len(c) != 13 || len(c[1].bytes) != kad.IDSize || len(c[6].bytes) != len(kad.PublicKey{}) ||
		len(c[10].bytes) != len(kad.Signature{}) || len(c[7].bytes) > len(c[6].bytes)+len(c[10].bytes) || c[12].bytes == nil {
		return nil, false
	}
	p = &put{key: kad.ID(c[1].bytes), created: c[8].number, expires: c[9].number, now: math.MinInt64}
	p.entry = kad.Entry{
		Value: c[12].bytes, Publisher: kad.PublicKey(c[6].bytes), Seq: c[4].number, Removed: c[5].number == 1,
		Signature: kad.Signature(c[10].bytes),
	}
	p.entry.Created, p.entry.TTL = between(p.created, p.expires)
	p.item, p.origin = itemOf(p.entry), append([]byte{}, c[7].bytes...)
	return p, p.checksum() == c[11].number
}

// kept reads a kept value; ok is false if it is none, or another than it was.
func (r found) kept() (k Kept, ok bool) {
	c := r.columns
	if len(c) != 6 || len(c[1].bytes) != kad.IDSize || c[5].bytes == nil {
		return k, false
	}
	k = Kept{
		Key: kad.ID(c[1].bytes), Value: c[5].bytes,
		TTL: time.Duration(c[3].number) * time.Millisecond, Due: time.UnixMilli(c[4].number),
	}
	hash := sha256.Sum256(k.Value)
	return k, bytes.Equal(hash[:], c[2].bytes)
}

// schema is what the row says if it is one of the schema's.
func (r found) schema() string {
	c := r.columns
	if len(c) != 5 {
		return ""
	}
	return fmt.Sprintf("%s %s on %s: %s", c[0].bytes, c[1].bytes, c[2].bytes, c[4].bytes)
}
