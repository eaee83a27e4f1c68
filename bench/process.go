package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/khashmir/kad/bench/work"
)

// The ends of a run that does not end. Memory is bounded so that a network that
// takes more than the machine has does not take the machine with it.
const (
	runLimit   = 10 * time.Minute
	runMemory  = 12 << 30 // bytes
	manyMemory = 4 << 30  // for the row of a thousand nodes
	watchEvery = 100 * time.Millisecond
)

// ran is what a process was seen to take.
type ran struct {
	figures work.Figures
	peak    int // bytes resident
	took    time.Duration
}

// run has a contestant do the work in a process of its own, which may have so
// much memory.
func run(ctx context.Context, memory int, command []string) (ran, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("not done after %v", runLimit))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	child := exec.CommandContext(ctx, command[0], command[1:]...)
	var out, complaint bytes.Buffer
	child.Stdout, child.Stderr = &out, &complaint
	begun := time.Now()
	if err := child.Start(); err != nil {
		return ran{}, err
	}
	watched := make(chan int)
	ended := make(chan struct{})
	go func() { watched <- watch(child.Process.Pid, memory, ended, stop) }()
	err := child.Wait()
	close(ended)
	r := ran{peak: <-watched, took: time.Since(begun)}
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case err != nil:
		return r, errors.Join(err, lastLine(complaint.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &r.figures); err != nil {
		return r, fmt.Errorf("read the figures: %w", err)
	}
	return r, nil
}

// watch stops a process that takes too much memory, and returns the most that
// it was seen to have.
func watch(pid, memory int, ended <-chan struct{}, stop context.CancelCauseFunc) (peak int) {
	again := time.NewTicker(watchEvery)
	defer again.Stop()
	for {
		select {
		case <-ended:
			return peak
		case <-again.C:
			bytes, _ := work.Resident(pid)
			if peak = max(peak, bytes); peak > memory {
				stop(fmt.Errorf("passed %d GiB", memory>>30))
			}
		}
	}
}
