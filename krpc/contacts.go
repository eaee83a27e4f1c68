package krpc

import (
	"encoding/binary"
	"net/netip"
	"slices"

	kad "github.com/khashmir/kad"
)

// A contact in bytes: its public key, its address, its port (big endian).
// BEP 5 and BEP 32 do the same with an ID in the key's place.
const (
	keySize      = len(kad.PublicKey{})
	portSize     = 2
	contactSize4 = keySize + 4 + portSize
	contactSize6 = keySize + 16 + portSize
)

// packContacts writes each contact into the list of each family it has an
// address of, in the order given.
func packContacts(contacts []kad.Contact) (nodes, nodes6 []byte) {
	for i := range contacts {
		c := sendable(&contacts[i])
		if c.V4.IsValid() {
			nodes = appendContact(nodes, c.Key, c.V4)
		}
		if c.V6.IsValid() {
			nodes6 = appendContact(nodes6, c.Key, c.V6)
		}
	}
	return nodes, nodes6
}

// sendable is of c what travels: its key and the addresses that the other side
// would keep; of one without a key nothing does.
func sendable(c *kad.Contact) kad.Contact {
	if c.Key.IsZero() {
		return kad.Contact{}
	}
	sent := kad.Contact{Key: c.Key}.WithAddr(c.V4)
	if c.V6.IsValid() {
		sent = sent.WithAddr(c.V6)
	}
	return sent
}

func appendContact(list []byte, key kad.PublicKey, addr netip.AddrPort) []byte {
	list = append(list, key[:]...)
	list = append(list, addr.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(list, addr.Port())
}

// unpackContacts merges the two lists by key.
func unpackContacts(nodes, nodes6 []byte) ([]kad.Contact, error) {
	if len(nodes)%contactSize4 != 0 {
		return nil, malformed("nodes has %d bytes, not a multiple of %d", len(nodes), contactSize4)
	}
	if len(nodes6)%contactSize6 != 0 {
		return nil, malformed("nodes6 has %d bytes, not a multiple of %d", len(nodes6), contactSize6)
	}
	n := len(nodes)/contactSize4 + len(nodes6)/contactSize6
	if n == 0 {
		return nil, nil
	}
	m := merger{contacts: make([]kad.Contact, 0, n)}
	// By key rather than by search: a hostile message holds 3,000 of them.
	if n > kad.MaxContactsPerReply {
		m.at = make(map[kad.PublicKey]int, n)
	}
	for packed := range slices.Chunk(nodes, contactSize4) {
		m.add(packed)
	}
	for packed := range slices.Chunk(nodes6, contactSize6) {
		m.add(packed)
	}
	if len(m.contacts) == 0 {
		return nil, nil
	}
	return m.contacts, nil
}

type merger struct {
	contacts []kad.Contact
	at       map[kad.PublicKey]int // where in contacts; nil where they are few
}

func (m *merger) find(key *kad.PublicKey) (i int, known bool) {
	if m.at != nil {
		i, known = m.at[*key]
		return i, known
	}
	for i := range m.contacts {
		if m.contacts[i].Key == *key {
			return i, true
		}
	}
	return 0, false
}

func (m *merger) add(packed []byte) {
	key := kad.PublicKey(packed[:keySize])
	ip, _ := netip.AddrFromSlice(packed[keySize : len(packed)-portSize])
	addr := netip.AddrPortFrom(ip, binary.BigEndian.Uint16(packed[len(packed)-portSize:]))
	// An IPv4 address in the clothes of IPv6 has no business in nodes6.
	if key.IsZero() || ip.Is4In6() {
		return
	}
	if i, known := m.find(&key); known {
		if ip.Is6() && !m.contacts[i].V6.IsValid() {
			m.contacts[i] = m.contacts[i].WithAddr(addr)
		}
		return
	}
	if c := kad.NewContact(key, addr); c.Reachable() {
		if m.at != nil {
			m.at[key] = len(m.contacts)
		}
		m.contacts = append(m.contacts, c)
	}
}
