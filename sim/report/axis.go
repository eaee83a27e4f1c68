package report

import (
	"math"
	"strconv"
	"strings"
)

// axis maps numbers to places from 0 to 1.
type axis struct {
	low, high float64
	log       bool
	label     string
	ticks     []tick
}

// tick is a mark on an axis. Those without a text are short.
type tick struct {
	at   float64
	text string
}

// place is where v is, at the nearest end if it is beyond.
func (a axis) place(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, math.SmallestNonzeroFloat64))
	}
	return min(1, max(0, (v-low)/(high-low)))
}

// linear is from low to high, both moved outwards to a round number.
func linear(label string, low, high float64) axis {
	if low == 0 && high == 0 {
		return exact(label, 0, 1, 1)
	}
	if !(high > low) { // one value, or none that is a number
		high = low + 1
	}
	step := roundStep((high - low) / 5)
	return exact(label, step*math.Floor(low/step+1e-9), step*math.Ceil(high/step-1e-9), step)
}

// exact is from low to high as they are, with a tick at each multiple of step.
func exact(label string, low, high, step float64) axis {
	a := axis{low: low, high: high, label: label}
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
		a.ticks = append(a.ticks, tick{i * step, number(i*step, step)})
	}
	return a
}

// roundStep is the least of 1, 2, 5, 10, … that is not below about.
func roundStep(about float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(about)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= about*0.999 {
			return m * power
		}
	}
	return 10 * power
}

// logarithmic is from low to high, both more than 0, moved outwards to 1, 2 or
// 5 times a power of ten.
func logarithmic(label string, low, high float64) axis {
	a := axis{log: true, label: label + ", log scale"}
	all := high/low >= 300 // then there is no room for the 2s and 5s
	for power := math.Floor(math.Log10(low)); power <= math.Ceil(math.Log10(high)); power++ {
		for m := 1.0; m < 10; m++ {
			t := tick{at: m * math.Pow(10, power)}
			if m == 1 || (m == 2 || m == 5) && !all {
				t.text = number(t.at, t.at)
			}
			a.ticks = append(a.ticks, t)
		}
	}
	first, last := 0, len(a.ticks)-1
	for i, t := range a.ticks {
		m := i%9 + 1 // the ends have texts, which are not to touch those of the next power
		if (m == 1 || m == 2 || m == 5 && !all) && t.at <= low*(1+1e-9) {
			first = i
		}
		if (m == 1 || m == 5 || m == 2 && !all) && t.at >= high*(1-1e-9) && i < last {
			last = i
		}
	}
	a.ticks = a.ticks[first : last+1]
	for _, end := range []int{0, len(a.ticks) - 1} {
		a.ticks[end].text = number(a.ticks[end].at, a.ticks[end].at)
	}
	a.low, a.high = a.ticks[0].at, a.ticks[len(a.ticks)-1].at
	return a
}

// decades is a logarithmic axis of powers of ten, written as such.
func decades(label string, low, high float64) axis {
	from, to := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	a := axis{low: math.Pow(10, from), high: math.Pow(10, to), log: true, label: label + ", log scale"}
	every := math.Ceil((to - from) / 9)
	for power := from; power <= to; power++ {
		t := tick{at: math.Pow(10, power)}
		if math.Mod(power, every) == 0 {
			t.text = tenTo(int(power))
		}
		a.ticks = append(a.ticks, t)
	}
	return a
}

func tenTo(power int) string {
	if power == 0 {
		return "1"
	}
	return "10" + strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
		"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(power))
}

// spanAxis is of virtual time, from 0 on; its unit fits to its length.
func spanAxis(label string, seconds float64) (a axis, unit float64) {
	for _, u := range []struct {
		name    string
		seconds float64
		steps   []float64
	}{
		{"days", 86400, []float64{1, 2, 5, 10, 20, 50, 100}},
		{"h", 3600, []float64{1, 2, 3, 6, 12, 24}},
		{"min", 60, []float64{1, 2, 5, 10, 20, 30, 60}},
		{"s", 1, []float64{1, 2, 5, 10, 20, 30, 60}},
	} {
		long := seconds / u.seconds
		if long < 3.5 && u.seconds > 1 {
			continue
		}
		for _, step := range u.steps {
			if long/step <= 7 || step == u.steps[len(u.steps)-1] {
				return exact(label+" ("+u.name+")", 0, max(long, 0.001), step), u.seconds
			}
		}
	}
	panic("unreachable: seconds always fit")
}

// number writes v with as many decimals as multiples of step need, and with
// commas between thousands.
func number(v, step float64) string {
	decimals := 0
	if step < 1 {
		decimals = int(min(9, math.Ceil(-math.Log10(step)-1e-9)))
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	integer, fraction, _ := strings.Cut(s, ".")
	for i := len(integer) - 3; i > 0; i -= 3 {
		integer = integer[:i] + "," + integer[i:]
	}
	if fraction != "" {
		integer += "." + fraction
	}
	if v < 0 {
		integer = "−" + integer
	}
	return integer
}

func whole(n int) string { return number(float64(n), 1) }
