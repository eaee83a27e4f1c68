package mainline

import (
	"hash/crc32"
	"net/netip"

	kad "github.com/khashmir/kad"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SecureID is random, but for the first 21 bits, which follow from ip and the
// last three (BEP 42).
func SecureID(ip netip.Addr, random kad.ID) kad.ID {
	sum := addressSum(ip, random[kad.IDSize-1])
	random[0], random[1] = byte(sum>>24), byte(sum>>16)
	random[2] = byte(sum>>8)&0xf8 | random[2]&0x07
	return random
}

// IsSecure reports whether the owner of ip may have this ID. On networks that
// are not public anybody may have any.
func IsSecure(id kad.ID, ip netip.Addr) bool { return exempt(ip) || SecureID(ip, id) == id }

func addressSum(ip netip.Addr, last byte) uint32 {
	var b []byte
	if ip = ip.Unmap(); ip.Is4() {
		a := ip.As4()
		b = a[:]
		mask(b, 0x03, 0x0f, 0x3f, 0xff)
	} else {
		a := ip.As16()
		b = a[:8]
		mask(b, 0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff)
	}
	b[0] |= (last & 0x7) << 5
	return crc32.Checksum(b, castagnoli)
}

func mask(b []byte, masks ...byte) {
	for i := range masks {
		b[i] &= masks[i]
	}
}

func exempt(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
}

// votes is where those we asked have seen us: the key ip of their answers. One
// address has one vote.
type votes struct {
	byVoter map[netip.Addr]netip.Addr
	order   []netip.Addr // of voters, the one that voted first in front
}

func newVotes() votes { return votes{byVoter: make(map[netip.Addr]netip.Addr)} }

// vote counts one, and says where we are once enough agree.
func (v *votes) vote(voter, seen netip.Addr) (where netip.Addr, sure bool) {
	if _, again := v.byVoter[voter]; !again {
		if len(v.order) >= kad.MaxVotes {
			delete(v.byVoter, v.order[0])
			v.order = v.order[1:]
		}
		v.order = append(v.order, voter)
	}
	v.byVoter[voter] = seen
	agree := 0
	for _, other := range v.order {
		if v.byVoter[other] == seen {
			agree++
		}
	}
	return seen, agree >= kad.EnoughVotes && 2*agree > len(v.order)
}
