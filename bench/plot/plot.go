// Package plot draws what bench has measured, as SVG that needs nothing beside
// it: bars of networks beside each other, and lines of growth. Both have
// logarithmic axes, since what they show is ratios.
//
// It knows of figures and not of what they mean.
package plot

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// drawing is an SVG in the making. Colours follow the reader's light or dark.
type drawing struct {
	body          strings.Builder
	width, height float64
}

const style = `<style>
text{font:12px system-ui,sans-serif;fill:#222}.t{font-size:14px;font-weight:600}.s{font-size:11px;fill:#666;paint-order:stroke;stroke:#fff;stroke-width:3px}
.bg{fill:#fff}.g{stroke:#ddd;stroke-width:1}.goal{stroke:#222;stroke-width:1.5;stroke-dasharray:3 2}.l{fill:none;stroke-width:2}
.f0{fill:#1f6fb4}.f1{fill:#6baed6}.f2{fill:#b7d4ea}.f3{fill:#d9742b}.f4{fill:#5a9e4b}.f5{fill:#8b62a8}
.c0{stroke:#1f6fb4}.c1{stroke:#d9742b}.c2{stroke:#5a9e4b}.c3{stroke:#8b62a8}.c4{stroke:#6baed6}.c5{stroke:#a33}
@media(prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#999;stroke:#161616}.bg{fill:#161616}.g{stroke:#383838}.goal{stroke:#ddd}}
</style>`

func (d *drawing) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(&d.body, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(text))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&d.body, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (d *drawing) box(x, y, width, height float64, class string) {
	fmt.Fprintf(&d.body, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`+"\n", x, y, width, height, class)
}

func (d *drawing) svg() []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`+"\n%s\n"+
		`<rect width="100%%" height="100%%" class="bg"/>`+"\n%s</svg>\n", d.width, d.height, d.width, d.height, style, d.body.String())
}

// scale is a logarithmic axis between powers of ten.
type scale struct{ low, high, from, to float64 }

// newScale holds all values that are more than 0.
func newScale(values []float64, from, to float64) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		low, high = 1, 10
	}
	s := scale{math.Floor(math.Log10(low)), math.Ceil(math.Log10(high)), from, to}
	if s.low == s.high {
		s.high++
	}
	return s
}

func (s scale) at(v float64) float64 {
	part := (math.Log10(v) - s.low) / (s.high - s.low)
	return s.from + min(1, max(0, part))*(s.to-s.from)
}

// powers are the axis's marks.
func (s scale) powers() (powers []float64) {
	for e := s.low; e <= s.high; e++ {
		powers = append(powers, math.Pow(10, e))
	}
	return powers
}

func short(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + "M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 3, 64) + "k"
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
