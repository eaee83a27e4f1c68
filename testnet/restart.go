package testnet

import (
	"context"
	"fmt"
	"time"
)

// RestartReport is what a kill -9 of every peer has left.
type RestartReport struct {
	Peers    int     `json:"peers"`
	Rejoined int     `json:"rejoined"` // found their close nodes, by the contacts in their files alone
	StartS   float64 `json:"start_s"`  // until all listened again
	RejoinS  float64 `json:"rejoin_s"` // from then on, until all had rejoined
	RereadS  float64 `json:"reread_s"` // from then on, until all was read
	Kept
}

const (
	// checkpoint is how often a peer that is to be killed saves its contacts:
	// it lives for seconds, not for hours.
	checkpoint = 500 * time.Millisecond

	// rejoinBound is how long a peer may take to find its close nodes again, and
	// rejoinAgain how long until it is asked once more.
	rejoinBound = 30 * time.Second
	rejoinAgain = 100 * time.Millisecond
)

// restart kills every peer at once and starts all of them again on their
// files, and then every value is read back. Nobody tells them of each other.
func (r *run) restart(ctx context.Context) error {
	saved := func(int) error { return pause(ctx, 2*checkpoint) } // by all, by then
	if err := r.each(ctx, Saving, 1, 1, saved); err != nil {
		return err
	}
	if err := r.crash(ctx, Killing, r.living()); err != nil {
		return err
	}
	report := &RestartReport{Peers: len(r.peers)}
	r.report.Restart = report
	begun := time.Now()
	if err := r.startAgain(ctx); err != nil {
		return err
	}
	report.StartS = seconds(time.Since(begun))
	begun = time.Now()
	if err := r.rejoin(ctx); err != nil {
		return err
	}
	report.RejoinS = seconds(time.Since(begun))
	begun = time.Now()
	var in looks
	err := r.lookForAll(ctx, Rereading, r.living(), &in)
	report.RereadS = seconds(time.Since(begun))
	report.Kept = r.tally()
	return err
}

// startAgain starts each peer where it was.
func (r *run) startAgain(ctx context.Context) error {
	return r.each(ctx, Starting, len(r.peers), workers, func(i int) error {
		o := r.opening(i)
		o.Listen = r.peers[i].Addr()
		p, err := startProcess(ctx, o)
		if err != nil {
			return fmt.Errorf("start peer %d again: %w", i, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.peers[i].ID() != p.ID() {
			r.faults.add("peer %d is another than it was", i)
		}
		r.peers[i], r.dead[i] = p, false
		return nil
	})
}

// rejoin waits until the peers have found their close nodes again.
func (r *run) rejoin(ctx context.Context) error {
	return r.each(ctx, Rejoining, len(r.peers), workers, func(i int) error {
		begun := time.Now()
		err := r.peers[i].FindCloseNodes(ctx)
		for err != nil && time.Since(begun) < rejoinBound {
			if err := pause(ctx, rejoinAgain); err != nil {
				return err
			}
			err = r.peers[i].FindCloseNodes(ctx)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.faults.add("peer %d found no close nodes after the restart: %v", i, err)
		} else {
			r.report.Restart.Rejoined++
		}
		return nil
	})
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
