package shell

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"
)

// failure is what a chunk did wrong, in one line.
type failure struct {
	line string
	err  error // what it is to errors.Is
}

func (f *failure) Error() string { return f.line }
func (f *failure) Unwrap() error { return f.err }

// errMemory is why a command was ended.
var errMemory = errors.New("out of memory")

// run runs f, which is all that touches the Lua state meanwhile, until it ends,
// is interrupted, or takes too much; name is where it is. The state's own instructions look whether
// the context has ended; so do the node's calls.
func (s *Shell) run(parent context.Context, name string, f func() error) error {
	if s.stuck {
		return ErrStuck
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	s.lua.SetContext(ctx)
	ended := make(chan error, 1)
	go func() { ended <- f() }()
	if !s.wait(parent, ctx, cancel, ended) {
		s.stuck = true
		s.out.mute()
		return ErrStuck
	}
	return s.judge(ctx, name, <-ended)
}

// wait returns when the command has ended, or false when it is to be given up.
// What ended is left in the channel.
func (s *Shell) wait(parent, ctx context.Context, cancel context.CancelCauseFunc, ended chan error) bool {
	tick := time.NewTicker(MemoryInterval)
	defer tick.Stop()
	limit := heap() + s.config.MaxMemory
	done := ctx.Done()
	var patience <-chan time.Time // while it has to obey
	obeyed := true
	for {
		select {
		case err := <-ended:
			ended <- err
			return true
		case <-s.config.Interrupt:
			if !obeyed {
				return false
			}
			s.err.Printf("%s", s.broken) // what was typed has been echoed
			cancel(ErrInterrupted)
		case <-done:
			done, patience = nil, time.After(StuckAfter)
		case <-patience:
			if s.config.Interrupt == nil || parent.Err() != nil {
				return false
			}
			obeyed = false
			s.complain("this cannot be interrupted; once more, and it is left behind and the shell ends")
		case <-tick.C:
			if heap() > limit && ctx.Err() == nil {
				runtime.GC() // it may be garbage
				if heap() > limit {
					cancel(errMemory)
				}
			}
		}
	}
}

// judge is what has become of a command: why it was ended, if it was, else what
// it did wrong itself.
func (s *Shell) judge(ctx context.Context, name string, err error) error {
	switch why := context.Cause(ctx); {
	case errors.Is(why, errMemory):
		runtime.GC()
		return &failure{fmt.Sprintf("out of memory: more than %d MiB", s.config.MaxMemory>>20), errMemory}
	case why != nil:
		return ErrInterrupted
	case err == nil:
		return nil
	}
	return &failure{oneLine(name, err), err}
}

// heap is how many bytes are in use, garbage that was not swept yet among them.
func heap() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
