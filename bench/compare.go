package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/bench/work"
)

// many is how many nodes are tried in one process, for the last row.
const many = 1000

// Report is what a comparison showed.
type Report struct {
	Date    string    `json:"date"`
	Machine Machine   `json:"machine"`
	Work    work.Work `json:"work"`
	Runs    int       `json:"runs"`
	Entries []Entry   `json:"entries"`
}

// Entry is one contestant's part of it.
type Entry struct {
	Name    string         `json:"name"`
	Title   string         `json:"title"`
	Ours    bool           `json:"ours"`
	Version string         `json:"version,omitempty"`
	Missing string         `json:"missing,omitempty"` // why it did not take part, and how to get it
	Median  work.Figures   `json:"median"`            // of each figure, over the runs
	Each    []work.Figures `json:"each,omitempty"`
	Failed  []string       `json:"failed,omitempty"` // runs that gave no figures
	Many    *Many          `json:"many,omitempty"`
}

// Many is whether a thousand nodes lived in one process.
type Many struct {
	OK        bool    `json:"ok"`
	Why       string  `json:"why,omitempty"` // not
	MemoryMiB float64 `json:"memory_mib"`    // after boot, or the most that was seen
	TookS     float64 `json:"took_s"`
}

func compareCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "bench", Short: "Sets our network beside its peers, on the same work",
		Args: cobra.NoArgs,
	}
	w := workFlags(c)
	f := c.Flags()
	runs := f.Int("runs", 1, "how often each network does the work, turn about; figures are medians")
	only := f.StringSlice("only", nil, "which networks (file, memory, streams, libp2p, opendht); default: all")
	thousand := f.Bool("thousand", true, "also try a thousand nodes in one process")
	how := formatFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := errors.Join(checked(*w), how.check()); err != nil {
			return err
		}
		if *runs < 1 {
			return fmt.Errorf("at least 1 run is wanted, not %d", *runs)
		}
		taking, err := chosen(*only)
		if err != nil {
			return err
		}
		contest := contest{work: *w, runs: *runs, thousand: *thousand, progress: c.ErrOrStderr()}
		report, err := contest.hold(c.Context(), taking)
		if err != nil {
			return err
		}
		return how.write(c.OutOrStdout(), report)
	}
	return c
}

func chosen(names []string) (taking []contestant, err error) {
	all := contestants()
	for _, c := range all {
		if len(names) == 0 || slices.Contains(names, c.name) {
			taking = append(taking, c)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(c contestant) bool { return c.name == name }) {
			return nil, fmt.Errorf("no network is called %q", name)
		}
	}
	return taking, nil
}

// contest is how they are compared.
type contest struct {
	work     work.Work
	runs     int
	thousand bool
	progress io.Writer
}

func (c contest) hold(ctx context.Context, taking []contestant) (Report, error) {
	dir, err := os.MkdirTemp("", "khashmir-bench-peers-*")
	if err != nil {
		return Report{}, fmt.Errorf("make a directory for the peers' programs: %w", err)
	}
	defer os.RemoveAll(dir)
	r := Report{Date: today(), Machine: thisMachine(), Work: c.work, Runs: c.runs}
	commands := make([][]string, len(taking))
	for i, t := range taking {
		e := Entry{Name: t.name, Title: t.title, Ours: t.ours}
		if commands[i], e.Version, err = t.prepare(ctx, dir); err != nil {
			e.Missing = fmt.Sprintf("not measured (%s); to have it: %s", oneLine(err), t.get)
			fmt.Fprintf(c.progress, "%s: %s\n", t.title, e.Missing)
		}
		r.Entries = append(r.Entries, e)
	}
	for nth := range c.runs {
		w := c.work
		w.Seed += uint64(nth)
		for i := range taking {
			c.once(ctx, fmt.Sprintf("run %d of %d", nth+1, c.runs), &r.Entries[i], commands[i], taking[i].arguments(w))
		}
	}
	for i := range taking {
		e := &r.Entries[i]
		e.Median = median(e.Each)
		if c.thousand && commands[i] != nil {
			e.Many = c.many(ctx, e, append(slices.Clone(commands[i]), taking[i].arguments(work.Work{Nodes: many, Contacts: c.work.Contacts, Seed: c.work.Seed})...))
		}
	}
	return r, ctx.Err()
}

func (c contest) once(ctx context.Context, which string, e *Entry, command, arguments []string) {
	if command == nil || ctx.Err() != nil {
		return
	}
	got, err := run(ctx, runMemory, append(slices.Clone(command), arguments...))
	if err != nil {
		e.Failed = append(e.Failed, oneLine(err))
		fmt.Fprintf(c.progress, "%s: %s failed after %.1f s: %s\n", which, e.Title, got.took.Seconds(), oneLine(err))
		return
	}
	e.Each = append(e.Each, got.figures)
	fmt.Fprintf(c.progress, "%s: %s, %.1f s\n", which, e.Title, got.took.Seconds())
}

// many tries a thousand nodes: once, and to boot only.
func (c contest) many(ctx context.Context, e *Entry, command []string) *Many {
	if ctx.Err() != nil {
		return nil
	}
	const mib = 1 << 20
	got, err := run(ctx, manyMemory, command)
	m := &Many{OK: err == nil, MemoryMiB: float64(got.peak) / mib, TookS: got.took.Seconds()}
	if err != nil {
		m.Why = oneLine(err)
	} else {
		m.MemoryMiB = got.figures.MemoryKiB * many / 1024
	}
	fmt.Fprintf(c.progress, "%d nodes: %s, %.1f s %s\n", many, e.Title, m.TookS, m.Why)
	return m
}

// median is that of each figure by itself. Counts are summed up, and the first
// failure stays.
func median(each []work.Figures) (m work.Figures) {
	into := reflect.ValueOf(&m).Elem()
	for field := range into.NumField() {
		var values []float64
		for _, f := range each {
			switch v := reflect.ValueOf(f).Field(field); v.Kind() {
			case reflect.Float64:
				values = append(values, v.Float())
			case reflect.Int:
				into.Field(field).SetInt(into.Field(field).Int() + v.Int())
			case reflect.String:
				if into.Field(field).String() == "" {
					into.Field(field).SetString(v.String())
				}
			}
		}
		if len(values) > 0 {
			into.Field(field).SetFloat(middle(values))
		}
	}
	return m
}

// middle is the median; of an even number the mean of the two in the middle.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", ": ") }
