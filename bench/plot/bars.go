package plot

// Group is one figure of several networks. One that is 0 was not measured.
type Group struct {
	Name, Unit string
	Values     []float64
	More       bool    // is better
	Target     float64 // of the first
}

// Bars draws each group by itself, two in a row, on a logarithmic axis that
// begins at a power of ten below its smallest.
func Bars(title string, names []string, groups []Group) []byte {
	const width, bar, gap, top = 470.0, 16.0, 34.0, 58.0
	each := float64(len(names))*bar + gap // a group of fewer leaves room
	rows := (len(groups) + 1) / 2
	d := &drawing{width: 2 * width, height: top + float64(rows)*each + 10}
	d.text(16, 24, "t", "start", title)
	x := 16.0
	for i, name := range names {
		d.box(x, 36, 10, 10, colour(i))
		d.text(x+14, 45, "s", "start", name)
		x += 26 + 6.2*float64(len(name))
	}
	for i, g := range groups {
		d.group(g, float64(i%2)*width, top+float64(i/2)*each, width, bar)
	}
	return d.svg()
}

func (d *drawing) group(g Group, x, y, width, bar float64) {
	left, right := x+16, x+width-74
	better := "less is better"
	if g.More {
		better = "more is better"
	}
	d.text(left, y+12, "", "start", g.Name)
	d.text(x+width-16, y+12, "s", "end", better)
	all := append([]float64{g.Target}, g.Values...)
	s := newScale(all, left, right)
	s.low--             // a bar of the smallest has a length too
	var labels []func() // over all else
	for i, v := range g.Values {
		at := y + 18 + float64(i)*bar
		if v <= 0 {
			d.text(left, at+11, "s", "start", "not measured")
			continue
		}
		d.box(left, at, s.at(v)-left, bar-3, colour(i))
		labels = append(labels, func() { d.text(s.at(v)+5, at+11, "s", "start", short(v)+" "+g.Unit) })
	}
	if g.Target > 0 {
		d.line(s.at(g.Target), y+15, s.at(g.Target), y+18+float64(len(g.Values))*bar, "goal")
	}
	for _, label := range labels {
		label()
	}
}

func colour(i int) string { return "f" + string(rune('0'+i%6)) }
