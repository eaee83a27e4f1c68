// Package floors measures what each layer of ours costs beside what it cannot
// go below: the bare packet, raw quic-go, a bare SQLite transaction, the bytes
// copied. Each pair runs turn about in one process, both ends of what is asked
// in it, so that CPU is what both ends spend.
//
// It uses our packages from outside, as they are.
package floors

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/khashmir/kad/bench/work"
)

// Cost is of one operation.
type Cost struct {
	What        string  `json:"what"`
	WallUS      float64 `json:"wall_us"`
	CPUUS       float64 `json:"cpu_us"`
	Allocations float64 `json:"allocations"`
}

// Floor is what ours costs, and what it cannot go below.
type Floor struct {
	Ours   Cost   `json:"ours"`
	Limits []Cost `json:"limits"`
}

// task does something count times. It is prepared already.
type task struct {
	what string
	do   func(count int) error
}

// pair is ours and its limits, and how to clear up.
type pair struct {
	name  string
	tasks []task // ours first
	close func() error
}

// Measure takes every floor: each task for about so long, so many times.
func Measure(ctx context.Context, about time.Duration, rounds int) (floors []Floor, err error) {
	for _, prepare := range []func(dir string) ([]pair, error){questions, puts, messages, tables} {
		pairs, err := inTemporaryDir(prepare)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			if ctx.Err() == nil {
				var floor Floor
				if floor, err = p.measure(about, rounds); err == nil {
					floors = append(floors, floor)
				}
			}
			if closing := p.close(); err == nil {
				err = closing
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return floors, ctx.Err()
}

func (p pair) measure(about time.Duration, rounds int) (Floor, error) {
	each := make([][]Cost, len(p.tasks))
	counts := make([]int, len(p.tasks))
	for i, t := range p.tasks {
		var err error
		if counts[i], err = t.count(about); err != nil {
			return Floor{}, err
		}
	}
	for range rounds {
		for i, t := range p.tasks {
			c, err := t.cost(counts[i])
			if err != nil {
				return Floor{}, err
			}
			each[i] = append(each[i], c)
		}
	}
	f := Floor{Ours: median(each[0])}
	for _, costs := range each[1:] {
		f.Limits = append(f.Limits, median(costs))
	}
	return f, nil
}

// count is how often the task can be done in about that time.
func (t task) count(about time.Duration) (int, error) {
	for count := 16; ; count *= 4 {
		c, err := t.cost(count)
		if err != nil {
			return 0, err
		}
		if took := c.WallUS * float64(count) / 1e6; took >= about.Seconds()/8 {
			return max(16, int(float64(count)*about.Seconds()/took)), nil
		}
	}
}

func (t task) cost(count int) (Cost, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := work.Now()
	if err := t.do(count); err != nil {
		return Cost{}, fmt.Errorf("%s: %w", t.what, err)
	}
	took := begun.Since()
	runtime.ReadMemStats(&after)
	each := float64(count)
	return Cost{
		What:        t.what,
		WallUS:      took.Wall.Seconds() * 1e6 / each,
		CPUUS:       took.CPU.Seconds() * 1e6 / each,
		Allocations: float64(after.Mallocs-before.Mallocs) / each,
	}, nil
}

// median is that of each figure by itself.
func median(costs []Cost) Cost {
	middle := func(of func(Cost) float64) float64 {
		values := make([]float64, len(costs))
		for i, c := range costs {
			values[i] = of(c)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return Cost{
		What:        costs[0].What,
		WallUS:      middle(func(c Cost) float64 { return c.WallUS }),
		CPUUS:       middle(func(c Cost) float64 { return c.CPUUS }),
		Allocations: middle(func(c Cost) float64 { return c.Allocations }),
	}
}
