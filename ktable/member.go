package ktable

import (
	"encoding/binary"
	"net/netip"

	kad "github.com/khashmir/kad"
)

// member is a contact and what we remember of it: 96 bytes without a pointer.
// Tables are most of what a node holds, and the garbage collector need not look
// at them.
type member struct {
	seen     moment
	id       kad.ID
	key      kad.PublicKey
	v4       [4 + 2]byte  // address and port, big endian; all 0: none
	v6       [16 + 2]byte // the same
	number   uint32       // of all that the table was told were seen; the higher, the later
	failures uint16       // questions left unanswered, in a row
	checking bool         // handed out as a suspect; neither Seen nor Failed came yet
}

func memberOf(c kad.Contact, seen moment, number uint32) member {
	m := member{seen: seen, id: c.ID, key: c.Key, number: number}
	if addr := c.V4.Addr(); addr.Is4() {
		*(*[4]byte)(m.v4[:]) = addr.As4()
		binary.BigEndian.PutUint16(m.v4[4:], c.V4.Port())
	}
	if addr := c.V6.Addr(); addr.Is6() {
		*(*[16]byte)(m.v6[:]) = addr.As16()
		binary.BigEndian.PutUint16(m.v6[16:], c.V6.Port())
	}
	return m
}

// before reports whether m was seen before the other. Numbers may wrap.
func (m *member) before(other *member) bool { return int32(m.number-other.number) < 0 }

func (m *member) contact() (c kad.Contact) {
	m.write(&c)
	return c
}

// write makes c the contact, whatever it was before.
func (m *member) write(c *kad.Contact) {
	c.ID, c.Key = m.id, m.key
	c.V4, c.V6 = netip.AddrPort{}, netip.AddrPort{}
	if m.v4 != [6]byte{} {
		c.V4 = netip.AddrPortFrom(netip.AddrFrom4([4]byte(m.v4[:4])), binary.BigEndian.Uint16(m.v4[4:]))
	}
	if m.v6 != [18]byte{} {
		c.V6 = netip.AddrPortFrom(netip.AddrFrom16([16]byte(m.v6[:16])), binary.BigEndian.Uint16(m.v6[16:]))
	}
}
