package khashmir

import (
	"math"
	"time"

	kad "github.com/khashmir/kad"
)

// lives learns how long contacts live, from how long they were watched and how
// many died of it: were silent, and have not answered since. If lives end at
// random, the half-life is ln 2 times the time watched for each death.
type lives struct {
	watched time.Duration
	deaths  float64
	silent  int           // of the dead, those whose death may yet be taken back
	weight  float64       // what is left of these deaths
	most    time.Duration // the longest half-life that it believes in
}

// newLives begins with kad.FirstHalfLife, as if kad.FirstDeaths of a contact had died of
// it: to be too careful costs messages, not values. It believes in no longer life than
// rounds so far apart want.
func newLives(longestInterval time.Duration) lives {
	l := lives{deaths: kad.FirstDeaths, most: kad.MaxHalfLife}
	if longestInterval < kad.MaxHalfLife/kad.RoundsPerHalfLife {
		l.most = longestInterval * kad.RoundsPerHalfLife
	}
	l.watched = l.within(kad.FirstHalfLife)
	return l
}

// within is how long those who died were watched if the half-life is h.
func (l lives) within(h time.Duration) time.Duration {
	return time.Duration(l.deaths * float64(h) / math.Ln2)
}

// lived: a contact is still alive, a time after it last showed.
func (l *lives) lived(d time.Duration) {
	// A long peace must not hide the first deaths of a storm.
	l.watched = min(l.watched+max(0, d), l.within(l.most))
}

// died: a contact has left a question unanswered, which most do but once. It died
// at some time since it last showed: half of that, if it is short. Of a long time
// it lived for as long as others do, and nobody looked.
func (l *lives) died(d time.Duration) {
	mean := float64(l.watched) / l.deaths
	if x := float64(d) / mean; x > 0 {
		l.watched += time.Duration(mean * (1 - x/math.Expm1(x)))
	}
	l.deaths, l.weight, l.silent = l.deaths+1, l.weight+1, l.silent+1
	if l.deaths > kad.DeathsRemembered {
		l.watched, l.deaths, l.weight = l.watched/2, l.deaths/2, l.weight/2
	}
}

// revived: a contact that was taken for dead answers again. Of its death as much
// is taken back as is left of such, on average.
func (l *lives) revived() {
	l.deaths = max(l.deaths-l.settled(), kad.FirstDeaths)
	l.watched = min(l.watched, l.within(l.most))
}

// settled: of one of the silent it is known by now whether it was dead. weight is
// what its death counted.
func (l *lives) settled() (weight float64) {
	if l.silent > 0 {
		weight = l.weight / float64(l.silent)
		l.weight, l.silent = l.weight-weight, l.silent-1
	}
	return weight
}

func (l lives) halfLife() time.Duration {
	return time.Duration(math.Ln2 * float64(l.watched) / l.deaths)
}

// replicateInterval is how long from one round to the next. With R copies, a
// half-life h and T from round to round a day loses (24h/T)(1-2^(-T/h))^R of
// all values: with T a tenth of h and 8 copies one in ten million at h = 1 h.
func (n *Node) replicateInterval() time.Duration {
	most := n.config.ReplicateInterval
	least := min(kad.MinReplicateInterval, most)
	return min(max(n.lives.halfLife()/kad.RoundsPerHalfLife, least), most)
}
