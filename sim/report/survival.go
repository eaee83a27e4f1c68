package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/sim"
)

const (
	minute = 60.0
	hour   = 60 * minute
)

// rule is how many hold a value and how often they compare.
type rule struct {
	copies  int
	longest float64 // seconds from one comparison to the next
	adapts  bool    // nodes that know the half-life compare more often
}

// every is how often they compare, in seconds.
func (r rule) every(halfLife float64) float64 {
	if !r.adapts {
		return r.longest
	}
	return min(max(halfLife/kad.RoundsPerHalfLife, kad.MinReplicateInterval.Seconds()), r.longest)
}

// class is the style of its line.
func (r rule) class() string {
	if r.adapts {
		return "plain"
	}
	return "plain dash"
}

// ruled is how many kinds of rules are drawn at the most.
const ruled = 4

// rulesOf are those of the points, each as it is and as it were without adapting.
func rulesOf(points []sim.Point) (all []rule) {
	for _, p := range points {
		r := p.Results[0]
		as := rule{cmp.Or(r.Replicas, kad.Replicas), cmp.Or(r.Compared, kad.ReplicateInterval.Seconds()), true}
		if !slices.Contains(all, as) && len(all) < 2*ruled {
			all = append(all, as, rule{as.copies, as.longest, false})
		}
	}
	return all
}

func (r rule) label() string {
	if !r.adapts {
		return fmt.Sprintf("R = %d, T = %s", r.copies, length(r.longest))
	}
	return fmt.Sprintf("R = %d, T = h/%d", r.copies, kad.RoundsPerHalfLife)
}

// lost is the chance of a value to be lost within so many seconds: that in one
// of the measured/T rounds all copies die. For small chances it is
// (measured/T)(1-2^(-T/h))^R.
func (r rule) lost(halfLife, measured float64) float64 {
	every := r.every(halfLife)
	round := math.Pow(1-math.Exp2(-every/halfLife), float64(r.copies))
	return -math.Expm1(measured / every * math.Log1p(-round))
}

// fate is what became of the values of a point, of all its seeds.
type fate struct {
	label              string
	class              string
	median             float64
	lost, acknowledged int
}

// survival is the loss of values that was measured next to that which the
// number of copies makes expect. Without churn there is none to expect.
func survival(parameter string, points []sim.Point) section {
	measured := points[0].Results[0].Measured
	var fates []fate
	left := false
	for i, p := range points {
		f := fate{class: "s0", median: p.Results[0].Median}
		if len(points) > 1 && len(points) <= overlaid { // as many as there are colours
			f.class, f.label = colour(i), setting(parameter, p.Value)
		}
		for _, r := range p.Results {
			f.lost, f.acknowledged = f.lost+r.Lost, f.acknowledged+r.Acknowledged
		}
		switch {
		case f.median <= 0 || f.acknowledged == 0:
		case math.Abs(p.Results[0].Measured/measured-1) > 0.01:
			left = true // the lines are not for it
		default:
			fates = append(fates, f)
		}
	}
	if len(fates) == 0 {
		return section{}
	}
	title := "Survival of values"
	caption := []string{
		fmt.Sprintf("Share of the values that nobody holds any more after %s. Lines: what the formula 1−(1−(1−2^(−T/h))^R)^(t/T) makes expect, which is near (t/T)(1−2^(−T/h))^R where that is small, for R copies that are compared every T, nodes of half-life h and t = %s; T = h/%d is %s at the least, and never longer than the broken line of the same R says", length(measured), length(measured), kad.RoundsPerHalfLife, length(kad.MinReplicateInterval.Seconds())),
		"Marks: what was measured, at the median session, over all seeds; bars are 95 % (Wilson), as if each value were lost for itself: those of the same holders are lost together, so the truth is wider",
		"An arrow downwards starts at the 95 % bound of none lost, 3 in the number of values",
		counts(fates),
	}
	if len(fates) > 1 {
		caption = append(caption, "Marks of the same median stand side by side")
	}
	if left {
		caption = append(caption, "Points that were measured for another time are left out")
	}
	caption = append(caption, "Where nodes return with their disks, or sessions are not exponential, the formula expects too much or too little")
	return section{ID: "survival", Title: title, Figures: []figure{{survivalPlot(fates, rulesOf(points), measured).svg(title), title, strings.Join(caption, ". ") + "."}}}
}

