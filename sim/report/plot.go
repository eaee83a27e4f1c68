package report

import (
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

// plot is a figure in the making. What it draws has classes for colours, which
// are the page's: so it is right in light, in dark and on paper.
type plot struct {
	width, height            float64
	left, right, top, bottom float64 // of the area within the axes
	x, y                     axis
	body                     strings.Builder
	inked                    []point // in pixels: where there are lines and marks
}

// style is of all plots. Each carries it, so that one taken out of the page, for a paper,
// is as it was; colours that the page does not set are those on white.
//
//go:embed plot.css
var style string

// point is where something is, in the units of the axes.
type point struct{ x, y float64 }

// series is a line with a name.
type series struct {
	label  string
	class  string // s0 to s7 is a colour, another is a style of its own
	points []point
}

// colour is the class of the i-th line.
func colour(i int) string { return "s" + strconv.Itoa(i%overlaid) }

// letter is about how wide one is, so that labels get the room they need.
const letter = 6.1

// newPlot is of the usual size, two in a row. Labels are what will stand to the
// right of it.
func newPlot(x, y axis, labels ...string) *plot { return sized(460, 280, x, y, labels...) }

// smallPlot is for three in a row, widePlot for one alone.
func smallPlot(x, y axis, labels ...string) *plot { return sized(300, 215, x, y, labels...) }
func widePlot(x, y axis, labels ...string) *plot  { return sized(700, 360, x, y, labels...) }

func sized(width, height float64, x, y axis, labels ...string) *plot {
	p := &plot{width: width, height: height, x: x, y: y, top: 12, bottom: height - 40}
	wide := 1
	for _, t := range y.ticks {
		wide = max(wide, len([]rune(t.text)))
	}
	p.left = 30 + letter*float64(wide)
	if y.label == "" {
		p.left -= 18
	}
	longest := 0
	for _, l := range labels {
		longest = max(longest, len([]rune(l)))
	}
	p.right = width - 14
	if n := len(x.ticks); n > 0 { // half of the last text stands out
		p.right = min(p.right, width-2-letter/2*float64(len([]rune(x.ticks[n-1].text))))
	}
	if longest > 0 {
		p.right = min(p.right, width-12-letter*float64(longest))
	}
	p.axes()
	return p
}

func (p *plot) px(x float64) float64 { return p.left + (p.right-p.left)*p.x.place(x) }
func (p *plot) py(y float64) float64 { return p.bottom - (p.bottom-p.top)*p.y.place(y) }

func (p *plot) axes() {
	var grid, marks strings.Builder
	for _, t := range p.y.ticks {
		y := p.py(t.at)
		if t.text == "" {
			fmt.Fprintf(&marks, "M%s %sh-3", short(p.left), short(y))
			continue
		}
		fmt.Fprintf(&grid, "M%s %sH%s", short(p.left), short(y), short(p.right))
		fmt.Fprintf(&marks, "M%s %sh-5", short(p.left), short(y))
		p.text(p.left-8, y+4, "end", "", t.text)
	}
	for _, t := range p.x.ticks {
		x := p.px(t.at)
		long := 5
		if t.text == "" {
			long = 3
		}
		fmt.Fprintf(&marks, "M%s %sv%d", short(x), short(p.bottom), long)
		p.text(x, p.bottom+17, "middle", "", t.text)
	}
	p.path("grid", grid.String())
	p.path("axis", fmt.Sprintf("M%s %sV%sH%s", short(p.left), short(p.top), short(p.bottom), short(p.right))+marks.String())
	p.text((p.left+p.right)/2, p.height-6, "middle", "name", p.x.label)
	if p.y.label != "" {
		at := short((p.top + p.bottom) / 2)
		fmt.Fprintf(&p.body, `<text class="name" text-anchor="middle" transform="translate(11 %s)rotate(-90)">%s</text>`, at, escaped(p.y.label))
	}
}

// line joins points; where one is not a number it breaks.
func (p *plot) line(s series) {
	var d strings.Builder
	command := "M"
	for i, at := range s.points {
		if !finite(at.x) || !finite(at.y) {
			command = "M"
			continue
		}
		x, y := p.px(at.x), p.py(at.y)
		fmt.Fprintf(&d, "%s%s %s", command, short(x), short(y))
		if command == "L" {
			before := s.points[i-1]
			p.ink(p.px(before.x), p.py(before.y), x, y)
		}
		command = "L"
	}
	p.path("line "+s.class, d.String())
}

// area fills what is between the points and those below them.
func (p *plot) area(class string, over, under []point) {
	var d strings.Builder
	for i, at := range append(slices.Clone(over), backwards(under)...) {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&d, "%s%s %s", command, short(p.px(at.x)), short(p.py(at.y)))
	}
	p.path("area "+class, d.String()+"Z")
}

func backwards(points []point) []point {
	points = slices.Clone(points)
	slices.Reverse(points)
	return points
}

// bars stand on the x axis, from x-half to x+half.
func (p *plot) bars(class string, half float64, points []point) {
	var d strings.Builder
	for _, at := range points {
		if at.y > 0 {
			fmt.Fprintf(&d, "M%s %sV%sH%sV%sZ", short(p.px(at.x-half)), short(p.bottom), short(p.py(at.y)), short(p.px(at.x+half)), short(p.bottom))
		}
	}
	p.path("area "+class, d.String())
}

