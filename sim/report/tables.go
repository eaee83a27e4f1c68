package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/khashmir/kad/sim"
)

// fact is a line of the heading.
type fact struct{ Name, Value string }

// table has numbers to the right, and notes below.
type table struct {
	ID    string
	Title string
	Head  []string
	Rows  [][]string
	Notes []string
}

// trace is by what a run is known.
type trace struct {
	Of, Hash string
}

// traced is how many traces are shown at the most.
const traced = 200

func heading(parameter string, points []sim.Point) page {
	var scenario, nodes, latency, sessions, measured, settings []string
	var seeds []uint64
	var virtual, wall float64
	var events, heap uint64
	p := page{}
	for _, point := range points {
		for _, r := range point.Results {
			scenario, nodes = append(scenario, r.Scenario), append(nodes, whole(r.Nodes))
			latency, sessions = append(latency, r.Latency), append(sessions, r.Sessions)
			measured, seeds = append(measured, length(r.Measured)), append(seeds, r.Seed)
			settings = append(settings, fmt.Sprintf("k = %d, alpha = %d, %d replicas", r.K, r.Alpha, r.Replicas))
			virtual, wall, events, heap = virtual+r.Virtual, wall+r.Wall, events+r.Events, max(heap, r.Heap)
			if len(p.Traces) == traced {
				p.Left++
				continue
			}
			of := "seed " + strconv.FormatUint(r.Seed, 10)
			if len(points) > 1 {
				of = strings.TrimSpace(parameter+" "+point.Value) + ", " + of
			}
			p.Traces = append(p.Traces, trace{of, r.Trace})
		}
	}
	named, list := seedList(seeds)
	p.Title = fmt.Sprintf("%s, %s nodes", distinct(scenario), distinct(nodes))
	p.Facts = []fact{
		{"Scenario", distinct(scenario)}, {"Nodes", distinct(nodes)}, {named, list},
		{"Latency", distinct(latency)}, {"Sessions", distinct(sessions)}, {"Node", distinct(settings)},
		{"Measured", distinct(measured) + " of virtual time"},
	}
	if c := sim.Command(parameter, points); c != "" {
		p.Facts = append(p.Facts, fact{"Command", "khashmir-testnet " + c})
	}
	if v := version(); v != "" {
		p.Facts = append(p.Facts, fact{"Version", v})
	}
	if len(p.Traces) == 1 {
		p.Facts = append(p.Facts, fact{"Trace", p.Traces[0].Hash})
		p.Traces = nil
	}
	switch {
	case points[0].Results[0].Interrupted:
		p.Facts = append(p.Facts, fact{"Interrupted", "before its end"})
	case points[len(points)-1].Interrupted:
		p.Facts = append(p.Facts, fact{"Interrupted", "these are the runs that have ended"})
	}
	if parameter != "" {
		var values []string
		for _, point := range points {
			values = append(values, point.Value)
		}
		p.Facts = append(p.Facts, fact{"Swept", parameter + ": " + strings.Join(values, ", ")})
	}
	if len(points) > overlaid {
		p.Facts = append(p.Facts, fact{"Drawn", fmt.Sprintf("as single runs, the first run of %d of the values", overlaid)})
	}
	p.How = fmt.Sprintf("The real node's code, in virtual time on a simulated network; encryption and encoding are left out, messages are counted as if encoded. "+
		"%s simulated in %s on one thread, %s events, heap at the end %.0f MiB at the most.", length(virtual), length(wall), number(float64(events), 1), float64(heap)/(1<<20))
	return p
}

// version is of the program that has run it, where it was built from one that has a name.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}

func tables(parameter string, points []sim.Point) []table {
	var all []table
	if len(points) == 1 && len(points[0].Results) == 1 {
		all = append(all, operationsTable(points[0].Results[0]))
	} else {
		all = append(all, meansTable(parameter, points))
	}
	all = append(all, costTable(parameter, points))
	return slices.DeleteFunc(all, func(t table) bool { return len(t.Rows) == 0 })
}

// operationsTable is of one run.
func operationsTable(r *sim.Result) table {
	t := table{ID: "operations", Title: "Operations", Head: []string{"", "done", "failed", "p50 ms", "p90 ms", "p99 ms",
		"questions", "questions, p99", "hops", "hops, p99", "recall %", "all found %"}}
	for _, kind := range operations {
		o := kind.of(r)
		if o.Done == 0 {
			continue
		}
		row := []string{kind.name, whole(o.Done), whole(o.Failed)}
		if o.Took.Count > 0 {
			row = append(row, number(o.Took.P50, 1), number(o.Took.P90, 1), number(o.Took.P99, 1),
				number(o.Questions.Mean, 0.1), number(o.Questions.P99, 1), number(o.Hops.Mean, 0.01), number(o.Hops.P99, 1))
		} else {
			row = append(row, "", "", "", "", "", "", "")
		}
		if kind.name != "finds" && o.Took.Count > 0 { // a find ends when it has found
			row = append(row, number(100*o.Recall, 0.01), number(100*o.Whole, 0.1))
		} else {
			row = append(row, "", "")
		}
		t.Rows = append(t.Rows, row)
		for _, why := range slices.Sorted(maps.Keys(o.Why)) {
			t.Notes = append(t.Notes, fmt.Sprintf("%s failed %s times: %s.", kind.name, whole(o.Why[why]), why))
		}
	}
	if len(t.Rows) > 0 {
		t.Notes = append(t.Notes, "Questions and hops are means, next to the 99th percentile. Recall is the part of the K closest nodes alive that were found, on average; all found, how often that was all of them.")
	}
	return t
}