func counts(fates []fate) string {
	lost, acknowledged := 0, 0
	for _, f := range fates {
		lost, acknowledged = lost+f.lost, acknowledged+f.acknowledged
	}
	return fmt.Sprintf("Lost: %s of %s acknowledged values", whole(lost), whole(acknowledged))
}

func survivalPlot(fates []fate, rules []rule, measured float64) *plot {
	shortest, longest := 5*minute, 4*hour
	for _, f := range fates {
		shortest, longest = min(shortest, f.median/1.5), max(longest, f.median*1.5)
	}
	var all []series
	var labels []string
	least := 0.1
	const steps = 60
	for _, r := range rules {
		s := series{label: r.label(), class: r.class()}
		for i := range steps + 1 {
			h := shortest * math.Pow(longest/shortest, float64(i)/steps)
			lost := r.lost(h, measured)
			s.points = append(s.points, point{h, lost})
			least = min(least, lost)
		}
		all, labels = append(all, s), append(labels, s.label)
	}
	for _, f := range fates {
		least = min(least, 0.3/float64(f.acknowledged))
	}
	p := widePlot(halfLives(shortest, longest), decades("share of the values lost", max(least, 1e-12), 1), labels...)
	for _, s := range all {
		p.line(s)
	}
	p.ends(all)
	same, before := map[float64]int{}, map[float64]int{} // medians
	for _, f := range fates {
		same[f.median]++
	}
	var names []series
	for _, f := range fates {
		apart := min(9, 60/float64(same[f.median]))
		p.fate(f, apart*(float64(before[f.median])-float64(same[f.median]-1)/2))
		before[f.median]++
		names = append(names, series{label: f.label, class: f.class})
	}
	p.legend(names)
	return p
}

// fate marks what was measured, some pixels aside so that marks of the same
// median do not hide each other.
func (p *plot) fate(f fate, aside float64) {
	x := p.px(f.median) + aside
	n := float64(f.acknowledged)
	if f.lost == 0 {
		y := p.py(3 / n)
		p.ink(x, y, x, y+24)
		p.path("line thick "+f.class, fmt.Sprintf("M%s %sh10m-5 0v24m-4 -6l4 6l4 -6", short(x-5), short(y)))
		return
	}
	low, high := wilson(float64(f.lost), n)
	p.ink(x, p.py(low), x, p.py(high))
	p.path("line whole "+f.class, fmt.Sprintf("M%[1]s %[2]sh7M%[1]s %[3]sh7M%[4]s %[2]sV%[3]s", short(x-3.5), short(p.py(low)), short(p.py(high)), short(x)))
	p.path("dots "+f.class, fmt.Sprintf("M%s %sh0", short(x), short(p.py(float64(f.lost)/n))))
}

// wilson is the 95 % interval of a share of which k of n were seen.
func wilson(k, n float64) (low, high float64) {
	const z = 1.96
	share := k / n
	middle := (share + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	return max(middle-half, 1e-12), min(1, middle+half)
}

// halfLives is a logarithmic axis of seconds with ticks people think in.
func halfLives(low, high float64) axis {
	a := axis{low: low, high: high, log: true, label: "half-life of nodes, h (median session), log scale"}
	for _, seconds := range []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, hour, 2 * hour, 4 * hour, 8 * hour, 24 * hour, 48 * hour, 96 * hour, 240 * hour} {
		if seconds >= low*0.999 && seconds <= high*1.001 {
			a.ticks = append(a.ticks, tick{seconds, length(seconds)})
		}
	}
	return a
}