// dots are round.
func (p *plot) dots(class string, points []point) {
	var d strings.Builder
	for _, at := range points {
		if finite(at.x) && finite(at.y) {
			fmt.Fprintf(&d, "M%s %sh0", short(p.px(at.x)), short(p.py(at.y)))
		}
	}
	p.path("dots "+class, d.String())
}

// span is an upright bar of what a value may be.
func (p *plot) span(class string, x, low, high float64) {
	at, half := p.px(x), 3.5
	p.path("line "+class, fmt.Sprintf("M%[1]s %[2]sH%[3]sM%[1]s %[4]sH%[3]sM%[5]s %[2]sV%[4]s",
		short(at-half), short(p.py(low)), short(at+half), short(p.py(high)), short(at)))
}

// ends writes the label of each line to the right of where it ends, apart from
// each other.
func (p *plot) ends(all []series) {
	type end struct {
		series
		at, y float64
	}
	var labels []end
	for _, s := range all {
		for _, last := range backwards(s.points) {
			if finite(last.x) && finite(last.y) && s.label != "" {
				labels = append(labels, end{s, p.py(last.y), p.py(last.y)})
				break
			}
		}
	}
	slices.SortStableFunc(labels, func(a, b end) int { return int(math.Copysign(1, a.at-b.at)) })
	const apart = 13
	for i := range labels { // downwards, then back up from the bottom
		if i > 0 {
			labels[i].y = max(labels[i].y, labels[i-1].y+apart)
		}
	}
	lowest := p.bottom
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].y = min(labels[i].y, lowest)
		lowest = labels[i].y - apart
	}
	for _, l := range labels {
		p.text(p.right+6, l.y+4, "start", "of "+l.class, l.label)
	}
}

// ink notes that there is something from one place to another.
func (p *plot) ink(fromX, fromY, toX, toY float64) {
	steps := math.Ceil(math.Hypot(toX-fromX, toY-fromY)/6) + 1
	for i := range int(steps) + 1 {
		part := float64(i) / steps
		p.inked = append(p.inked, point{fromX + part*(toX-fromX), fromY + part*(toY-fromY)})
	}
}

// legend lists lines where there is the most room between what is drawn.
func (p *plot) legend(all []series) {
	if longest(all) == 0 {
		return
	}
	wide, high := keyed+10+letter*longest(all), 15*float64(len(all))+3
	const steps = 24
	var x, y float64
	most := -1.0
	for i := range steps + 1 {
		for k := range steps + 1 {
			left := p.left + 6 + float64(i)/steps*(p.right-p.left-wide-12)
			top := p.top + 6 + float64(k)/steps*(p.bottom-p.top-high-12)
			room := 40.0 // more is not needed
			for _, at := range p.inked {
				room = min(room, max(left-at.x, at.x-left-wide, top-at.y, at.y-top-high))
			}
			if room > most {
				x, y, most = left, top, room
			}
		}
	}
	p.list(x+4, y+9, all)
}

// longest is of the labels, in letters.
func longest(all []series) float64 {
	n := 0
	for _, s := range all {
		n = max(n, len([]rune(s.label)))
	}
	return float64(n)
}

// keyed is how wide a line is in a legend, with what is around it.
const keyed = 28

// keys are the labels of a legend aside, as wide as they are with their lines.
func keys(all []series) []string {
	var labels []string
	for _, s := range all {
		labels = append(labels, "     "+s.label) // 5 letters are more than keyed
	}
	return labels
}

// legendAside is for plots that are full of lines everywhere.
func (p *plot) legendAside(all []series) { p.list(p.right+8, p.top+8, all) }

func (p *plot) list(x, y float64, all []series) {
	for _, s := range all {
		p.path("line "+s.class, fmt.Sprintf("M%s %sh22", short(x), short(y)))
		p.text(x+keyed, y+4, "start", "", s.label)
		y += 15
	}
}

func (p *plot) path(class, d string) {
	if d != "" {
		fmt.Fprintf(&p.body, `<path class="%s" d="%s"/>`, class, d)
	}
}

func (p *plot) text(x, y float64, anchor, class, s string) {
	if s == "" {
		return
	}
	if class != "" {
		class = ` class="` + class + `"`
	}
	if anchor != "start" {
		class += ` text-anchor="` + anchor + `"`
	}
	fmt.Fprintf(&p.body, `<text x="%s" y="%s"%s>%s</text>`, short(x), short(y), class, escaped(s))
}

// mark is an upright line where something happens, and what, which is the i-th.
func (p *plot) mark(i int, x float64, what string) {
	at := p.px(x)
	p.path("line mark", fmt.Sprintf("M%s %sV%s", short(at), short(p.bottom), short(p.top)))
	anchor, aside := "start", 4.0
	if at > (p.left+p.right)/2 {
		anchor, aside = "end", -4
	}
	p.text(at+aside, p.top+9+12*float64(i), anchor, "halo", what)
}

// svg is the plot, called title by those who hear pages.
func (p *plot) svg(title string) template.HTML {
	class := ""
	if p.width > 500 {
		class = ` class="broad"`
	}
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg"%[1]s width="%[2]s" height="%[3]s" viewBox="0 0 %[2]s %[3]s" role="img" aria-label="%[4]s"><style>%[5]s</style>%[6]s</svg>`,
		class, short(p.width), short(p.height), escaped(title), style, p.body.String()))
}

// escaped is s as text of XML, in which even escaped some characters may not be.
func escaped(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' || r == '\ufffe' || r == '\uffff' {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd")))
}

// short is a coordinate to a tenth of a pixel.
func short(v float64) string {
	if !finite(v) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
