package mainline

import (
	"container/list"
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// swarms is the peers that were announced, of one family of addresses, under
// their info-hashes. It is soft state of half an hour and bounded; see
// docs/adr/0011-mainline.md for why it is not on a disk. The lock of the shelf
// guards it.
type swarms struct {
	size   int // bytes an address: 6 or 18
	limits limits
	byHash map[kad.ID]*swarm
	hashes []kad.ID   // those of byHash, to draw from
	recent *list.List // of *swarm, the one announced last in front
	peers  int        // in all
	seed   maphash.Seed
}

// limits are those of a shelf.
type limits struct {
	swarms, perSwarm, peers, items int
	lifetime, itemLifetime         time.Duration
	perAddress                     int // peers of one address in a swarm; 0: any number
}

// swarm is the peers of one info-hash, side by side: a tag each, by which they
// are found, and the rest.
type swarm struct {
	hash    kad.ID
	place   int // in hashes
	element *list.Element
	latest  int64 // when anybody announced last, in unix seconds

	tags  []uint64
	addrs []byte // compact
	more  []peer
}

type peer struct {
	ends  int64     // unix seconds
	bloom [2]uint16 // its bits in BEP 33's filters
	seed  bool
}

func newSwarms(size int, limits limits) *swarms {
	return &swarms{size: size, limits: limits, byHash: make(map[kad.ID]*swarm), recent: list.New(), seed: maphash.MakeSeed()}
}

// announce notes that addr is one of the peers under hash. Where there is no
// room, what was announced longest ago makes some.
func (s *swarms) announce(hash kad.ID, addr netip.AddrPort, seed bool, now int64) {
	w := s.byHash[hash]
	if w == nil {
		w = s.add(hash)
	}
	s.recent.MoveToFront(w.element)
	w.latest = now
	var room [18]byte
	packed := bep5.AppendAddr(room[:0], addr)
	p := peer{ends: now + int64(s.limits.lifetime/time.Second), seed: seed}
	tag := s.tag(packed)
	i := w.find(tag, packed)
	if i < 0 {
		p.bloom = bloomBits(addr.Addr())
		i = s.place(w, p.bloom, addr.Addr(), now)
		w.tags[i] = tag
		copy(w.addrs[i*s.size:], packed)
	} else {
		p.bloom = w.more[i].bloom
	}
	w.more[i] = p
}

// tag tells most addresses from one another; an IPv4 one from all others.
func (s *swarms) tag(packed []byte) uint64 {
	if len(packed) == 6 {
		return uint64(binary.BigEndian.Uint32(packed))<<16 | uint64(binary.BigEndian.Uint16(packed[4:]))
	}
	return maphash.Bytes(s.seed, packed)
}

func (w *swarm) find(tag uint64, packed []byte) int {
	for i, t := range w.tags {
		if t == tag && string(w.addrs[i*len(packed):(i+1)*len(packed)]) == string(packed) {
			return i
		}
	}
	return -1
}

func (s *swarms) add(hash kad.ID) *swarm {
	if len(s.hashes) >= s.limits.swarms {
		s.remove(s.recent.Back().Value.(*swarm))
	}
	w := &swarm{hash: hash, place: len(s.hashes)}
	w.element = s.recent.PushFront(w)
	s.byHash[hash] = w
	s.hashes = append(s.hashes, hash)
	return w
}

func (s *swarms) remove(w *swarm) {
	last := s.hashes[len(s.hashes)-1]
	s.hashes[w.place] = last
	s.byHash[last].place = w.place
	s.hashes = s.hashes[:len(s.hashes)-1]
	delete(s.byHash, w.hash)
	s.recent.Remove(w.element)
	s.peers -= len(w.tags)
}

// place is where in w a new peer goes: a new place, or that of the one that
// ends first, of its own address if that has as many as one may.
func (s *swarms) place(w *swarm, bloom [2]uint16, ip netip.Addr, now int64) int {
	first, own, count := -1, -1, 0
	if full := len(w.tags) >= s.limits.perSwarm; full || s.limits.perAddress > 0 && len(w.tags) >= s.limits.perAddress {
		for i := range w.more {
			if first < 0 || w.more[i].ends < w.more[first].ends {
				first = i
			}
			if s.limits.perAddress > 0 && w.more[i].bloom == bloom && s.ip(w, i) == ip {
				if count++; own < 0 || w.more[i].ends < w.more[own].ends {
					own = i
				}
			}
		}
		switch {
		case s.limits.perAddress > 0 && count >= s.limits.perAddress:
			return own
		case full || w.more[first].ends <= now:
			return first
		}
	}
	for s.peers >= s.limits.peers { // never w itself, which is in front
		oldest := s.recent.Back().Value.(*swarm)
		if oldest == w {
			return max(first, 0)
		}
		s.remove(oldest)
	}
	w.tags = append(w.tags, 0)
	w.addrs = append(w.addrs, make([]byte, s.size)...)
	w.more = append(w.more, peer{})
	s.peers++
	return len(w.tags) - 1
}

func (s *swarms) ip(w *swarm, i int) netip.Addr {
	addr, _ := bep5.ReadAddr(w.addrs[i*s.size : (i+1)*s.size])
	return addr.Addr()
}

// appendValues appends up to n live peers of w as the elements of a list: some
// of them that come after each other, beginning anywhere.
func (s *swarms) appendValues(b []byte, w *swarm, n int, noSeed bool, now int64) []byte {
	total := len(w.tags)
	at := 0
	if total > n {
		at = rand.IntN(total)
	}
	for range total {
		if n == 0 {
			break
		}
		if p := &w.more[at]; p.ends > now && !(noSeed && p.seed) {
			b = bep5.AppendLen(b, s.size)
			b = append(b, w.addrs[at*s.size:(at+1)*s.size]...)
			n--
		}
		if at++; at == total {
			at = 0
		}
	}
	return b
}

// sweep drops what is past its lifetime.
func (s *swarms) sweep(now int64) {
	for e := s.recent.Back(); e != nil; {
		w := e.Value.(*swarm)
		e = e.Prev()
		kept := 0
		for i := range w.more {
			if w.more[i].ends > now {
				w.tags[kept], w.more[kept] = w.tags[i], w.more[i]
				copy(w.addrs[kept*s.size:(kept+1)*s.size], w.addrs[i*s.size:])
				kept++
			}
		}
		s.peers -= len(w.tags) - kept
		w.tags, w.more, w.addrs = w.tags[:kept], w.more[:kept], w.addrs[:kept*s.size]
		if kept == 0 {
			s.remove(w)
		}
	}
}
