package khashmir

import (
	"encoding/binary"
	"math"
	"time"

	kad "github.com/khashmir/kad"
)

// density learns how many nodes there are from how close they lie. IDs are
// uniform: of n nodes, the K-th closest to a target is at K/n of the ID space on
// average, with a Gamma distribution. Over m lookups (mK-1)/(sum of the K-th
// distances) is n without a bias, give or take one part in the root of mK-2: 9 %
// for 16 lookups with K = 8.
//
// Those by which the node has settled, and has filled its buckets while it was new, count
// until there are as many others, and no longer than SettledFor: the network may have
// been young then too.
// Others count for SizeFresh. The node's own place is a target as well, and who is there
// it always knows: so one that looks nothing up, for years, has an idea too.
type density struct {
	recent [sizeLookups]sample
	next   int
	filled int
	early  int // of them, from when the node was new; they are the first

	around sample // of our own place
}

// sample is how far the K-th was from a target, as a part of the ID space, and when.
type sample struct {
	part float64
	at   time.Duration // since 1970: half of a time.Time
}

// sizeLookups is over how many lookups the estimate is taken: enough for 6 %,
// and few enough that growth shows within an hour.
const sizeLookups = 32

// aroundFresh is how long it counts who was seen at our own place.
const aroundFresh = time.Minute

// maxEarly bounds the lookups of a new node's own that count.
const maxEarly = sizeLookups / 4

// observe takes what a whole lookup has found.
func (d *density) observe(target kad.ID, closest []kad.Contact, early bool, now time.Time) {
	switch {
	case early && (d.early < d.filled || d.early == maxEarly):
		return
	case early:
		d.early++
	case d.early > 0 && d.filled == 2*d.early:
		d.filled = copy(d.recent[:], d.recent[d.early:d.filled])
		d.next, d.early = d.filled, 0
	}
	d.recent[d.next] = seen(target, closest, now)
	d.next = (d.next + 1) % sizeLookups
	d.filled = min(d.filled+1, sizeLookups)
}

// met: there is somebody new. One of the K closest to us changes who they are.
func (d *density) met(self, id kad.ID) {
	if part(self, id) < d.around.part {
		d.around = sample{}
	}
}

// part is the distance from target to id, as a part of the ID space.
func part(target, id kad.ID) float64 {
	distance := target.Distance(id)
	return math.Ldexp(float64(binary.BigEndian.Uint64(distance[:])), -64)
}

func seen(target kad.ID, closest []kad.Contact, now time.Time) sample {
	return sample{part(target, closest[len(closest)-1].ID), time.Duration(now.UnixNano())}
}

// fresh reports whether s was taken no longer than that ago; if it is yet to come, the
// clock has been set back.
func (s sample) fresh(now time.Time, age time.Duration) bool {
	ago := time.Duration(now.UnixNano()) - s.at
	return ago >= 0 && ago < age
}

// nodes is how many there are, or 0 if that is not known, and from how many samples.
func (d *density) nodes(k int, now time.Time) (nodes, samples int) {
	sum := 0.0
	add := func(s sample, age time.Duration) {
		if s.part > 0 && s.fresh(now, age) {
			samples, sum = samples+1, sum+s.part
		}
	}
	for i, s := range d.recent[:d.filled] {
		if i < d.early {
			add(s, kad.SettledFor)
		} else {
			add(s, kad.SizeFresh)
		}
	}
	add(d.around, 2*aroundFresh)
	if sum == 0 || samples*k < 2 { // of one distance alone there is no mean
		return 0, 0
	}
	return int(math.Round(float64(samples*k-1) / sum)), samples
}

// size is how many nodes there are, or 0 if that is not known, and from how many
// samples: one alone is off by 40 %. Call it under the lock.
func (n *Node) size() (nodes, samples int) {
	now := n.clock.Now()
	if n.saved.Load() && !n.density.around.fresh(now, aroundFresh) { // it has found its place
		if closest := n.table.Closest(nil, n.self.ID, n.config.K); len(closest) == n.config.K {
			n.density.around = seen(n.self.ID, closest, now)
		}
	}
	return n.density.nodes(n.config.K, now)
}

// rank is how many nodes are as close to target as id, on average, from how many samples
// of the size; with none it is not known. Call it under the lock.
func (n *Node) rank(target, id kad.ID) (rank float64, samples int) {
	nodes, samples := n.size()
	return part(target, id) * float64(nodes), samples
}
