package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/khashmir/kad/sim"
)

// metrics are a small plot for each of sim.Metrics: over the values of the
// parameter or, without one, over the seeds.
func metrics(parameter string, points []sim.Point) section {
	if len(points) == 1 && len(points[0].Results) == 1 {
		return section{}
	}
	s := section{ID: "metrics", Title: "Over the values of " + parameter, Small: true}
	var runs []run
	for _, r := range points[0].Results {
		runs = append(runs, run{Result: r})
	}
	switch {
	case len(points) == 1:
		s.Title = "By seed"
		s.Note = fmt.Sprintf("A dot is a run, the line their mean, the band where the true mean is with 95 %% of chances (Student's t); %s.", over(runs))
	case most(points) == 1:
		s.Note = fmt.Sprintf("One run for each value of %s, which are evenly spaced; %s.", parameter, over(chosen(parameter, points)))
	default:
		s.Note = fmt.Sprintf("Means of %d seeds for each value of %s, which are evenly spaced; bars are where the true mean is with 95 %% of chances (Student's t), faint dots single runs; %s.", most(points), parameter, over(runs))
	}
	for _, m := range sim.Metrics {
		var has []sim.Point
		for _, p := range points {
			if p.Measures(m) {
				has = append(has, p)
			}
		}
		switch {
		case len(has) == 0:
		case len(points) == 1:
			s.Figures = append(s.Figures, seeds(m, has[0]))
		default:
			s.Figures = append(s.Figures, sweep(parameter, m, has))
		}
	}
	return s
}

// sweep has the mean of each value of the parameter, with a bar of where the
// true one is, and a faint dot for each seed.
func sweep(parameter string, m sim.Metric, points []sim.Point) figure {
	low, high := math.Inf(1), math.Inf(-1)
	include := func(v float64) { low, high = min(low, v), max(high, v) }
	var means, single []point
	var margins []float64
	for i, p := range points {
		mean, margin := p.Estimate(m)
		include(bounded(m, mean-margin))
		include(bounded(m, mean+margin))
		means, margins = append(means, point{float64(i), mean}), append(margins, margin)
		for _, r := range p.Results {
			include(m.Of(r))
			single = append(single, point{float64(i) + 0.18, m.Of(r)})
		}
	}
	p := smallPlot(valueAxis(parameter, points), metricAxis(m, low, high))
	if len(single) > len(points) && len(single) <= 500 {
		p.dots("faint", single)
	}
	p.line(series{class: "s0 thin", points: means})
	for i, at := range means {
		if margins[i] > 0 {
			p.span("s0", at.x, bounded(m, at.y-margins[i]), bounded(m, at.y+margins[i]))
		}
	}
	p.dots("s0", means)
	return figure{SVG: p.svg(title(m)), Title: title(m)}
}

func most(points []sim.Point) int {
	n := 0
	for _, p := range points {
		n = max(n, len(p.Results))
	}
	return n
}

// seeds has a dot for each run of the only point, and a band for their mean.
func seeds(m sim.Metric, only sim.Point) figure {
	mean, margin := only.Estimate(m)
	low, high := bounded(m, mean-margin), bounded(m, mean+margin)
	band := [2]float64{low, high}
	var dots []point
	var ticks []tick
	for i, r := range only.Results {
		dots = append(dots, point{float64(i), m.Of(r)})
		low, high = min(low, m.Of(r)), max(high, m.Of(r))
		ticks = append(ticks, tick{float64(i), fmt.Sprint(r.Seed)})
	}
	last := float64(len(dots)) - 0.5
	p := smallPlot(axis{low: -0.5, high: last, label: "seed", ticks: thinned(ticks)}, metricAxis(m, low, high))
	p.area("s0 band", []point{{-0.5, band[1]}, {last, band[1]}}, []point{{-0.5, band[0]}, {last, band[0]}})
	p.line(series{class: "s0", points: []point{{-0.5, mean}, {last, mean}}})
	p.dots("s0", dots)
	return figure{SVG: p.svg(title(m)), Title: title(m), Caption: fmt.Sprintf("mean %s", Estimate(mean, margin))}
}

func title(m sim.Metric) string { return strings.ToUpper(m.Name[:1]) + m.Name[1:] }

// bounded keeps what is estimated where it can be.
func bounded(m sim.Metric, v float64) float64 {
	if m.Unit == "%" {
		v = min(v, 100)
	}
	return max(0, v)
}

// metricAxis begins at 0 unless that would leave nothing to see.
func metricAxis(m sim.Metric, low, high float64) axis {
	label := m.Name
	if m.Unit != "" {
		label += " (" + m.Unit + ")"
	}
	if low < high/2 || high == 0 {
		low = 0
	}
	if low > 0 && high-low < high/50 { // noise is not to look like news
		low, high = low-high/50, high+high/50
	}
	if m.Unit == "%" {
		high = min(100, high)
	}
	return linear(label, low, high)
}

// valueAxis has the values of the parameter evenly spaced, whatever they are.
func valueAxis(parameter string, points []sim.Point) axis {
	a := axis{low: -0.5, high: float64(len(points)) - 0.5, label: parameter}
	for i, p := range points {
		a.ticks = append(a.ticks, tick{float64(i), setting("", p.Value)})
	}
	a.ticks = thinned(a.ticks)
	return a
}

// thinned leaves out the texts of some ticks where they would touch.
func thinned(ticks []tick) []tick {
	longest := 1
	for _, t := range ticks {
		longest = max(longest, len([]rune(t.text)))
	}
	room := 230 / (letter*float64(longest) + 6)
	every := int(math.Ceil(float64(len(ticks)) / max(1, room)))
	for i := range ticks {
		if i%every != 0 {
			ticks[i].text = ""
		}
	}
	return ticks
}
