package plot

import (
	"fmt"
	"strings"
)

// Chart is some lines over the same axis.
type Chart struct {
	Title  string
	Across string // what X is
	Lines  []Line
}

// Line is a series of measurements, X ascending.
type Line struct {
	Name string
	X, Y []float64
}

// Charts draws each by itself, two in a row. Both axes are logarithmic: what
// grows as a power is straight.
func Charts(title string, charts []Chart) []byte {
	const width, height, top = 470.0, 300.0, 40.0
	d := &drawing{width: 2 * width, height: top + float64((len(charts)+1)/2)*height}
	d.text(16, 24, "t", "start", title)
	for i, c := range charts {
		d.chart(c, float64(i%2)*width, top+float64(i/2)*height, width, height)
	}
	return d.svg()
}

func (d *drawing) chart(c Chart, x, y, width, height float64) {
	left, right, above, below := x+56, x+width-196, y+28, y+height-40
	var xs, ys []float64
	for _, l := range c.Lines {
		xs, ys = append(xs, l.X...), append(ys, l.Y...)
	}
	across, up := newScale(xs, left, right), newScale(ys, below, above)
	d.text(left, y+14, "", "start", c.Title)
	d.text((left+right)/2, below+32, "s", "middle", c.Across)
	for _, p := range across.powers() {
		d.line(across.at(p), above, across.at(p), below, "g")
		d.text(across.at(p), below+15, "s", "middle", short(p))
	}
	for _, p := range up.powers() {
		d.line(left, up.at(p), right, up.at(p), "g")
		d.text(left-6, up.at(p)+4, "s", "end", short(p))
	}
	for i, l := range c.Lines {
		d.series(l, i, across, up)
	}
	d.names(c.Lines, right+10, above)
}

func (d *drawing) series(l Line, i int, across, up scale) {
	var points []string
	for j := range l.X {
		if l.X[j] > 0 && l.Y[j] > 0 {
			points = append(points, fmt.Sprintf("%.1f,%.1f", across.at(l.X[j]), up.at(l.Y[j])))
		}
	}
	fmt.Fprintf(&d.body, `<polyline points="%s" class="l c%d"/>`+"\n", strings.Join(points, " "), i%6)
}

func (d *drawing) names(lines []Line, x, y float64) {
	for i, l := range lines {
		at := y + 6 + float64(i)*18
		d.line(x, at, x+14, at, fmt.Sprintf("l c%d", i%6))
		d.text(x+18, at+4, "s", "start", l.Name)
	}
}
