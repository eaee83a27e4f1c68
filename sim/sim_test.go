package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/sim"
)

// What runs on one goroutine has no races, and the detector makes it many times as
// slow: under it a few seeds do, and .ci/run has the others run without.
var seeds = flag.Int("seeds", map[bool]int{false: 25, true: 3}[underRace], "how many seeds each scenario is run with")

// tiny is a network that is done in a moment, and has something of everything.
func tiny(scenario string, seed uint64) sim.Config {
	return sim.Config{
		Scenario: scenario, Nodes: 20 + int(seed*7)%40, Seed: seed,
		JoinOver: 20 * time.Second, Settle: 3 * time.Minute, Duration: 12 * time.Minute, PartitionFor: 4 * time.Minute,
		Values: 20, FindEvery: 2 * time.Minute, LookupEvery: 4 * time.Minute, HotFinds: 200,
	}
}

func run(t *testing.T, c sim.Config) *sim.Result {
	t.Helper()
	r, err := sim.Run(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every invariant of check.go holds, whatever the seed.
func TestNothingBreaksInAnyScenario(t *testing.T) {
	for _, scenario := range sim.Scenarios {
		t.Run(scenario.Name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(*seeds) {
				c := tiny(scenario.Name, seed)
				switch seed % 5 { // the network is not always kind
				case 1:
					c.Loss = 0.03
				case 2:
					c.Skew = 40 * time.Second
				case 3:
					c.Latency = sim.DataCentre()
				case 4:
					c.Polite, c.Return = 0.5, 0.5
				}
				r := run(t, c)
				if r.Lookups.Done == 0 && scenario.Name != "hot-key" {
					t.Errorf("seed %d: nothing was looked up", seed)
				}
				if scenario.Name == "steady" && (r.Finds.Failed > 0 || r.Lost > 0 || r.Unfound > 0) {
					t.Errorf("seed %d: %d finds failed, %d values lost, %d not found", seed, r.Finds.Failed, r.Lost, r.Unfound)
				}
			}
		})
	}
}

// A removed value stayed with two nodes just out of place: the closest, which alone
// they asked for something newer, was dead.
func TestWhatWasRemovedGoesFromThoseJustOutOfPlace(t *testing.T) {
	c := tiny("churn", 557)
	c.Skew = 40 * time.Second
	run(t, c)
}

func TestTheSameSeedIsTheSameRun(t *testing.T) {
	for _, scenario := range []string{"churn", "partition", "restart-all"} {
		c := tiny(scenario, 3)
		c.Loss, c.NAT, c.Asymmetric = 0.02, 0.1, 0.01
		first := run(t, c)
		one := runtime.GOMAXPROCS(1)
		second := run(t, c)
		runtime.GOMAXPROCS(one)
		if first.Trace != second.Trace || first.Events != second.Events {
			t.Errorf("%s: %s after %d events, then %s after %d", scenario, first.Trace, first.Events, second.Trace, second.Events)
		}
		c.Seed++
		if other := run(t, c); other.Trace == first.Trace {
			t.Errorf("%s: another seed, the same run", scenario)
		}
	}
}

func TestAContextEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	c := sim.Config{Nodes: 500, JoinOver: 1000 * time.Hour}
	r, err := sim.Run(ctx, c, func(sim.Progress) { cancel(why) })
	if !errors.Is(err, why) || r != nil {
		t.Errorf("got %v, %v", r, err)
	}
}

// What was measured until then is there.
func TestAContextEndsTheMeasuring(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	c := sim.Config{Scenario: "churn", Nodes: 100, Values: 20, Duration: 1000 * time.Hour}
	enough := func(p sim.Progress) {
		if p.Doing == "running churn" && p.Virtual > 2*time.Hour {
			cancel(why)
		}
	}
	points, err := sim.Sweep(ctx, c, "", nil, 2, enough)
	if !errors.Is(err, why) || len(points) != 1 || len(points[0].Results) != 1 {
		t.Fatalf("got %v, %v", points, err)
	}
	r := points[0].Results[0]
	measured := time.Duration(r.Measured * float64(time.Second))
	if !r.Interrupted || measured < time.Hour || measured > 999*time.Hour || r.Virtual < r.Measured {
		t.Errorf("interrupted: %v, measured %v of %v s", r.Interrupted, measured, r.Virtual)
	}
	if r.Alive < 90 || r.Alive > 110 || r.Lookups.Done < 500 || r.Upkeep.Bytes < 1 || r.HalfLife.Count == 0 {
		t.Errorf("%.1f nodes lived, %d lookups, %.1f B, %d half-lives", r.Alive, r.Lookups.Done, r.Upkeep.Bytes, r.HalfLife.Count)
	}
}

