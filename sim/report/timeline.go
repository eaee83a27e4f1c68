package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/khashmir/kad/sim"
)

// slot is a moment with its length, in seconds.
type slot struct {
	sim.Moment
	from, long float64
	nodes      float64 // on average, about
	runs       float64 // that are counted together
}

// together are the results of r, with other seeds, that have the same moments.
func (r run) together() []*sim.Result {
	return slices.DeleteFunc(slices.Clone(r.all), func(o *sim.Result) bool {
		return o.Measured != r.Measured || len(o.Timeline) != len(r.Timeline)
	})
}

// summed is what happened in the results, moment by moment.
func summed(results []*sim.Result) []sim.Moment {
	sum := slices.Clone(results[0].Timeline)
	for _, r := range results[1:] {
		for i, m := range r.Timeline {
			s := &sum[i]
			s.Nodes, s.Deaths, s.Messages = s.Nodes+m.Nodes, s.Deaths+m.Deaths, s.Messages+m.Messages
			s.Found, s.Missed = s.Found+m.Found, s.Missed+m.Missed
			s.Looked, s.Recall = s.Looked+m.Looked, s.Recall+m.Recall
			s.Bytes[0], s.Bytes[1] = s.Bytes[0]+m.Bytes[0], s.Bytes[1]+m.Bytes[1]
		}
	}
	return sum
}

// slots are the timeline of r, with all seeds. A last moment of no length has only
// operations that ended late, which are given to the one before.
func slots(r run) []slot {
	var all []slot
	alive := 0
	results := r.together()
	timeline := summed(results)
	for i, m := range timeline {
		end := r.Measured
		if i+1 < len(timeline) {
			end = timeline[i+1].At.Seconds()
		}
		s := slot{Moment: m, from: m.At.Seconds(), long: end - m.At.Seconds(), nodes: float64(m.Nodes), runs: float64(len(results))}
		if i > 0 {
			s.nodes = float64(alive+m.Nodes) / 2
		}
		alive = m.Nodes
		if s.long > r.Measured/1e4 {
			all = append(all, s)
			continue
		}
		if last := len(all) - 1; last >= 0 {
			before := &all[last]
			before.Found, before.Missed = before.Found+m.Found, before.Missed+m.Missed
			before.Looked, before.Recall = before.Looked+m.Looked, before.Recall+m.Recall
			before.Messages, before.Deaths = before.Messages+m.Messages, before.Deaths+m.Deaths
			before.Bytes[0], before.Bytes[1] = before.Bytes[0]+m.Bytes[0], before.Bytes[1]+m.Bytes[1]
		}
	}
	return all
}

// rate is n a second and node.
func (s slot) rate(n int) float64 { return float64(n) / s.long / s.nodes }

// timelines are what happened when.
func timelines(runs []run) section {
	s := section{ID: "timeline", Title: "Over time"}
	add := func(title, label, caption string, of func(slot) float64) {
		s.Figures = append(s.Figures, course(title, label, caption, runs, of)...)
	}
	if slices.ContainsFunc(runs, func(r run) bool { return !steady(slots(r)) }) {
		add("Nodes alive", "nodes", "Nodes alive at the end of each interval", func(s slot) float64 { return float64(s.Nodes) / s.runs })
	}
	if slices.ContainsFunc(runs, func(r run) bool { return r.Deaths > 0 }) {
		add("Deaths", "deaths a minute", "Nodes that went, whatever way", func(s slot) float64 { return float64(s.Deaths) / s.runs / s.long * 60 })
	}
	add("Finds that succeeded", "share (%)", "Share of the finds ended in each interval that found the value; none ended where the line breaks", func(s slot) float64 {
		return 100 * float64(s.Found) / float64(s.Found+s.Missed) // not a number if there are none
	})
	add("Recall of lookups", "share (%)", "Part of the K closest nodes alive that the lookups which ended in each interval have found, on average", func(s slot) float64 {
		return 100 * s.Recall / float64(s.Looked)
	})
	add("Messages", "messages/node/s", "Questions and answers sent by a node", func(s slot) float64 { return s.rate(s.Messages) })
	if len(runs) == 1 {
		s.Figures = append(s.Figures, traffic(runs)...)
		return s
	}
	add("Upkeep", "B/node/s", "What a node sends though nobody uses the network", func(s slot) float64 { return s.rate(s.Bytes[0]) })
	add("Work", "B/node/s", "What a node sends for lookups, stores and finds", func(s slot) float64 { return s.rate(s.Bytes[1]) })
	return s
}

