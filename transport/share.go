package transport

import (
	"net/netip"

	kad "github.com/khashmir/kad"
)

const (
	// maxSenderShare is how many questions of one address are answered at once:
	// more than a node has in flight to another, and few enough that a flood
	// of them does not hold the others up.
	maxSenderShare = maxAnswers / 32

	// maxGroupShare is how many of one network are, see kad.Contact.Group.
	maxGroupShare = maxAnswers / 2
)

// shares is how many answers are under way to whom, so that nobody has all of
// them. It counts by address, which costs nothing to know; who forges one has
// to forge the victim's own, and then takes only its place. It is guarded by
// the transport's lock, and holds no more than what is under way.
type shares struct {
	senders map[netip.AddrPort]int
	groups  map[netip.Prefix]int
}

func newShares() shares {
	return shares{make(map[netip.AddrPort]int), make(map[netip.Prefix]int)}
}

// enter reports whether there is room for one more, and counts it.
func (s *shares) enter(from netip.AddrPort) bool {
	group := groupOf(from)
	if s.senders[from] >= maxSenderShare || group.IsValid() && s.groups[group] >= maxGroupShare {
		return false
	}
	s.senders[from]++
	if group.IsValid() {
		s.groups[group]++
	}
	return true
}

func (s *shares) leave(from netip.AddrPort) {
	if s.senders[from]--; s.senders[from] == 0 {
		delete(s.senders, from)
	}
	group := groupOf(from)
	if !group.IsValid() {
		return
	}
	if s.groups[group]--; s.groups[group] == 0 {
		delete(s.groups, group)
	}
}

func groupOf(from netip.AddrPort) netip.Prefix { return kad.Contact{}.WithAddr(from).Group() }
