package khashmir

import (
	"time"

	kad "github.com/khashmir/kad"
)

// nextRound begins a whole round if one is due. Whether it is changes while it is
// waited for, with every contact that dies or lives on, so it is asked again soon.
// (Timers set anew at each death lost more values: docs/adr/0023.) One that cannot
// begin because another is under way stays due.
func (n *Node) nextRound() {
	n.mu.Lock()
	due := n.untilRound() <= 0
	n.mu.Unlock()
	if due {
		n.replicateAll()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	b, now := &n.neighbours, n.clock.Now()
	if b.asked.Sub(now) <= aMoment(n.soon()) {
		b.asked = now.Add(n.soon())
	}
	next := b.asked
	if until := n.untilRound(); until > 0 && now.Add(until).Before(next) {
		next = now.Add(until)
	}
	n.chores[comparing].due = next
}

// soon is the shortest time from one round to the next.
func (n *Node) soon() time.Duration {
	return min(kad.MinReplicateInterval, n.config.ReplicateInterval)
}

// untilRound is how long it is until a whole round is due, up to a quarter early,
// so that neighbours do not keep step. Call it under the lock.
func (n *Node) untilRound() time.Duration {
	b := &n.neighbours
	wait := float64(n.replicateInterval()) * (1 - b.early)
	return b.last.Add(time.Duration(wait)).Sub(n.clock.Now())
}

// replicateAll is a whole round, with all neighbours.
func (n *Node) replicateAll() {
	held := n.holdings()
	n.mu.Lock()
	defer n.unlock()
	b := &n.neighbours
	if n.closed || b.busy || held.nothing && n.holds.Load() { // something has come in the meantime
		return
	}
	b.last, b.early = n.clock.Now(), float64(n.clock.Uint64()%256)/256/4
	if held.nothing {
		return
	}
	b.busy = true
	b.rounds++
	n.counts.rounds++
	n.replicate(&round{
		replicas: n.config.Replicas,
		held:     held,
		trusting: (b.rounds-1)%kad.TrustingRounds != 0,
		thorough: n.straysDue(),
		over:     n.roundOver,
	})
}

// roundsAgo is when that part of an interval began which ends now. Call it under
// the lock.
func (n *Node) roundsAgo(part float64) time.Time {
	return n.clock.Now().Add(-time.Duration(part * float64(n.replicateInterval())))
}

// straysDue reports whether this round is to go over the strays: not before half
// of the nodes are others, for where many come and go most strays would soon be
// wanted back; but in peace in every round. Nobody can make us believe that lives
// are so short that it is every round. Call it under the lock.
func (n *Node) straysDue() bool {
	now, b := n.clock.Now(), &n.neighbours
	due := now.Sub(b.strays) >= min(kad.RoundsPerHalfLife*n.replicateInterval(), n.config.ReplicateInterval/4*3)
	if due {
		b.strays = now
	}
	return due
}

func (n *Node) roundOver() {
	n.neighbours.busy = false
	n.waitForDue()
}
