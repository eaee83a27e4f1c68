package testnet

import (
	"context"
	"fmt"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// strike does to the network what the config says, and then reads back all
// that was acknowledged.
func (r *run) strike(ctx context.Context) error {
	if r.config.Partition > 0 {
		if err := r.partition(ctx); err != nil {
			return err
		}
	}
	if r.config.Kill > 0 {
		if err := r.kill(ctx); err != nil {
			return err
		}
	}
	if r.report.Fault == "" {
		return nil
	}
	return r.readBack(ctx)
}

// kill has a random share of the peers crash, all at once.
func (r *run) kill(ctx context.Context) error {
	random := r.random(Killing, 0)
	victims := random.Perm(len(r.Nodes))[:int(r.config.Kill*float64(len(r.Nodes)))]
	r.report.Killed = len(victims)
	r.report.Fault = then(r.report.Fault, fmt.Sprintf("%d peers crashed", len(victims)))
	return r.each(ctx, Killing, len(victims), len(victims), func(i int) error {
		node := r.Nodes[victims[i]]
		r.mu.Lock()
		if r.dead == nil {
			r.dead = make(map[*khashmir.Node]bool)
		}
		r.dead[node] = true
		r.mu.Unlock()
		return node.Abort()
	})
}

// living are the peers that have not crashed.
func (r *run) living() (living []*khashmir.Node) {
	for _, node := range r.Nodes {
		if !r.dead[node] {
			living = append(living, node)
		}
	}
	return living
}

// partition cuts the network in two, lets both halves go on, and heals it. It
// ends when each half finds what the other has stored.
func (r *run) partition(ctx context.Context) error {
	begun := time.Now()
	halves := [2][]*khashmir.Node{}
	for i, node := range r.Nodes {
		halves[i%2] = append(halves[i%2], node)
	}
	r.cut.between(halves[0], halves[1])
	r.report.Fault = fmt.Sprintf("the network was cut in halves for %v", r.config.Partition)
	added := r.config.Stores * r.config.Entries
	r.report.Stores += added
	err := r.each(ctx, Cutting, r.config.Stores, r.config.Callers, func(i int) error {
		half := halves[i%2]
		random := r.random(Cutting, i)
		key, _, _ := r.write(ctx, random, r.config.Stores+i, half)
		got := look(ctx, half[random.IntN(len(half))], key)
		if missing, foreign := r.ledger.compare(key, got.values); missing+foreign > 0 && ctx.Err() == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.report.Gets++
			r.faults.add("on its own side of the cut value %d was not found: %s", r.config.Stores+i, got.wrong(missing, foreign))
		}
		return nil
	})
	if err == nil {
		err = pause(ctx, r.config.Partition-time.Since(begun))
	}
	r.cut.between(nil, nil)
	if err != nil {
		return err
	}
	return r.heal(ctx, halves)
}

// healWithin bounds the wait for the halves: they look for whom they have lost
// at growing intervals, so it takes about as long again as the cut.
func healWithin(cut time.Duration) time.Duration { return 3*cut + time.Minute }

// heal waits until a peer of each half reads all that was acknowledged.
func (r *run) heal(ctx context.Context, halves [2][]*khashmir.Node) error {
	healed := time.Now()
	keys := r.ledger.keys()
	r.progress(Healing, 0, len(keys))
	for i := 0; i < len(keys); {
		whole := true
		for side, half := range halves {
			got := look(ctx, half[(i+side)%len(half)], keys[i])
			missing, _ := r.ledger.compare(keys[i], got.values)
			whole = whole && missing == 0
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case whole:
			i++
			r.progress(Healing, i, len(keys))
		case time.Since(healed) > healWithin(r.config.Partition):
			return nil // reading it back will say what is lost
		default:
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
	}
	r.report.HealS = seconds(time.Since(healed))
	return nil
}

// readBack has random living peers read all that was acknowledged, each key
// once.
func (r *run) readBack(ctx context.Context) error {
	living, keys := r.living(), r.ledger.keys()
	r.report.Acknowledged = r.ledger.size()
	return r.each(ctx, Reading, len(keys), r.config.Callers, func(i int) error {
		got := look(ctx, living[r.random(Reading, i).IntN(len(living))], keys[i])
		if ctx.Err() != nil {
			return nil
		}
		missing, foreign := r.ledger.compare(keys[i], got.values)
		r.account(i, got, missing, foreign)
		return nil
	})
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func then(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", then " + b
}
