package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/bench/load"
	"github.com/khashmir/kad/bench/plot"
)

// LoadReport is how much a node of package mainline answers.
type LoadReport struct {
	Date    string  `json:"date"`
	Machine Machine `json:"machine"`
	Version string  `json:"version"`
	*load.Report
}

func mainlineCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "mainline", Short: "How much a node of BitTorrent's DHT answers, beside a bare echo",
		Args: cobra.NoArgs,
	}
	about := c.Flags().Duration("time", 300*time.Millisecond, "how long each kind of question is asked, each time")
	rounds := c.Flags().Int("rounds", 9, "how often, turn about; figures are medians")
	how := formatFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		switch err := how.check(); {
		case err != nil:
			return err
		case *rounds < 1 || *about < 10*time.Millisecond:
			return fmt.Errorf("at least 1 round of 10 ms is wanted")
		}
		path, err := os.Executable()
		if err != nil {
			return err
		}
		r := LoadReport{Date: today(), Machine: thisMachine(), Version: ourVersion(c.Context())}
		if r.Report, err = load.Measure(c.Context(), []string{path, "serve"}, *about, *rounds); err != nil {
			return err
		}
		return how.write(c.OutOrStdout(), r)
	}
	return c
}

// serveCommand is what this program runs itself as, for whoever is asked.
func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve WHAT", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return load.Serve(c.Context(), args[0], c.InOrStdin(), c.OutOrStdout())
		},
	}
}

func (r LoadReport) tables() []table {
	t := table{
		before: []string{
			fmt.Sprintf("%s, %s; %s.", r.Date, r.Machine, r.Version),
			fmt.Sprintf("%d contacts in the table. CPU is the server's alone, which has one core; its median and its ratio are over the rounds, turn about.", r.Contacts),
		},
		head: []string{fmt.Sprintf("%d in flight", load.InFlight), "answered a second", "CPU-s a 100,000", "CPU: to the echo's", "one in flight: p50 us", "p99 us"},
	}
	for _, a := range r.Answered {
		t.add(a.What, number(a.PerS), number(a.CPUS), "x"+number(a.ToEcho), number(a.P50US), number(a.P99US))
	}
	return []table{t}
}

// svg has a bar for each kind of question, beside the echo's.
func (r LoadReport) svg() []byte {
	var groups []plot.Group
	for _, a := range r.Answered[1:] {
		groups = append(groups, plot.Group{Name: a.What + ", CPU a 100,000", Unit: "s", Values: []float64{a.CPUS, r.Answered[0].CPUS}})
	}
	return plot.Bars("What a node of BitTorrent's DHT answers, "+r.Date, []string{"ours", "bare echo"}, groups)
}
