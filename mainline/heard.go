package mainline

import (
	"hash/maphash"
	"net/netip"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// heard is the askers of a batch that were not heard of in this minute. One may
// be forgotten sooner, when another takes the place: this is for speed.
type heard struct {
	minute int64
	lately [1 << 10]uint64
	count  int
	askers [8]asker
}

type asker struct {
	id   kad.ID
	addr netip.AddrPort
}

// turn forgets all when it is time.
func (h *heard) turn(unix int64) {
	if minute := unix / 60; minute != h.minute {
		h.minute = minute
		clear(h.lately[:])
	}
}

func (h *heard) note(id kad.ID, addr netip.AddrPort) {
	tag := high(id) ^ uint64(addr.Port())
	place := &h.lately[tag%uint64(len(h.lately))]
	if *place == tag || h.count == len(h.askers) {
		return
	}
	*place = tag
	h.askers[h.count] = asker{id, addr}
	h.count++
}

// meet pings back those of the askers that the table has a use for: who only
// asks has proven nothing, neither that it is there nor who it is.
func (s *side) meet() {
	n, h := s.node, &s.loop.heard
	n.mu.Lock()
	defer n.unlock()
	for _, a := range h.askers[:h.count] {
		if c, ok := s.contact(a.id, a.addr); ok && s.wants(c) {
			s.pingBack(c)
		}
	}
	h.count = 0
}

// wants reports whether the table has a use for c. Call it under the lock.
func (s *side) wants(c kad.Contact) bool {
	return !s.node.closed && s.admits(c) && s.table.Wants(c.ID)
}

// pingBack asks a contact whether it is there, once at a time. Call it under
// the lock.
func (s *side) pingBack(c kad.Contact) {
	if _, under := s.pings[c.ID]; under || len(s.pings) >= kad.MaxPingBacks {
		return
	}
	s.pings[c.ID] = struct{}{}
	s.ask(c, s.question(bep5.Ping, bep5.Args{}), func(kad.Contact, *bep5.Message, error) { delete(s.pings, c.ID) })
}

// flood counts the questions of each address, roughly: addresses that share a
// place share the limit. Replies go to whoever the packet says sent it, and
// that may be a lie to hurt him.
type flood struct {
	lifted bool
	seed   maphash.Seed
	slot   int64
	counts [1 << 12]uint16
}

func newFlood(lifted bool) flood { return flood{lifted: lifted, seed: maphash.MakeSeed()} }

// turn begins a new count when it is time.
func (f *flood) turn(unix int64) {
	if slot := unix / kad.FloodInterval; slot != f.slot {
		f.slot = slot
		clear(f.counts[:])
	}
}

// over counts a question and reports whether it is one too many.
func (f *flood) over(ip netip.Addr) bool {
	if f.lifted {
		return false
	}
	a := ip.As16()
	b := a[:]
	if !ip.Is4() {
		b = a[:8] // whoever has one address of IPv6 has all of a /64
	}
	count := &f.counts[maphash.Bytes(f.seed, b)%uint64(len(f.counts))]
	if *count >= kad.FloodLimit {
		return true
	}
	*count++
	return false
}