// steady reports whether there are as many nodes all the time.
func steady(all []slot) bool {
	return !slices.ContainsFunc(all, func(s slot) bool { return s.Nodes != all[0].Nodes })
}

// marked draws what the scenario has done, if it is the same for all.
func (p *plot) marked(runs []run, unit float64) {
	for _, r := range runs {
		if !slices.Equal(r.Marks, runs[0].Marks) {
			return
		}
	}
	for i, m := range runs[0].Marks {
		p.mark(i, m.At.Seconds()/unit, m.What)
	}
}

// overAll says what timelines are of.
func overAll(runs []run) string {
	var results []*sim.Result
	for _, r := range runs {
		results = append(results, r.together()...)
	}
	return overResults(results)
}

// course is of a line a run, each level for as long as an interval.
func course(title, label, caption string, runs []run, of func(slot) float64) []figure {
	x, unit := courseAxis(runs)
	var all []series
	low, high := math.Inf(1), 0.0
	for i, r := range runs {
		s := series{label: r.label, class: colour(i)}
		for _, m := range slots(r) {
			v := of(m)
			s.points = append(s.points, point{m.from / unit, v}, point{(m.from + m.long) / unit, v})
			if finite(v) {
				low, high = min(low, v), max(high, v)
			}
		}
		all = append(all, s)
	}
	if high == 0 && label != "share (%)" || math.IsInf(low, 1) {
		return nil
	}
	y := linear(label, 0, high)
	if label == "share (%)" {
		y = shareAxis(label, low)
		if y.low > 0 {
			caption += fmt.Sprintf("; the axis begins at %.0f %%", y.low)
		}
	}
	p := newPlot(x, y)
	if len(runs) > 1 {
		p = newPlot(x, y, keys(all)...)
		p.legendAside(all)
	}
	for _, s := range all {
		p.line(s)
	}
	p.marked(runs, unit)
	return []figure{{p.svg(title), title, caption + "; " + intervals(runs) + "; " + overAll(runs) + "."}}
}

// shareAxis begins not far below low, for nines are what matters.
func shareAxis(label string, low float64) axis {
	for _, from := range []float64{95, 90, 75, 50} {
		if low >= from {
			return exact(label, from, 100, (100-from)/5)
		}
	}
	return exact(label, 0, 100, 20)
}

func courseAxis(runs []run) (axis, float64) {
	longest := 0.0
	for _, r := range runs {
		longest = max(longest, r.Measured)
	}
	return spanAxis("virtual time", longest)
}

// intervals says how long a level of a timeline is.
func intervals(runs []run) string {
	var long []string
	for _, r := range runs {
		if all := slots(r); len(all) > 0 {
			long = append(long, length(all[0].long))
		}
	}
	return "intervals of " + distinct(long)
}

// traffic is upkeep and, on top of it, work.
func traffic(runs []run) []figure {
	x, unit := courseAxis(runs)
	var none, upkeep, both []point
	high, mean := 0.0, [2]float64{}
	all := slots(runs[0])
	for _, m := range all {
		if m.nodes == 0 {
			continue
		}
		first, second := m.rate(m.Bytes[0]), m.rate(m.Bytes[0]+m.Bytes[1])
		for _, at := range []float64{m.from / unit, (m.from + m.long) / unit} {
			none, upkeep, both = append(none, point{at, 0}), append(upkeep, point{at, first}), append(both, point{at, second})
		}
		high = max(high, second)
		mean[0], mean[1] = mean[0]+first/float64(len(all)), mean[1]+(second-first)/float64(len(all))
	}
	if high == 0 {
		return nil
	}
	p := newPlot(x, linear("B/node/s", 0, high*1.15), "upkeep")
	p.area("s0", upkeep, none)
	middle := float64(0)
	labels := []series{}
	if mean[0] > 0 {
		labels = append(labels, series{"upkeep", "s0", []point{{0, mean[0] / 2}}})
	}
	if mean[1] > 0 {
		p.area("s1", both, upkeep)
		middle = mean[0] + mean[1]/2
		labels = append(labels, series{"work", "s1", []point{{0, middle}}})
	}
	p.ends(labels)
	p.marked(runs, unit)
	title := "Upkeep and work"
	return []figure{{p.svg(title), title, fmt.Sprintf(
		"What a node sends: for the network itself (upkeep) and, on top of it, for lookups, stores and finds (work); %s; %s.", intervals(runs), overAll(runs))}}
}
