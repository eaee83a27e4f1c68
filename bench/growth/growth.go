// Package growth is measurements along an axis, and the power that fits them:
// what costs twice as much for twice as much has an exponent of 1, what stays
// as it is has 0.
package growth

import "math"

// Axis is some measurements of the same things, for more and more of another.
type Axis struct {
	Title string    `json:"title"`
	Of    string    `json:"of"` // what there is more and more of
	X     []float64 `json:"x"`
	Lines []Line    `json:"lines"`
}

// Line is one of those things.
type Line struct {
	Name     string    `json:"name"`
	Limit    float64   `json:"limit"` // exponent that it may have; see Within
	Log      bool      `json:"log"`   // the limit is of the line divided by log X
	Y        []float64 `json:"y"`
	Exponent float64   `json:"exponent"`
}

// Add puts one more measurement at x, of each line in order.
func (a *Axis) Add(x float64, y ...float64) {
	a.X = append(a.X, x)
	for i := range a.Lines {
		a.Lines[i].Y = append(a.Lines[i].Y, y[i])
	}
}

// Fit sets the exponents.
func (a *Axis) Fit() {
	for i := range a.Lines {
		a.Lines[i].Exponent = Exponent(a.X, a.Lines[i].Y)
	}
}

// Slack is how much above its limit an exponent may be measured.
const Slack = 0.1

// Within reports whether the i-th line grows no faster than it may.
func (a Axis) Within(i int) bool {
	l := a.Lines[i]
	if !l.Log {
		return l.Exponent <= l.Limit+Slack
	}
	y := make([]float64, len(l.Y))
	for j := range y {
		y[j] = l.Y[j] / math.Log(a.X[j])
	}
	return Exponent(a.X, y) <= l.Limit+Slack
}

// Exponent is the slope of the straight line that fits best where both axes are
// logarithmic; points that have no logarithm are left out.
func Exponent(x, y []float64) float64 {
	var n, sx, sy, sxx, sxy float64
	for i := range x {
		if x[i] <= 0 || y[i] <= 0 {
			continue
		}
		lx, ly := math.Log(x[i]), math.Log(y[i])
		n, sx, sy, sxx, sxy = n+1, sx+lx, sy+ly, sxx+lx*lx, sxy+lx*ly
	}
	if d := n*sxx - sx*sx; d != 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}