// By what is asked, moment by moment and in all the traffic is the same.
func TestTrafficAddsUp(t *testing.T) {
	r := run(t, sim.Config{Scenario: "churn", Nodes: 60, Values: 20, Duration: time.Hour})
	by, moments := 0.0, [2]float64{}
	for _, method := range []krpc.Method{krpc.Ping, krpc.FindNode, krpc.Compare, krpc.StoreValue} {
		if r.UpkeepBy[string(method)].Bytes <= 0 {
			t.Errorf("no upkeep by %s: %v", method, r.UpkeepBy)
		}
		by += r.UpkeepBy[string(method)].Bytes
	}
	for _, m := range r.Timeline {
		moments[0] += float64(m.Bytes[0]) / (r.Alive * r.Measured)
		moments[1] += float64(m.Bytes[1]) / (r.Alive * r.Measured)
	}
	same := func(a, b float64) bool { return math.Abs(a-b) < 1e-6*b }
	if len(r.UpkeepBy) != 4 || !same(by, r.Upkeep.Bytes) || !same(moments[0], r.Upkeep.Bytes) || !same(moments[1], r.Work.Bytes) {
		t.Errorf("by question %v, by moment %v, in all %v and %v", r.UpkeepBy, moments, r.Upkeep, r.Work)
	}
	if text := sim.UpkeepOf(r, r); strings.Count(text, " B") != 4 || !strings.Contains(text, "ping ") {
		t.Errorf("told as %q", text)
	}
}

// What is asked before and after the measuring is nobody's load.
func TestTheLoadIsOfTheMeasuring(t *testing.T) {
	c := sim.Config{Nodes: 40, Values: 20, Duration: 20 * time.Minute, Heal: time.Nanosecond}
	short := run(t, c)
	c.Heal = 2 * time.Hour
	if long := run(t, c); long.Load.Mean != short.Load.Mean || long.Load.Max != short.Load.Max {
		t.Errorf("with a long peace %v, with none %v", long.Load.Mean, short.Load.Mean)
	}
}

// A liar says that it holds what it is given, and has forgotten it.
func TestLiarsHoldNothing(t *testing.T) {
	for _, liars := range []float64{0, 0.5} {
		c := sim.Config{Scenario: "steady", Nodes: 100, Values: 50, Liars: liars, Duration: 30 * time.Minute, Heal: time.Minute}
		r := run(t, c)
		if r.Stores.Failed > 0 || (liars == 0) != (r.Placed > 0.7) {
			t.Errorf("with %v of liars %d of %d stores failed, and of the places %.2f hold", liars, r.Stores.Failed, r.Stores.Done, r.Placed)
		}
	}
}

// Of two, one does not hear the other: what the other asks it is not answered, and what
// it asks is answered in vain.
func TestOfAPairOnlyOneIsDeaf(t *testing.T) {
	r := run(t, sim.Config{Nodes: 60, Values: 20, Duration: 20 * time.Minute, Heal: time.Minute, Asymmetric: 1})
	if r.Load.Max == 0 || r.Lookups.Done == 0 || r.Lookups.Failed < r.Lookups.Done {
		t.Errorf("%v questions were answered, and %d of %d lookups failed", r.Load.Mean, r.Lookups.Failed, r.Lookups.Done)
	}
}

