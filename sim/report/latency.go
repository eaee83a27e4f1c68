package report

import (
	"fmt"
	"slices"

	"github.com/khashmir/kad/sim"
)

// operation is one kind of them.
type operation struct {
	name string // in the plural
	of   func(*sim.Result) sim.Operations
}

var operations = []operation{
	{"lookups", func(r *sim.Result) sim.Operations { return r.Lookups }},
	{"stores", func(r *sim.Result) sim.Operations { return r.Stores }},
	{"finds", func(r *sim.Result) sim.Operations { return r.Finds }},
}

// latencies are how long operations took: all kinds in one plot for a single
// run, else a plot each with a line a run.
func latencies(runs []run) section {
	s := section{ID: "latency", Title: "How long operations take"}
	if len(runs) > 1 {
		var all []series // on one axis, to be compared
		for _, o := range operations {
			all = append(all, cumulated(runs, o)...)
		}
		for _, o := range operations {
			s.Figures = append(s.Figures, latency(o.name, runs, timeAxis(all), cumulated(runs, o))...)
		}
		return s
	}
	var all []series
	for i, o := range operations {
		for _, line := range cumulated(runs, o) {
			line.label, line.class = fmt.Sprintf("%s (%s)", o.name, whole(o.of(runs[0].Result).Took.Count)), colour(i)
			all = append(all, line)
		}
	}
	if first := runs[0].Finds.First; len(first.Hundredths) > 0 && first.P50 < runs[0].Finds.Took.P50 {
		all = append(all, series{"finds, to the first value", "s2 dash", distribution(first)})
	}
	s.Figures = latency("operations", runs, timeAxis(all), all)
	return s
}

// cumulated is a line for each run that has o.
func cumulated(runs []run, o operation) []series {
	var all []series
	for i, r := range runs {
		if took := o.of(r.Result).Took; len(took.Hundredths) > 0 {
			all = append(all, series{r.label, colour(i), distribution(took)})
		}
	}
	return all
}

// distribution is q as a line from 0 to 100 %.
func distribution(q sim.Quantiles) []point {
	points := make([]point, len(q.Hundredths))
	for i, v := range q.Hundredths {
		points[i] = point{v, float64(i)}
	}
	return points
}

func latency(name string, runs []run, x axis, all []series) []figure {
	if len(all) == 0 {
		return nil
	}
	y := exact("share (%)", 0, 100, 20)
	p := widePlot(x, y)
	if len(runs) > 1 {
		p = newPlot(x, y, keys(all)...)
	}
	for _, s := range all {
		p.line(s)
	}
	if len(runs) > 1 {
		p.legendAside(all)
	} else {
		p.legend(all)
	}
	title := "Time of " + name
	caption := fmt.Sprintf("Share of the %s that took at most so long, of those that did not fail. Cumulative distribution in steps of one in a hundred; %s.", name, over(runs))
	if p.x.log && slices.ContainsFunc(all, func(s series) bool { return s.points[0].x < p.x.low }) {
		caption += " What took less, as finding what one holds, is at the left end."
	}
	return []figure{{p.svg(title), title, caption}}
}

// timeAxis is logarithmic if the times differ much.
func timeAxis(all []series) axis {
	low, high := 0.0, 0.0
	for _, s := range all {
		for _, at := range s.points {
			if at.x > 0 && (low == 0 || at.x < low) {
				low = at.x
			}
			high = max(high, at.x)
		}
	}
	if high == 0 || high/low < 20 {
		return linear("time (ms)", 0, high)
	}
	return logarithmic("time (ms)", max(low, high/1e5), high)
}
