package sim

import (
	"context"
	"fmt"
	"runtime"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// Sim is a simulation under way.
type Sim struct {
	config Config
	limits store.Limits
	queue
	chance  splitmix // what happens on the network and to the nodes
	seeds   splitmix // what the nodes are
	peers   []*peer
	roster  roster
	parted  bool
	cutOnce bool
	churns  bool // nodes come and go
	spare   []*question

	verified map[verified]bool
	events   uint64
	hash     uint64
	broken   *Broken
	judge    judge
	trace    trace
	measure
	workload
	ctx     context.Context
	stopped bool // by ctx, before the end
	tell    func(Progress)
	told    time.Time
	goal    int64 // the end of it all
	what    string
}

// Progress is how far a simulation has come.
type Progress struct {
	Doing   string
	Virtual time.Duration // that has passed
	Of      time.Duration // in all
	Wall    time.Duration
	Nodes   int // that live
	Events  uint64

	Run, Runs int // which of how many, in a sweep
}

// Run runs the simulation to its end and returns what was measured. tell, which
// may be nil, hears of its progress about twice a second. A broken invariant is
// a *Broken. If ctx ends it while something is measured, the result is of what
// was measured until then, and comes with the cause. A trace that could not be
// written is an error too, with the whole result.
func Run(ctx context.Context, config Config, tell func(Progress)) (*Result, error) {
	asked := config
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sim{
		config:   config,
		limits:   config.limits(),
		chance:   splitmix{mix(config.Seed) ^ 0xc4a7ce},
		seeds:    splitmix{mix(config.Seed) ^ 0x5eed5},
		verified: make(map[verified]bool),
		ctx:      ctx,
		tell:     tell,
		told:     time.Now(),
	}
	s.trace = newTrace(config.Trace)
	s.trace.open(config)
	begun := time.Now()
	s.begun = begun
	s.goal = int64(config.JoinOver + config.Settle + config.Duration + config.Heal)
	scenario(config.Scenario).run(s)
	s.trace.flush()
	if s.stopped && s.until <= s.since {
		return nil, context.Cause(ctx)
	}
	if s.broken != nil {
		s.broken.Config, s.broken.asked = config, asked
		return nil, s.broken
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r := s.result(time.Since(begun), memory.HeapInuse)
	if s.stopped {
		return r, context.Cause(ctx)
	}
	if s.trace.err != nil {
		return r, fmt.Errorf("sim: write the trace: %w", s.trace.err)
	}
	return r, nil
}

// over: nothing more is to happen.
func (s *Sim) over() bool {
	late := s.config.noLater > 0 && s.now > int64(s.config.noLater)
	s.stopped = s.stopped || late || s.ctx.Err() != nil
	return s.stopped || s.broken != nil
}

// pass lets the time pass.
func (s *Sim) pass(doing string, d time.Duration) {
	s.what = doing
	until := s.now + int64(d)
	for !s.over() && s.queue.next(until) {
		s.events++
		if s.events%8192 == 0 {
			s.progress()
		}
	}
	if !s.over() {
		s.now = until
	}
}

func (s *Sim) progress() {
	if s.tell == nil || time.Since(s.told) < 500*time.Millisecond {
		return
	}
	s.told = time.Now()
	s.tell(Progress{
		Doing: s.what, Virtual: time.Duration(s.now), Of: time.Duration(s.goal), Wall: time.Since(s.begun),
		Nodes: len(s.roster.living), Events: s.events,
	})
}

// note puts something that happened into the run's hash.
func (s *Sim) note(what uint64) {
	s.hash = mix(s.hash ^ mix(uint64(s.now)) + what)
}

// authentic remembers what it has verified: every node sees the same entries.
func (s *Sim) authentic(key kad.ID, e kad.Entry) bool {
	this := verified{e.Signature, e.Mark(key)}
	good, known := s.verified[this]
	if !known {
		good = e.Authentic(key)
		s.verified[this] = good
	}
	return good
}

// verified is a signature and what it is of.
type verified struct {
	signature kad.Signature
	mark      uint64
}
