package report

import (
	"fmt"
	"math"

	"github.com/khashmir/kad/sim"
)

// efforts are how many hops and questions operations took.
func efforts(runs []run) section {
	s := section{ID: "effort", Title: "What operations take"}
	for _, o := range operations {
		hops := func(r *sim.Result) sim.Quantiles { return o.of(r).Hops }
		questions := func(r *sim.Result) sim.Quantiles { return o.of(r).Questions }
		s.Figures = append(s.Figures, effort("Hops of "+o.name, "hops", runs, hops)...)
		s.Figures = append(s.Figures, effort("Questions of "+o.name, "questions", runs, questions)...)
	}
	s.Small = len(runs) == 1
	s.Note = fmt.Sprintf("Share of the operations, of those that did not fail, that took so many hops and questions, to one in a hundred; %s.", over(runs))
	return s
}

// effort is bars for one run, else a line of dots a run.
func effort(title, unit string, runs []run, of func(*sim.Result) sim.Quantiles) []figure {
	low, high := math.Inf(1), 0.0
	for _, r := range runs {
		if q := of(r.Result); len(q.Hundredths) > 0 {
			low, high = min(low, q.Hundredths[0]), max(high, q.Max)
		}
	}
	if high == 0 { // there are none, or they were all answered at home
		return nil
	}
	wide := max(1, roundStep((high-low+1)/40)) // of a bar
	var all []series
	most := 0.0
	for i, r := range runs {
		s := series{label: r.label, class: colour(i), points: shares(of(r.Result), low, high, wide)}
		for _, at := range s.points {
			most = max(most, at.y)
		}
		if len(s.points) > 0 {
			all = append(all, s)
		}
	}
	x := exact(unit, low-0.5, max(high, low+2)+wide-0.5, max(1, roundStep((high-low)/6)))
	y := linear("share (%)", 0, most)
	var p *plot
	if len(runs) == 1 {
		p = smallPlot(x, y)
		p.bars("s0", wide*0.4, all[0].points)
		p.mean(of(runs[0].Result).Mean)
	} else {
		p = newPlot(x, y, keys(all)...)
		for _, s := range all {
			p.line(s)
			if len(s.points) <= 12 {
				p.dots(s.class, s.points)
			}
		}
		p.legendAside(all)
	}
	caption := ""
	if wide > 1 {
		caption = fmt.Sprintf("%.0f numbers in a row each.", wide)
	}
	return []figure{{p.svg(title), title, caption}}
}

// shares are in percent, of wide whole numbers in a row each. The hundredths
// say it of one in a hundred: each stands for those up to the next.
func shares(q sim.Quantiles, low, high, wide float64) []point {
	if len(q.Hundredths) == 0 {
		return nil
	}
	var points []point
	for from := low; from <= high; from += wide {
		points = append(points, point{x: from + (wide-1)/2})
	}
	for _, v := range q.Hundredths[:len(q.Hundredths)-1] {
		points[int((v-low)/wide)].y++
	}
	return points
}

// mean is a mark at the upper end of the plot.
func (p *plot) mean(of float64) {
	x := p.px(of)
	p.path("line mark", fmt.Sprintf("M%s %sV%s", short(x), short(p.bottom), short(p.top)))
	p.text(x, p.top-3, "middle", "name", "mean "+number(of, 0.01))
}
