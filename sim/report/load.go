package report

import "fmt"

// loads is how the work is shared among the nodes.
func loads(runs []run) section {
	var all []series
	most := 0.0
	for i, r := range runs {
		if len(r.Load.Hundredths) == 0 || r.Load.Max == 0 {
			continue
		}
		s := series{label: r.label, class: colour(i), points: make([]point, len(r.Load.Hundredths))}
		for k, v := range r.Load.Hundredths {
			s.points[k] = point{float64(k), v}
		}
		most = max(most, r.Load.Max)
		all = append(all, s)
	}
	if len(all) == 0 {
		return section{}
	}
	var labels []string
	if len(runs) > 1 {
		labels = keys(all)
	}
	p := widePlot(exact("nodes, from the least asked on (%)", 0, 100, 20), linear("questions answered", 0, most), labels...)
	for _, s := range all {
		p.line(s)
	}
	if len(runs) > 1 {
		p.legendAside(all)
	}
	title := "Load by node"
	return section{ID: "load", Title: title, Figures: []figure{{p.svg(title), title, fmt.Sprintf(
		"Questions that a node has answered while measuring, of the nodes alive at the end, in order; newcomers had less time. %s.", over(runs))}}}
}
