package testnet

import (
	"context"
	"sync"
)

// KillReport is what a crash of some peers has left. Times are those of the
// reads after it.
type KillReport struct {
	Share  float64 `json:"share"`
	Killed int     `json:"killed"`
	Left   int     `json:"left"`
	Kept
	FirstP50MS float64 `json:"first_p50_ms"` // to the first value
	FirstP99MS float64 `json:"first_p99_ms"`
	WholeP50MS float64 `json:"whole_p50_ms"` // to the end of the search
	WholeP99MS float64 `json:"whole_p99_ms"`
}

// kill has some peers crash, all at once and without notice, and then those
// that are left look for every value.
func (r *run) kill(ctx context.Context) error {
	victims := r.random(Crashing, 0).Perm(len(r.peers))[:r.config.victims()]
	if err := r.crash(ctx, Crashing, victims); err != nil {
		return err
	}
	living := r.living()
	var in looks
	if err := r.lookForAll(ctx, Surviving, living, &in); err != nil {
		return err
	}
	k := &KillReport{Share: r.config.Kill, Killed: len(victims), Left: len(living), Kept: r.tally()}
	k.FirstP50MS, k.FirstP99MS = percentiles(in.first)
	k.WholeP50MS, k.WholeP99MS = percentiles(in.whole)
	r.report.Kill = k
	return nil
}

// crash ends all these peers at the same moment.
func (r *run) crash(ctx context.Context, stage Stage, victims []int) error {
	now := make(chan struct{})
	var ready sync.WaitGroup
	ready.Add(len(victims))
	go func() {
		ready.Wait()
		close(now)
	}()
	return r.each(context.WithoutCancel(ctx), stage, len(victims), len(victims), func(i int) error {
		r.mu.Lock()
		r.dead[victims[i]] = true
		r.mu.Unlock()
		ready.Done()
		<-now
		return r.peers[victims[i]].Abort()
	})
}
