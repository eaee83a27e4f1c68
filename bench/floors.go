package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/bench/floors"
	"github.com/khashmir/kad/bench/plot"
)

// FloorsReport is what each layer of ours costs beside its limits.
type FloorsReport struct {
	Date    string         `json:"date"`
	Machine Machine        `json:"machine"`
	Version string         `json:"version"`
	Floors  []floors.Floor `json:"floors"`
}

func floorsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "floors", Short: "What each layer of ours costs beside what it cannot go below",
		Args: cobra.NoArgs,
	}
	about := c.Flags().Duration("time", 300*time.Millisecond, "about how long each is measured, each time")
	rounds := c.Flags().Int("rounds", 5, "how often, turn about; figures are medians")
	how := formatFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		switch err := how.check(); {
		case err != nil:
			return err
		case *rounds < 1 || *about < time.Millisecond:
			return fmt.Errorf("at least 1 round of 1 ms is wanted")
		}
		r := FloorsReport{Date: today(), Machine: thisMachine(), Version: ourVersion(c.Context())}
		var err error
		r.Floors, err = floors.Measure(c.Context(), *about, *rounds)
		if err != nil {
			return err
		}
		return how.write(c.OutOrStdout(), r)
	}
	return c
}

func (r FloorsReport) tables() []table {
	t := table{
		before: []string{
			fmt.Sprintf("%s, %s; %s.", r.Date, r.Machine, r.Version),
			"Both ends of a question are in the figures; so the CPU is the better measure of it.",
		},
		head: []string{"one operation", "wall us", "CPU us", "allocations", "CPU: of ours to it"},
	}
	for _, f := range r.Floors {
		t.add(f.Ours.What, number(f.Ours.WallUS), number(f.Ours.CPUUS), number(f.Ours.Allocations), "")
		for _, l := range f.Limits {
			times := ""
			if l.CPUUS > 0 {
				times = "x" + number(f.Ours.CPUUS/l.CPUUS)
			}
			t.add("  beside "+l.What, number(l.WallUS), number(l.CPUUS), number(l.Allocations), times)
		}
	}
	return []table{t}
}

// svg has a bar for each floor.
func (r FloorsReport) svg() []byte {
	var groups []plot.Group
	for _, f := range r.Floors {
		g := plot.Group{Name: f.Ours.What + ", CPU", Unit: "us", Values: []float64{f.Ours.CPUUS}}
		for _, l := range f.Limits {
			g.Values = append(g.Values, l.CPUUS)
		}
		groups = append(groups, g)
	}
	return plot.Bars("What each layer costs beside its limits, "+r.Date, []string{"ours", "its first limit", "its second"}, groups)
}
