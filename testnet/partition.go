package testnet

import (
	"context"
	"net/netip"
	"time"
)

// PartitionReport is what a cut between two halves of the network has left.
type PartitionReport struct {
	CutS     float64 `json:"cut_s"`
	Stores   int     `json:"stores"` // begun meanwhile, on both sides
	StoresOK int     `json:"stores_ok"`
	Gets     int     `json:"gets"` // of what was stored on the own side meanwhile
	GetsOK   int     `json:"gets_ok"`
	Healed   bool    `json:"healed"`   // after the cut, everything was found from both sides
	HealedS  float64 `json:"healed_s"` // and so much later
	Kept
}

const (
	// maintain is how often peers that are to be cut in two look after their
	// tables, and replicate how often they compare what they hold: a person
	// waits for what takes a network minutes.
	maintain  = time.Second
	replicate = 5 * time.Second

	// healBound is how long the values may be on their way to the other side,
	// and healAgain how long until those not found are looked for once more.
	healBound = 2 * time.Minute
	healAgain = 250 * time.Millisecond
)

// partition cuts the network in two for a while. Both sides go on storing and
// reading. Then every value must come to both sides.
func (r *run) partition(ctx context.Context) error {
	order := r.random(Cutting, 0).Perm(len(r.peers))
	halves := [2][]int{order[:len(order)/2], order[len(order)/2:]}
	r.report.Partition = &PartitionReport{}
	r.divide(halves)
	begun := time.Now()
	err := r.live(ctx, halves)
	r.cut.set(nil)
	r.report.Partition.CutS = seconds(time.Since(begun))
	if err != nil {
		return err
	}
	return r.heal(ctx, halves)
}

func (r *run) divide(halves [2][]int) {
	sides := make(map[netip.AddrPort]int)
	for side, half := range halves {
		for _, i := range half {
			sides[r.Nodes[i].Addr()] = side + 1
		}
	}
	r.cut.set(sides)
}

// live has both sides store and read at an even pace until the cut is over.
func (r *run) live(ctx context.Context, halves [2][]int) error {
	var in looks
	sources := [2]*depositing{r.depositing(Cutting, halves[0], 1), r.depositing(Cutting, halves[1], 2)}
	total, begun := 2*r.config.Stores*r.config.Entries, time.Now()
	over := begun.Add(r.config.Partition)
	err := r.each(ctx, Cutting, total, 2*r.config.Callers, func(j int) error {
		at := begun.Add(time.Duration(float64(r.config.Partition) * float64(j) / float64(total)))
		if err := pause(ctx, time.Until(at)); err != nil || time.Now().After(over) {
			return err
		}
		d := sources[j%2].store(ctx, j/2)
		if d == nil {
			return nil
		}
		order := r.random(Cutting+", readers", j).Perm(len(halves[j%2]))
		for i, nth := range order {
			order[i] = halves[j%2][nth]
		}
		for _, reader := range r.readers(order, d, r.config.Readers) {
			r.look(ctx, &in, reader, d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := r.report.Partition
	p.Gets, p.GetsOK = in.looked, in.found
	for _, source := range sources {
		p.Stores += source.tried
		p.StoresOK += source.acknowledged
		source.end()
	}
	return pause(ctx, time.Until(over))
}

// heal looks for everything from both sides, again and again, until all is
// found; then once more, which is what counts.
func (r *run) heal(ctx context.Context, halves [2][]int) error {
	begun := time.Now()
	s := &seeking{run: r}
	for _, d := range r.acknowledged() {
		s.all = append(s.all, sought{d, halves[0]}, sought{d, halves[1]})
	}
	p := r.report.Partition
	r.progress(Healing, 0, len(s.all))
	for left := s.all; ; {
		var err error
		if left, err = s.seek(ctx, left, &looks{quiet: true}); err != nil {
			return err
		}
		if p.Healed = len(left) == 0; p.Healed || time.Since(begun) > healBound {
			break
		}
		if err := pause(ctx, healAgain); err != nil {
			return err
		}
	}
	p.HealedS = seconds(time.Since(begun))
	r.forget()
	_, err := s.seek(ctx, s.all, &looks{})
	p.Kept = r.tally()
	return err
}

// sought is a deposit that one side is to find.
type sought struct {
	*deposit
	side []int
}

type seeking struct {
	run   *run
	all   []sought
	found int // guarded by the network's mu
	round int
}

// seek has a random peer of its side look for each, and returns what was not
// found.
func (s *seeking) seek(ctx context.Context, these []sought, in *looks) (left []sought, err error) {
	r := s.run
	s.round++
	err = r.each(ctx, unseen, len(these), r.config.Callers, func(i int) error {
		random := r.random(Healing, s.round*len(s.all)+i)
		ok := r.look(ctx, in, r.anyOf(these[i].side, random, these[i].deposit), these[i].deposit)
		r.mu.Lock()
		defer r.mu.Unlock()
		if ok {
			s.found++
		} else {
			left = append(left, these[i])
		}
		r.progress(Healing, min(s.found, len(s.all)), len(s.all))
		return nil
	})
	return left, err
}
