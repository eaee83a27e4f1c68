package khashmir

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
)

// neighbours is who else holds what we hold, as far as it changes, and when
// the rounds are due.
type neighbours struct {
	rounds  int                  // whole rounds begun
	last    time.Time            // when one was begun last, or there was nothing to begin it for
	early   float64              // the part of its interval that the next comes early
	asked   time.Time            // when it is asked at the latest whether one is due
	strays  time.Time            // when a round went over them last
	busy    bool                 // a round is under way
	due     map[kad.ID]time.Time // whom to compare with, apart from the whole rounds, and when
	met     map[kad.ID]time.Time // when that was begun last
	waiting func() bool          // stops the timer for the first due
}

// maxDue bounds whom we compare with out of turn: more than a storm of
// newcomers can be closest to us.
const maxDue = 64

// newcomer: c has just come into the table. If it is so close that it may have
// to hold what we hold, it gets it. Those closest to it hand over first, so that
// the others find it has everything already.
func (n *Node) newcomer(c kad.Contact) {
	if !n.holds.Load() || n.config.Client || !n.table.Near(c.ID, 2*n.config.Replicas) {
		return
	}
	rank := 0
	for _, o := range n.table.Closest(nil, c.ID, n.config.Replicas) {
		if c.ID.CompareDistance(o.ID, n.self.ID) < 0 && o.ID != c.ID {
			rank++
		}
	}
	n.meetLater(c.ID, time.Duration(rank)*kad.HandoverDelay)
}

// askBack: c holds something else than we. It is about to send us what we lack;
// then we look whether we have something for it. Two who cannot agree do this
// once in a while, not for ever.
func (n *Node) askBack(c kad.Contact) {
	if at, known := n.neighbours.met[c.ID]; known && n.clock.Now().Sub(at) < kad.MinReplicateInterval {
		return
	}
	n.meetLater(c.ID, kad.HandoverDelay)
}

// maxCorrections bounds the corrections under way.
const maxCorrections = 64

// correct: c holds an older version of something under key than we do. It need
// not be one of those whose place that is, and nobody else may tell it.
func (n *Node) correct(c kad.Contact, key kad.ID) {
	n.mu.Lock()
	defer n.unlock()
	if n.closed || n.corrections == maxCorrections {
		return
	}
	n.corrections++
	n.replicate(&round{
		only: []kad.ID{}, // nobody but c
		todo: []comparison{{with: c, keys: kad.NewRange(key, 8*kad.IDSize)}},
		over: func() { n.corrections-- },
	})
}

func (n *Node) meetLater(id kad.ID, delay time.Duration) {
	b := &n.neighbours
	if n.closed || n.leaving.begun || len(b.due) >= maxDue {
		return
	}
	if _, known := b.due[id]; known {
		return
	}
	if b.due == nil {
		b.due, b.met = make(map[kad.ID]time.Time), make(map[kad.ID]time.Time)
	}
	jitter := time.Duration(n.clock.Uint64() % uint64(kad.HandoverDelay))
	b.due[id] = n.clock.Now().Add(delay + jitter)
	n.waitForDue()
}

// waitForDue sets the timer for whoever is due first.
func (n *Node) waitForDue() {
	b := &n.neighbours
	if b.waiting != nil {
		b.waiting()
		b.waiting = nil
	}
	if n.closed || b.busy || len(b.due) == 0 {
		return
	}
	var first time.Time
	for _, at := range b.due {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	b.waiting = n.afterFunc(max(0, first.Sub(n.clock.Now())), n.meetDue)
}

// meetDue begins a round with those that are due.
func (n *Node) meetDue() {
	held := n.holdings()
	n.mu.Lock()
	defer n.unlock()
	b := &n.neighbours
	b.waiting = nil
	if n.closed || b.busy {
		return
	}
	now := n.clock.Now()
	var only []kad.ID
	for id, at := range b.due {
		if !at.After(now) {
			only = append(only, id)
			delete(b.due, id)
			b.met[id] = now
		}
	}
	slices.SortFunc(only, kad.ID.Compare)
	for id, at := range b.met {
		if now.Sub(at) >= kad.MinReplicateInterval {
			delete(b.met, id)
		}
	}
	if held.nothing || len(only) == 0 {
		n.waitForDue()
		return
	}
	b.busy = true
	n.replicate(&round{replicas: n.config.Replicas, held: held, only: only, over: n.roundOver})
}

// holdings is what there is to hand over, as a round sees it when it begins:
// nothing; something under these keys and no others, in their order; or, where
// keys is nil, more than that.
type holdings struct {
	nothing bool
	keys    []kad.ID
}

// holdsSomething: if it is the first, a round is due.
func (n *Node) holdsSomething() {
	if !n.holds.Swap(true) {
		n.mu.Lock()
		n.neighbours.last = time.Time{}
		n.mu.Unlock()
	}
}

// fewEntries are those of which a round wants to know the keys: ranges without
// one it need not look into.
const fewEntries = 64

// holdings reads the disk. A client hands over nothing.
func (n *Node) holdings() holdings {
	if n.config.Client {
		return holdings{nothing: true}
	}
	marks, err := n.store.Marks(kad.Range{}, fewEntries+1, n.clock.Now())
	if err == nil && len(marks) == 0 {
		n.holds.Store(false)
		// Something may have come between the two.
		marks, err = n.store.Marks(kad.Range{}, fewEntries+1, n.clock.Now())
	}
	switch {
	case err != nil: // it may be but a part that cannot be read
		n.log.Error("entries could not be listed", "err", err)
		return holdings{}
	case len(marks) == 0:
		return holdings{nothing: true}
	}
	n.holdsSomething()
	if len(marks) > fewEntries {
		return holdings{}
	}
	keys := make([]kad.ID, len(marks))
	for i, m := range marks {
		keys[i] = m.Key
	}
	return holdings{keys: slices.Compact(keys)}
}