// meansTable has a row a point, and the means of each metric that was measured.
func meansTable(parameter string, points []sim.Point) table {
	t := table{ID: "operations", Title: "Means", Head: []string{parameter}, Rows: make([][]string, len(points)),
		Notes: []string{"Means over the seeds; ± is how far from it the true one is at the most, with 95 % of chances (Student's t)."}}
	for i, p := range points {
		t.Rows[i] = []string{cmp.Or(p.Value, "all seeds")}
	}
	for _, m := range sim.Metrics {
		var column []string
		any := false
		for _, p := range points {
			cell := ""
			if p.Measures(m) {
				mean, margin := p.Estimate(m)
				cell, any = Estimate(mean, margin), true
			}
			column = append(column, cell)
		}
		if !any {
			continue
		}
		t.Head = append(t.Head, strings.TrimSpace(m.Name+" "+m.Unit))
		for i := range t.Rows {
			t.Rows[i] = append(t.Rows[i], column[i])
		}
	}
	if len(points) <= columns {
		return t.turned()
	}
	return t
}

// costTable is traffic and values, a row a point, all seeds together.
func costTable(parameter string, points []sim.Point) table {
	t := table{ID: "cost", Title: "Traffic and values", Head: []string{parameter, "nodes alive", "deaths",
		"upkeep B/node/s", "upkeep messages/node/s", "work B/node/s", "work messages/node/s"}}
	valued := slices.ContainsFunc(points, func(p sim.Point) bool {
		return slices.ContainsFunc(p.Results, func(r *sim.Result) bool { return r.Acknowledged > 0 })
	})
	if valued {
		t.Head = append(t.Head, "values acknowledged", "lost", "not found")
	}
	for _, p := range points {
		var s sim.Result
		for _, r := range p.Results {
			n := float64(len(p.Results))
			s.Alive += r.Alive / n
			s.Upkeep.Bytes, s.Upkeep.Messages = s.Upkeep.Bytes+r.Upkeep.Bytes/n, s.Upkeep.Messages+r.Upkeep.Messages/n
			s.Work.Bytes, s.Work.Messages = s.Work.Bytes+r.Work.Bytes/n, s.Work.Messages+r.Work.Messages/n
			s.Deaths, s.Acknowledged, s.Lost, s.Unfound = s.Deaths+r.Deaths, s.Acknowledged+r.Acknowledged, s.Lost+r.Lost, s.Unfound+r.Unfound
		}
		row := []string{cmp.Or(p.Value, "all"), number(s.Alive, 1), whole(s.Deaths), number(s.Upkeep.Bytes, 0.1), number(s.Upkeep.Messages, 0.001),
			number(s.Work.Bytes, 0.1), number(s.Work.Messages, 0.001)}
		if valued {
			unfound := whole(s.Unfound)
			if slices.ContainsFunc(p.Results, func(r *sim.Result) bool { return r.Judged == 0 || r.Interrupted }) {
				unfound = "–" // nobody looked
			}
			row = append(row, whole(s.Acknowledged), whole(s.Lost), unfound)
		}
		t.Rows = append(t.Rows, row)
		if by := sim.UpkeepOf(p.Results...); len(points) == 1 && by != "" {
			t.Notes = append(t.Notes, "The upkeep by what is asked, with the answers: "+by+".")
		}
		if len(points) == 1 && len(p.Results) == 1 {
			for _, remark := range p.Results[0].Remarks() {
				t.Notes = append(t.Notes, strings.ToUpper(remark.Name[:1])+remark.Name[1:]+": "+remark.Text+".")
			}
		}
	}
	t.Notes = append(t.Notes, "Nodes and traffic are means, the rest sums over the seeds. Lost: nobody alive holds it at the end; not found: a last find from anywhere failed.")
	return t
}

// Estimate has as many digits as are known: two of the margin or, of a mean
// that has none, four.
func Estimate(mean, margin float64) string {
	known, digits := margin, 1.0
	if margin <= 0 {
		known, digits = math.Abs(mean), 3
	}
	if known == 0 || !finite(known) {
		return number(mean, 1)
	}
	step := math.Pow(10, math.Floor(math.Log10(known))-digits)
	if margin <= 0 {
		return number(mean, step)
	}
	return number(mean, step) + " ± " + number(margin, step)
}

// columns is how many points stand side by side; more are below each other.
const columns = 6

// turned has columns for rows.
func (t table) turned() table {
	rows := append([][]string{t.Head}, t.Rows...)
	t.Head, t.Rows = nil, nil
	for i := range rows[0] {
		var row []string
		for _, r := range rows {
			row = append(row, r[i])
		}
		t.Rows = append(t.Rows, row)
	}
	t.Head, t.Rows = t.Rows[0], t.Rows[1:]
	return t
}

// length is a time in the units people use.
func length(seconds float64) string {
	if !finite(seconds) {
		return "?"
	}
	if seconds < 9.95 {
		return number(seconds, 0.1) + " s"
	}
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	var parts []string
	for _, u := range []struct {
		name string
		long time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}} {
		if n := d / u.long; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d -= n * u.long
		}
	}
	return strings.Join(parts, " ")
}