// Wherever it ends it, nothing is taken for broken.
func TestAContextMayEndItAnywhere(t *testing.T) {
	c := sim.Config{Scenario: "steady", Nodes: 12, Values: 10, Duration: 10 * time.Minute}
	whole := &countdown{Context: t.Context(), end: func() {}}
	if r, err := sim.Run(whole, c, nil); err != nil || r.Interrupted || r.Judged == 0 {
		t.Fatal(r, err)
	}
	asked, measured := -whole.left, 0
	for _, left := range []int{1, asked / 20, asked / 8, asked / 4, asked / 2, asked * 3 / 4, asked - 300, asked - 100, asked - 30, asked - 10} {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		r, err := sim.Run(&countdown{Context: ctx, left: left, end: func() { cancel(why) }}, c, nil)
		if !errors.Is(err, why) {
			t.Fatalf("after %d of %d looks: %v", left, asked, err)
		}
		if r == nil {
			continue
		}
		measured++
		if _, err := json.Marshal(r); err != nil || !r.Interrupted || r.Measured <= 0 || r.Measured > c.Duration.Seconds() {
			t.Errorf("after %d of %d looks: %v, interrupted: %v, measured %v s", left, asked, err, r.Interrupted, r.Measured)
		}
	}
	if measured < 5 {
		t.Errorf("%d runs had a result", measured)
	}
}

// countdown is a context that is ended when it has been looked at so often.
type countdown struct {
	context.Context
	left int
	end  func()
}

func (c *countdown) Err() error {
	if c.left--; c.left == 0 {
		c.end()
	}
	return c.Context.Err()
}

