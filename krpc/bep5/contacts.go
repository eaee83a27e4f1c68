package bep5

import (
	"iter"
	"net/netip"
	"slices"

	kad "github.com/khashmir/kad"
)

// A contact in bytes: its ID and its compact address.
const (
	ContactSize4 = kad.IDSize + 4 + 2
	ContactSize6 = kad.IDSize + 16 + 2
)

// AppendContact is c with the address of one family, compact.
func AppendContact(b []byte, id kad.ID, addr netip.AddrPort) []byte {
	return AppendAddr(append(b, id[:]...), addr)
}

// Contacts are those of nodes and nodes6, as far as anybody could be asked
// there: at most kad.MaxContactsPerReply of each.
func (m *Message) Contacts() []kad.Contact {
	contacts := appendContacts(nil, m.Nodes, ContactSize4)
	return appendContacts(contacts, m.Nodes6, ContactSize6)
}

func appendContacts(contacts []kad.Contact, list []byte, size int) []kad.Contact {
	if len(list)%size != 0 {
		return contacts
	}
	list = list[:min(len(list), size*kad.MaxContactsPerReply)]
	for packed := range slices.Chunk(list, size) {
		addr, _ := ReadAddr(packed[kad.IDSize:])
		c := kad.Contact{ID: kad.ID(packed[:kad.IDSize])}
		if addr.Addr().Is4In6() {
			continue
		}
		if c = c.WithAddr(addr); c.Reachable() && !c.ID.IsZero() {
			contacts = append(contacts, c)
		}
	}
	return contacts
}

// Peers are the addresses in values. Others than of 6 or 18 bytes are left out,
// and what nobody could be reached at.
func (m *Message) Peers() iter.Seq[netip.AddrPort] {
	return func(yield func(netip.AddrPort) bool) {
		if len(m.Values) == 0 {
			return
		}
		p := parser{b: m.Values, at: 1}
		for p.more() {
			s, ok := p.maybeString()
			if !ok {
				return
			}
			if addr, ok := ReadAddr(s); ok && addr.Port() != 0 && !addr.Addr().IsUnspecified() && !yield(addr) {
				return
			}
		}
	}
}

// Hashes are the info-hashes in samples (BEP 51).
func (m *Message) Hashes() []kad.ID {
	if len(m.Samples)%kad.IDSize != 0 {
		return nil
	}
	hashes := make([]kad.ID, 0, len(m.Samples)/kad.IDSize)
	for hash := range slices.Chunk(m.Samples, kad.IDSize) {
		hashes = append(hashes, kad.ID(hash))
	}
	return hashes
}
