package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/khashmir/kad/sim"
	"github.com/khashmir/kad/sim/report"
)

// simTable shows the points of a simulation: one run in full, more as means.
func simTable(w io.Writer, parameter string, points []sim.Point) error {
	var b strings.Builder
	if len(points) == 1 && len(points[0].Results) == 1 {
		oneRun(&b, points[0].Results[0])
	} else {
		manyRuns(&b, parameter, points)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func oneRun(b *strings.Builder, r *sim.Result) {
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)).Round(time.Second) }
	fmt.Fprintf(b, "%s: %d nodes, seed %d, %s, sessions %s\n", r.Scenario, r.Nodes, r.Seed, r.Latency, r.Sessions)
	if r.Interrupted {
		b.WriteString("interrupted; ")
	}
	fmt.Fprintf(b, "measured over %v, %.0f nodes on average, %d deaths\n\n", seconds(r.Measured), r.Alive, r.Deaths)
	fmt.Fprintf(b, "             done   failed   p50 ms   p99 ms   questions  p99   hops  p99    recall\n")
	for _, o := range []struct {
		name string
		sim.Operations
		recall bool
	}{{"lookups", r.Lookups, true}, {"stores", r.Stores, true}, {"finds", r.Finds, false}} {
		if o.Done == 0 {
			continue
		}
		recall := ""
		if o.recall {
			recall = fmt.Sprintf("%7.2f %%", 100*o.Recall)
		}
		fmt.Fprintf(b, "  %-8s %7d %8d %8.0f %8.0f %11.1f %4.0f %6.2f %4.0f %s\n",
			o.name, o.Done, o.Failed, o.Took.P50, o.Took.P99, o.Questions.Mean, o.Questions.P99, o.Hops.Mean, o.Hops.P99, recall)
	}
	for _, o := range []sim.Operations{r.Lookups, r.Stores, r.Finds} {
		for _, why := range slices.Sorted(maps.Keys(o.Why)) {
			fmt.Fprintf(b, "  failed   %d times: %s\n", o.Why[why], why)
		}
	}
	fmt.Fprintf(b, "\n  upkeep   %.1f B and %.3f messages a node and second\n", r.Upkeep.Bytes, r.Upkeep.Messages)
	if by := sim.UpkeepOf(r); by != "" {
		fmt.Fprintf(b, "           %s\n", by)
	}
	fmt.Fprintf(b, "  work     %.1f B and %.3f messages a node and second\n", r.Work.Bytes, r.Work.Messages)
	if r.Acknowledged > 0 {
		fmt.Fprintf(b, "  values   %d acknowledged, %d lost", r.Acknowledged, r.Lost)
		if r.Judged > 0 && !r.Interrupted {
			fmt.Fprintf(b, ", %d not found at the end", r.Unfound)
		}
		b.WriteByte('\n')
	}
	for _, remark := range r.Remarks() {
		fmt.Fprintf(b, "  %-8s %s\n", remark.Name, remark.Text)
	}
	fmt.Fprintf(b, "\n  %v simulated in %.1f s (%.0f times as fast),\n  %d events, heap %.0f MiB, trace %s\n",
		seconds(r.Virtual), r.Wall, r.Virtual/r.Wall, r.Events, float64(r.Heap)/(1<<20), r.Trace)
}

func manyRuns(b *strings.Builder, parameter string, points []sim.Point) {
	first := points[0].Results[0]
	var sessions []string // they may be what is swept
	for _, p := range points {
		if s := p.Results[0].Sessions; !slices.Contains(sessions, s) {
			sessions = append(sessions, s)
		}
	}
	fmt.Fprintf(b, "%s: %d nodes, %d seeds from %d, %s, sessions %s\n", first.Scenario, first.Nodes,
		len(points[0].Results), first.Seed, first.Latency, strings.Join(sessions, " / "))
	if points[len(points)-1].Interrupted {
		fmt.Fprintf(b, "interrupted; these are the runs that have ended, %d of the last column\n", len(points[len(points)-1].Results))
	}
	fmt.Fprintf(b, "means, with 95 %% of chances that the true one is within ±\n\n")
	table := tabwriter.NewWriter(b, 0, 0, 3, ' ', tabwriter.AlignRight)
	if parameter != "" {
		fmt.Fprintf(table, "%s\t", parameter)
		for _, p := range points {
			fmt.Fprintf(table, "%s\t", p.Value)
		}
		fmt.Fprintln(table)
	}
	for _, m := range sim.Metrics {
		if !slices.ContainsFunc(points, func(p sim.Point) bool { return p.Measures(m) }) {
			continue
		}
		fmt.Fprintf(table, "%s %s\t", m.Name, m.Unit)
		for _, p := range points {
			if !p.Measures(m) {
				fmt.Fprint(table, "-\t")
				continue
			}
			fmt.Fprintf(table, "%s\t", report.Estimate(p.Estimate(m)))
		}
		fmt.Fprintln(table)
	}
	table.Flush()
}