// Of several runs, those that have ended are.
func TestAContextEndsASweep(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	c := sim.Config{Scenario: "churn", Nodes: 100, Values: 20, Duration: time.Hour}
	points, err := sim.Sweep(ctx, c, "duration", []string{"20m", "1000h"}, 1, func(p sim.Progress) {
		if p.Run == 2 && p.Doing == "running churn" {
			cancel(why)
		}
	})
	if !errors.Is(err, why) || len(points) != 1 || points[0].Value != "20m" || points[0].Results[0].Interrupted || !points[0].Interrupted {
		t.Errorf("got %v, %v", points, err)
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for want, c := range map[string]sim.Config{
		"no scenario":        {Scenario: "nap"},
		"nodes":              {Nodes: -1},
		"loss":               {Loss: 1.5},
		"liars":              {Liars: -0.1},
		"a value of 4 bytes": {ValueSize: 4},
		"duration":           {Duration: -time.Hour},
		"a partition of 55m": {Scenario: "partition", PartitionFor: 55 * time.Minute},
		"1s at least":        {Duration: 10 * time.Nanosecond},
		"crowd":              {Crowd: -3},
		"K must be positive": {Node: khashmir.Config{K: -1}},
		"Replicas (9)":       {Node: khashmir.Config{Replicas: 9}},
		"WideBuckets (500)":  {Node: khashmir.Config{WideBuckets: 500}},
		"MaintainInterval":   {Node: khashmir.Config{MaintainInterval: -time.Second}},
	} {
		if _, err := sim.Run(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want something about %q, got %v", want, err)
		}
	}
}

func TestParametersAreSetByName(t *testing.T) {
	values := map[string]string{"n": "7", "time": "3m", "share": "0.25", "bytes": "64", "kind": ""}
	for _, p := range sim.Parameters {
		value := values[p.Kind]
		switch p.Name {
		case "latency":
			value = "constant:5ms"
		case "sessions":
			value = "weibull"
		}
		var c sim.Config
		if err := sim.Set(&c, p.Name, value); err != nil {
			t.Errorf("%s %s: %v", p.Name, value, err)
		}
		if want := fmt.Sprintf("--%s %s", p.Name, value); !strings.Contains(c.Command(), want) {
			t.Errorf("%q does not say %q", c.Command(), want)
		}
		before := fmt.Sprint(c)
		if err := sim.Set(&c, p.Name, "nonsense"); err == nil || fmt.Sprint(c) != before {
			t.Errorf("%s takes nonsense: %v; it was %s and is %v", p.Name, err, before, c)
		}
	}
	var c sim.Config
	if err := sim.Set(&c, "sessions", "weibull"); err != nil || c.Sessions.Median() != time.Hour {
		t.Errorf("%v, %v", c.Sessions, err)
	}
	if err := sim.Set(&c, "churn", "10m"); err != nil || c.Sessions.String() != "weibull 0.5, median 10m0s" {
		t.Errorf("%v, %v", c.Sessions, err)
	}
}

// Whoever needs somebody copes with nobody.
func TestEverybodyMayDie(t *testing.T) {
	for _, c := range []sim.Config{
		{Scenario: "kill", Nodes: 20, Kill: 1, Duration: time.Hour},
		{Scenario: "churn", Nodes: 2, Return: 1, Downtime: time.Hour, Sessions: sim.Exponential(5 * time.Minute)},
		{Scenario: "hot-key", Nodes: 2, HotFinds: 100, Return: 1, Downtime: 100 * time.Hour, Sessions: sim.Exponential(time.Second)},
	} {
		if r := run(t, c); r.Deaths == 0 && r.Alive > 0 {
			t.Errorf("%s: nobody has died", c.Scenario)
		} else if _, err := json.Marshal(r); err != nil {
			t.Errorf("%s: %v", c.Scenario, err)
		}
	}
}

// A node that is killed while it takes its leave goes once.
func TestWhoLeavesMayBeKilled(t *testing.T) {
	for _, c := range []sim.Config{
		{Scenario: "kill", Kill: 0.5},
		{Scenario: "restart-all", Return: 1},
	} {
		c.Polite, c.Latency = 1, sim.Constant(time.Second) // so that some are always about to leave
		c.Values, c.JoinOver, c.Settle, c.Duration, c.Heal = 10, time.Minute, time.Minute, 6*time.Minute, time.Minute
		c.Sessions = sim.Exponential(2 * time.Minute)
		for c.Seed = range 3 {
			c.Nodes = 100
			if r := run(t, c); r.Alive > 100 {
				t.Errorf("%s: of 100 nodes %.1f live", c.Scenario, r.Alive)
			}
		}
	}
}

// A year is long in nanoseconds, times a number of nodes.
func TestNodesMayComeOverAYear(t *testing.T) {
	c := sim.Config{Scenario: "join", Nodes: 2000, JoinOver: 365 * 24 * time.Hour, Duration: time.Minute}
	ctx, cancel := context.WithCancel(t.Context())
	_, _ = sim.Run(ctx, c, func(p sim.Progress) {
		due := 1 + int(p.Virtual*100/p.Of)*c.Nodes/100
		if p.Nodes > due+c.Nodes/50 {
			t.Errorf("after %v of %v there are %d nodes", p.Virtual, p.Of, p.Nodes)
		}
		cancel()
	})
}

// Files say what cannot be, too.
func TestWhatAFileSaysIsChecked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "numbers")
	for _, bad := range []string{"NaN", "Inf", "+Inf", "-1"} {
		for name, kind := range map[string]string{"sessions": "trace:", "latency": "matrix:"} {
			if err := os.WriteFile(file, []byte(map[string]string{"sessions": "60\n" + bad, "latency": "0 1\n1 " + bad}[name]), 0o600); err != nil {
				t.Fatal(err)
			}
			var c sim.Config
			if err := sim.Set(&c, name, kind+file); err == nil {
				t.Errorf("%s with %s are taken", name, bad)
			}
		}
	}
}

