package growth_test

import (
	"math"
	"testing"

	"github.com/khashmir/kad/bench/growth"
)

func TestAPowerIsFound(t *testing.T) {
	// Given what grows as the power 1.5, and one point that has no logarithm
	var x, y []float64
	for i := range 10 {
		x = append(x, float64(i))
		y = append(y, 3*math.Pow(float64(i), 1.5))
	}
	// then that is its exponent
	if got := growth.Exponent(x, y); math.Abs(got-1.5) > 1e-9 {
		t.Errorf("exponent %v", got)
	}
}

func TestWhatGrowsFasterThanItMayIsNoticed(t *testing.T) {
	// Given what grows as log N, N, and the square of N
	a := growth.Axis{Lines: []growth.Line{{Log: true}, {Log: true}, {Limit: 1}, {Limit: 1}}}
	for n := 10.0; n < 1e5; n *= 3 {
		a.Add(n, 7*math.Log(n), n, 2*n, n*n)
	}
	// when it is fitted
	a.Fit()
	// then the second and the fourth are beyond log N and N
	for i, want := range []bool{true, false, true, false} {
		if a.Within(i) != want {
			t.Errorf("line %d, exponent %v: within %v", i, a.Lines[i].Exponent, !want)
		}
	}
}
