package mainline

import (
	"crypto/sha1"
	"math"
	"math/bits"
	"net/netip"
)

// Bloom is a set of addresses as BEP 33 tells of it: how many they are can be
// estimated, and the sets of several nodes joined.
type Bloom [256]byte

// bloomBits are the two bits of an address: from the first four bytes of its
// SHA-1, little endian.
func bloomBits(ip netip.Addr) [2]uint16 {
	var sum [sha1.Size]byte
	if ip.Is4() {
		a := ip.As4()
		sum = sha1.Sum(a[:])
	} else {
		a := ip.As16()
		sum = sha1.Sum(a[:])
	}
	const size = uint16(8 * len(Bloom{}))
	return [2]uint16{(uint16(sum[0]) | uint16(sum[1])<<8) % size, (uint16(sum[2]) | uint16(sum[3])<<8) % size}
}

// Add puts an address into the set.
func (f *Bloom) Add(ip netip.Addr) { f.set(bloomBits(ip)) }

func (f *Bloom) set(at [2]uint16) {
	for _, bit := range at {
		f[bit/8] |= 1 << (bit % 8)
	}
}

// Join adds all that is in other.
func (f *Bloom) Join(other *Bloom) {
	for i := range f {
		f[i] |= other[i]
	}
}

// Estimate is how many addresses the set has, about.
func (f *Bloom) Estimate() float64 {
	const size = float64(8 * len(Bloom{}))
	zeros := 0
	for _, b := range f {
		zeros += 8 - bits.OnesCount8(b)
	}
	if zeros == 8*len(f) {
		return 0
	}
	c := math.Min(size-1, float64(zeros))
	return math.Log(math.Max(c, 1)/size) / (2 * math.Log(1-1/size))
}

// blooms are the filters of w: of those that have all of it, and of the rest.
func (w *swarm) blooms(now int64) (seeds, peers Bloom) {
	for i := range w.more {
		switch p := &w.more[i]; {
		case p.ends <= now:
		case p.seed:
			seeds.set(p.bloom)
		default:
			peers.set(p.bloom)
		}
	}
	return seeds, peers
}