// Sessions of a trace have no other median.
func TestATraceAndAMedianContradict(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	if err := os.WriteFile(file, []byte("60\n600\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, names := range [][2]string{{"churn", "sessions"}, {"sessions", "churn"}, {"sessions", "median-session"}} {
		var c sim.Config
		values := map[string]string{"churn": "10m", "median-session": "10m", "sessions": "trace:" + file}
		if err := sim.Set(&c, names[0], values[names[0]]); err != nil {
			t.Errorf("%s alone: %v", names[0], err)
		}
		if err := sim.Set(&c, names[1], values[names[1]]); err == nil {
			t.Errorf("%s and then %s are taken", names[0], names[1])
		}
	}
}

// What a scenario would fill in is not filled in where it was set to nothing.
func TestAZeroThatWasSetIsNotTheDefault(t *testing.T) {
	for _, c := range []struct {
		scenario, name, zero string
		nothing              func(r *sim.Result) bool
	}{
		{"kill", "kill", "0", func(r *sim.Result) bool { return r.Deaths == 0 }},
		{"steady", "values", "0", func(r *sim.Result) bool { return r.Stores.Done == 0 }},
		{"steady", "settle", "0s", func(r *sim.Result) bool { return r.Virtual < 3000 }},
		{"steady", "join-over", "0s", func(r *sim.Result) bool { return r.Alive == 30 }},
		{"steady", "heal", "0s", func(r *sim.Result) bool { return r.Judged == 0 }},
		{"steady", "find-every", "0s", func(r *sim.Result) bool { return r.Finds.Done == 0 }},
		{"steady", "wide-buckets", "0", func(r *sim.Result) bool { return r.Lookups.Done > 0 }},
		{"flash-crowd", "crowd", "0", func(r *sim.Result) bool { return r.Alive == 30 }},
		{"partition", "partition", "0", func(r *sim.Result) bool { return r.Finds.Failed == 0 }},
		{"partition", "partition-for", "0s", func(r *sim.Result) bool { return r.Finds.Failed == 0 }},
		{"hot-key", "hot-finds", "0", func(r *sim.Result) bool { return r.Busiest == 0 }},
		{"adversary", "liars", "0", func(r *sim.Result) bool { return r.Finds.Failed == 0 }},
	} {
		small := sim.Config{Scenario: c.scenario, Nodes: 30, Duration: 30 * time.Minute, Heal: 10 * time.Minute, FindEvery: 2 * time.Minute, HotFinds: 300}
		usual := run(t, small)
		if err := sim.Set(&small, c.name, c.zero); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		r := run(t, small)
		if _, err := json.Marshal(r); err != nil || r.Trace == usual.Trace || !c.nothing(r) {
			t.Errorf("%s --%s %s: %v, trace %s (without: %s), %d stores, %d finds, %d deaths, %.1f alive", c.scenario, c.name, c.zero, err, r.Trace, usual.Trace, r.Stores.Done, r.Finds.Done, r.Deaths, r.Alive)
		}
	}
}

func TestASweepEstimates(t *testing.T) {
	points, err := sim.Sweep(t.Context(), tiny("steady", 1), "alpha", []string{"1", "4"}, 3, nil)
	if err != nil || len(points) != 2 || len(points[0].Results) != 3 {
		t.Fatal(points, err)
	}
	latency := sim.Metrics[3]
	slow, margin := points[0].Estimate(latency)
	fast, _ := points[1].Estimate(latency)
	if margin <= 0 || slow < fast {
		t.Errorf("one at a time %v ± %v, four at a time %v", slow, margin, fast)
	}
	if points[0].Results[0].Trace == points[0].Results[1].Trace {
		t.Error("two seeds, one run")
	}
}

func TestTheTraceIsLinesOfJSON(t *testing.T) {
	// Given two runs of nodes that crash or leave
	var b bytes.Buffer
	c := tiny("churn", 1)
	c.Trace, c.Polite, c.Sessions = &b, 0.5, sim.Exponential(20*time.Minute)
	if _, err := sim.Sweep(t.Context(), c, "alpha", []string{"3"}, 2, nil); err != nil {
		t.Fatal(err)
	}
	// when what is traced is read
	events := make(map[string]int)
	last := 0.0
	for line := range strings.Lines(b.String()) {
		var l struct {
			At      float64
			Event   string
			Command string
			Seed    uint64
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		// then each run says what it is, and its events are in their order
		if l.Event == "run" {
			last = 0
			if want := fmt.Sprintf("sim churn --alpha 3 --seed %d", 1+events["run"]); l.Command != want || l.Seed != uint64(1+events["run"]) {
				t.Errorf("%q, want %q", line, want)
			}
		} else if events["run"] == 0 || l.At < last {
			t.Fatalf("%q comes after %v in run %d", line, last, events["run"])
		}
		last = l.At
		events[l.Event]++
	}
	// and nobody is mistaken for another
	for _, event := range []string{"start", "crash", "leave", "lookup", "store", "find"} {
		if events[event] == 0 {
			t.Errorf("no %s in %v", event, events)
		}
	}
	if events["run"] != 2 {
		t.Errorf("%d runs", events["run"])
	}
}

// BenchmarkThousand is an hour of a thousand nodes at a time: how many times
// as fast as time itself, and how much memory a node takes.
func BenchmarkThousand(b *testing.B) {
	for range b.N {
		r, err := sim.Run(b.Context(), sim.Config{Nodes: 1000, Seed: 1, Scenario: "join", Duration: time.Hour}, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(r.Virtual/r.Wall, "times-as-fast")
		b.ReportMetric(float64(r.Heap)/1000/1024, "KiB/node")
	}
}

// Nodes learn from who is silent how long others live.
func TestNodesKnowHowLongOthersLive(t *testing.T) {
	const median = 10 * time.Minute
	r := run(t, sim.Config{
		Scenario: "churn", Nodes: 60, Seed: 2, Sessions: sim.Exponential(median), Duration: time.Hour, Values: 60, Heal: time.Second,
	})
	if seen := r.HalfLife.P50 / median.Seconds(); r.HalfLife.Count < 10 || seen < 0.8 || seen > 1.5 {
		t.Errorf("%d nodes take %.0f s for the median session, it is %v", r.HalfLife.Count, r.HalfLife.P50, median)
	}
	t.Logf("%d nodes see %.0f s (%.0f, %.0f)", r.HalfLife.Count, r.HalfLife.P50, r.HalfLife.Hundredths[10], r.HalfLife.P90)
}

// A copy that dies with its disk is soon replaced, also by holders that know of others
// who were closer, and now are dead.
func TestCopiesAreReplaced(t *testing.T) {
	r := run(t, sim.Config{
		Scenario: "churn", Nodes: 100, Seed: 1, Sessions: sim.Exponential(10 * time.Minute), Duration: time.Hour,
		Values: 200, Heal: time.Second, Node: khashmir.Config{Replicas: 4},
	})
	t.Logf("%d within %.0f s (median) and %.0f s (99 in 100), %d lost", r.Repair.Count, r.Repair.P50, r.Repair.P99, r.Lost)
	// Rounds are a minute apart.
	if r.Repair.Count < 500 || r.Repair.P50 > 30 || r.Repair.P99 > 120 {
		t.Errorf("of %d, half are replaced within %.0f s, and 99 in 100 within %.0f s", r.Repair.Count, r.Repair.P50, r.Repair.P99)
	}
}

// Nodes learn from their lookups how many they are. All look at the same IDs, and
// of a hundred of those one set is denser than another.
func TestNodesKnowHowManyTheyAre(t *testing.T) {
	for nodes, bias := range map[int]float64{100: 0.1, 1000: 0.03} {
		r := run(t, sim.Config{Scenario: "join", Nodes: nodes, Seed: 5, Duration: 40 * time.Minute, LookupEvery: 2 * time.Minute})
		if r.Size.Count < nodes*9/10 {
			t.Errorf("%d nodes: only %d know", nodes, r.Size.Count)
		}
		if math.Abs(r.Size.Bias) > bias || r.Size.Deviation > 0.1 {
			t.Errorf("%d nodes: off by %.3f, give or take %.3f", nodes, r.Size.Bias, r.Size.Deviation)
		}
		t.Logf("%d nodes: off by %.3f, give or take %.3f; by the rule %.2f, %.2f", nodes,
			r.Size.Bias, r.Size.Deviation, r.SizeByRule.Bias, r.SizeByRule.Deviation)
	}
}

// Who asks a dead one asks three times, and each counts. Of two one is killed.
func TestQuestionsThatNobodyAnswersCountAsOftenAsTheyAreSent(t *testing.T) {
	r := run(t, sim.Config{Scenario: "kill", Nodes: 2, Seed: 5, Kill: 0.5, Duration: time.Hour, LookupEvery: time.Minute, FindEvery: -1, Heal: time.Second})
	if r.Deaths != 1 {
		t.Fatalf("%d of two died", r.Deaths)
	}
	sent := 0
	for _, m := range r.Timeline {
		if m.At < 10*time.Minute { // when it happens
			continue
		}
		if sent += m.Messages; m.Messages%3 != 0 {
			t.Errorf("%d messages were sent to nobody within a minute", m.Messages)
		}
	}
	if sent == 0 {
		t.Error("nothing was sent")
	}
}
