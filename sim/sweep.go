package sim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Metric is one number of a Result.
type Metric struct {
	Name     string
	Unit     string
	Of       func(r *Result) float64
	Measured func(r *Result) bool // whether there was anything to measure
}

// Metrics is what sweeps tell of each point.
var Metrics = []Metric{
	{"finds that failed", "%", func(r *Result) float64 { return percent(r.Finds.Failed, r.Finds.Done) }, func(r *Result) bool { return r.Finds.Done > 0 }},
	{"find, median", "ms", func(r *Result) float64 { return r.Finds.Took.P50 }, found},
	{"find, p99", "ms", func(r *Result) float64 { return r.Finds.Took.P99 }, found},
	{"lookup, median", "ms", func(r *Result) float64 { return r.Lookups.Took.P50 }, looked},
	{"lookup, p99", "ms", func(r *Result) float64 { return r.Lookups.Took.P99 }, looked},
	{"lookup hops", "", func(r *Result) float64 { return r.Lookups.Hops.Mean }, looked},
	{"lookup questions", "", func(r *Result) float64 { return r.Lookups.Questions.Mean }, looked},
	{"recall", "%", func(r *Result) float64 { return 100 * r.Lookups.Recall }, looked},
	{"store, median", "ms", func(r *Result) float64 { return r.Stores.Took.P50 }, func(r *Result) bool { return r.Stores.Took.Count > 0 }},
	{"upkeep", "B/node/s", func(r *Result) float64 { return r.Upkeep.Bytes }, always},
	{"hot key, the busiest is asked", "%", func(r *Result) float64 { return 100 * r.Busiest }, hot},
	{"hot key, who gives most gives", "%", func(r *Result) float64 { return 100 * r.Gave }, hot},
	{"copy replaced, p99", "s", func(r *Result) float64 { return r.Repair.P99 }, func(r *Result) bool { return r.Repair.Count > 0 }},
	{"values lost", "", func(r *Result) float64 { return float64(r.Lost) }, func(r *Result) bool { return r.Acknowledged > 0 }},
}

func found(r *Result) bool  { return r.Finds.Took.Count > 0 }
func looked(r *Result) bool { return r.Lookups.Took.Count > 0 }
func hot(r *Result) bool    { return r.Busiest > 0 }
func always(*Result) bool   { return true }

func percent(part, whole int) float64 { return 100 * float64(part) / float64(max(1, whole)) }

// Point is some runs with the same parameters and different seeds.
type Point struct {
	Value   string    `json:"value"` // of the parameter that is swept
	Results []*Result `json:"results"`

	Interrupted bool `json:"interrupted,omitempty"` // this is as far as it came
}

// Measures reports whether all runs have what m is of: of no finds there is no
// median, though it reads 0.
func (p Point) Measures(m Metric) bool {
	return !slices.ContainsFunc(p.Results, func(r *Result) bool { return !m.Measured(r) })
}

// Estimate is the mean of m over the seeds, and how far from it the true one
// is at the most, with 95 in 100 chances (Student's t); 0 for a single seed.
func (p Point) Estimate(m Metric) (mean, margin float64) {
	n := float64(len(p.Results))
	for _, r := range p.Results {
		mean += m.Of(r) / n
	}
	if n < 2 {
		return mean, 0
	}
	squares := 0.0
	for _, r := range p.Results {
		squares += (m.Of(r) - mean) * (m.Of(r) - mean)
	}
	return mean, student(int(n)-1) * math.Sqrt(squares/(n-1)/n)
}

// student is the two-sided 95 % quantile of Student's distribution.
func student(freedom int) float64 {
	table := []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
		2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042}
	if freedom <= len(table) {
		return table[freedom-1]
	}
	return 1.96 + 2.4/float64(freedom)
}

// Sweep runs config with each of the values of the parameter and, each time,
// with seeds seeds from config.Seed on. Without a parameter there is one point.
// With an error come the runs that have ended; if ctx ends the first of all, that
// one as far as it came.
func Sweep(ctx context.Context, config Config, parameter string, values []string, seeds int, tell func(Progress)) ([]Point, error) {
	if parameter == "" {
		values = []string{""}
	}
	var points []Point
	for i, value := range values {
		point := Point{Value: value}
		for seed := range seeds {
			c := config
			if parameter != "" {
				if err := Set(&c, parameter, value); err != nil {
					return interrupted(points), fmt.Errorf("sweep: %w", err)
				}
			}
			if err := Set(&c, "seed", strconv.FormatUint(c.Seed+uint64(seed), 10)); err != nil {
				return interrupted(points), fmt.Errorf("sweep: %w", err)
			}
			r, err := Run(ctx, c, func(p Progress) {
				if tell != nil {
					p.Run, p.Runs = i*seeds+seed+1, len(values)*seeds
					tell(p)
				}
			})
			ended := r != nil && !r.Interrupted
			if ended || r != nil && len(points)+len(point.Results) == 0 {
				point.Results = append(point.Results, r)
			}
			if err != nil && ended && i == len(values)-1 && seed == seeds-1 {
				return append(points, point), err
			}
			if err != nil {
				return interrupted(append(points, point)), err
			}
		}
		points = append(points, point)
	}
	return points, nil
}

// interrupted says so of the last of the points that have results.
func interrupted(points []Point) []Point {
	last := len(points) - 1
	if last >= 0 && len(points[last].Results) == 0 {
		points, last = points[:last], last-1
	}
	if last >= 0 {
		points[last].Interrupted = true
	}
	return points
}
