package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/bench/growth"
	"github.com/khashmir/kad/bench/plot"
	"github.com/khashmir/kad/bench/work"
)

// GrowthReport is how our costs grow.
type GrowthReport struct {
	Date    string        `json:"date"`
	Machine Machine       `json:"machine"`
	Version string        `json:"version"`
	Axes    []growth.Axis `json:"axes"`
}

// extent is how far along each axis it goes.
type extent struct{ nodes, entries, sizes, callers []int }

var (
	whole = extent{
		nodes:   []int{10, 50, 200, 500, 1000, 2000},
		entries: []int{1e3, 1e4, 1e5, 1e6},
		sizes:   []int{100, 1 << 10, 4 << 10, 16 << 10, 64 << 10},
		callers: []int{1, 4, 16, 64, 256},
	}
	quick = extent{
		nodes:   []int{10, 50, 200},
		entries: []int{1e3, 1e4, 1e5},
		sizes:   []int{100, 4 << 10, 64 << 10},
		callers: []int{1, 16, 64},
	}
)

func growthCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "growth", Short: "How the costs of ours grow with nodes, entries, sizes and callers",
		Args: cobra.NoArgs,
	}
	short := c.Flags().Bool("quick", false, "go less far along each axis: half a minute")
	how := formatFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := how.check(); err != nil {
			return err
		}
		reach := whole
		if *short {
			reach = quick
		}
		r := GrowthReport{Date: today(), Machine: thisMachine(), Version: ourVersion(c.Context())}
		for _, measure := range []func(context.Context, io.Writer, extent) (growth.Axis, error){alongNodes, alongEntries, alongSizes, alongCallers} {
			axis, err := measure(c.Context(), c.ErrOrStderr(), reach)
			if err != nil {
				return err
			}
			r.Axes = append(r.Axes, axis)
		}
		return how.write(c.OutOrStdout(), r)
	}
	return c
}

// alongNodes is of networks; nothing in them may grow faster than log N.
func alongNodes(ctx context.Context, progress io.Writer, e extent) (growth.Axis, error) {
	a := growth.Axis{Title: "a network", Of: "nodes", Lines: []growth.Line{
		{Name: "questions a store", Log: true}, {Name: "questions a find", Log: true},
		{Name: "CPU ms a store", Log: true}, {Name: "CPU ms a find", Log: true},
		{Name: "boot, CPU ms a node", Log: true}, {Name: "memory KiB a node", Log: true},
	}}
	w := work.Work{Contacts: 3, Stores: 100, Burst: 1, Callers: 1, Readers: 3, ValueSize: 100, Seed: 1}
	return along(ctx, progress, a, e.nodes, func(x int) work.Work { w.Nodes = x; return w }, func(x int, f work.Figures) []float64 {
		return []float64{f.StoreQuestions, f.FindQuestions, f.StoreCPUMS, f.FindCPUMS, f.BootCPUS * 1000 / float64(x), f.MemoryKiB}
	})
}

func alongEntries(ctx context.Context, progress io.Writer, e extent) (growth.Axis, error) {
	fmt.Fprintf(progress, "entries: %v\n", e.entries)
	return growth.Entries(ctx, e.entries)
}

// alongSizes is of values in a network of 50: linear in their length at the most.
func alongSizes(ctx context.Context, progress io.Writer, e extent) (growth.Axis, error) {
	a := growth.Axis{Title: "50 nodes, 1 caller", Of: "bytes of a value", Lines: []growth.Line{
		{Name: "store, median ms", Limit: 1}, {Name: "find, median ms", Limit: 1},
		{Name: "CPU ms a store", Limit: 1}, {Name: "CPU ms a find", Limit: 1},
	}}
	w := work.Work{Nodes: 50, Contacts: 3, Stores: 50, Burst: 1, Callers: 1, Readers: 3, Seed: 1}
	return along(ctx, progress, a, e.sizes, func(x int) work.Work { w.ValueSize = x; return w }, func(_ int, f work.Figures) []float64 {
		return []float64{f.StoreP50MS, f.FindP50MS, f.StoreCPUMS, f.FindCPUMS}
	})
}

// alongCallers is of operations at once: each takes the network no longer.
func alongCallers(ctx context.Context, progress io.Writer, e extent) (growth.Axis, error) {
	a := growth.Axis{Title: "50 nodes, us an operation", Of: "callers", Lines: []growth.Line{{Name: "store"}, {Name: "find"}}}
	w := work.Work{Nodes: 50, Contacts: 3, Stores: 1, Burst: 1000, Readers: 3, ValueSize: 100, Seed: 1}
	return along(ctx, progress, a, e.callers, func(x int) work.Work { w.Callers = x; return w }, func(_ int, f work.Figures) []float64 {
		return []float64{1e6 / f.StoresPerS, 1e6 / f.FindsPerS}
	})
}

// along does some work for each x, each in a process of its own.
func along(ctx context.Context, progress io.Writer, a growth.Axis, xs []int, of func(x int) work.Work, y func(x int, f work.Figures) []float64) (growth.Axis, error) {
	path, err := os.Executable()
	if err != nil {
		return a, err
	}
	for _, x := range xs {
		got, err := run(ctx, runMemory, slices.Concat([]string{path, "one", variantFile}, inJSON(of(x))))
		if err != nil {
			return a, fmt.Errorf("%d %s: %w", x, a.Of, err)
		}
		if f := got.figures; f.Stored < f.Tried || f.Found < f.Searched {
			fmt.Fprintf(progress, "%d %s: stored %d of %d, found %d of %d: %s\n", x, a.Of, f.Stored, f.Tried, f.Found, f.Searched, f.Failure)
		}
		fmt.Fprintf(progress, "%d %s, %.1f s\n", x, a.Of, got.took.Seconds())
		a.Add(float64(x), y(x, got.figures)...)
	}
	a.Fit()
	return a, nil
}

func (r GrowthReport) tables() (tables []table) {
	for i, a := range r.Axes {
		t := table{head: []string{a.Title + ", by " + a.Of}}
		if i == 0 {
			t.before = []string{fmt.Sprintf("%s, %s; %s.", r.Date, r.Machine, r.Version)}
		}
		for _, x := range a.X {
			t.head = append(t.head, number(x))
		}
		t.head = append(t.head, "exponent", "no faster than")
		for j, l := range a.Lines {
			line := []string{l.Name}
			for _, y := range l.Y {
				line = append(line, number(y))
			}
			t.add(append(line, fmt.Sprintf("%.2f", l.Exponent), allowance(l)+": "+yesNo(a.Within(j)))...)
		}
		tables = append(tables, t)
	}
	return tables
}

func allowance(l growth.Line) string {
	switch {
	case l.Log:
		return "log N"
	case l.Limit == 0:
		return "constant"
	}
	return "linear"
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "NO"
}

func (r GrowthReport) svg() []byte {
	var charts []plot.Chart
	for _, a := range r.Axes {
		c := plot.Chart{Title: a.Title, Across: a.Of}
		for _, l := range a.Lines {
			c.Lines = append(c.Lines, plot.Line{Name: fmt.Sprintf("%s (%.2f)", l.Name, l.Exponent), X: a.X, Y: l.Y})
		}
		charts = append(charts, c)
	}
	return plot.Charts("How the costs of ours grow, "+r.Date+" (exponents)", charts)
}
