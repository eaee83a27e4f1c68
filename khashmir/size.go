package khashmir

import (
	"encoding/binary"
	"math"

	kad "github.com/khashmir/kad"
)

// density learns how many nodes there are from how close they lie. IDs are
// uniform: of n nodes, the K-th closest to a target is at K/n of the ID space on
// average, with a Gamma distribution. Over m lookups (mK-1)/(sum of the K-th
// distances) is n without a bias, give or take one part in the root of mK-2: 9 %
// for 16 lookups with K = 8.
//
// Those by which the node has settled count until there are as many others: the
// network may have been young then too.
type density struct {
	recent [sizeLookups]float64 // distances of the K-th, as parts of the ID space
	next   int
	filled int
	early  int // of them, from settling; they are the first
}

// sizeLookups is over how many lookups the estimate is taken: enough for 6 %,
// and few enough that growth shows within an hour.
const sizeLookups = 32

// maxEarly bounds the lookups of settling that count.
const maxEarly = sizeLookups / 4

// observe takes what a whole lookup has found.
func (d *density) observe(target kad.ID, closest []kad.Contact, early bool) {
	switch {
	case early && (d.early < d.filled || d.early == maxEarly):
		return
	case early:
		d.early++
	case d.early > 0 && d.filled == 2*d.early:
		d.filled = copy(d.recent[:], d.recent[d.early:d.filled])
		d.next, d.early = d.filled, 0
	}
	d.recent[d.next] = part(target, closest[len(closest)-1].ID)
	d.next = (d.next + 1) % sizeLookups
	d.filled = min(d.filled+1, sizeLookups)
}

// part is the distance from target to id, as a part of the ID space.
func part(target, id kad.ID) float64 {
	distance := target.Distance(id)
	return math.Ldexp(float64(binary.BigEndian.Uint64(distance[:])), -64)
}

// rank is how many nodes are as close to target as id, on average; ok is false
// if that is not known.
func (d *density) rank(target, id kad.ID, k int) (rank float64, ok bool) {
	nodes := d.nodes(k)
	return part(target, id) * float64(nodes), nodes > 0
}

// nodes is how many there are, or 0 if that is not known.
func (d *density) nodes(k int) int {
	sum := 0.0
	for _, x := range d.recent[:d.filled] {
		sum += x
	}
	if sum == 0 {
		return 0
	}
	return int(math.Round(float64(d.filled*k-1) / sum))
}
