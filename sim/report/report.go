// Package report draws what simulations have come to, on a page that needs
// nothing else: one file of HTML with its plots as SVG, to be read offline, in
// light and dark, on paper too.
//
// It owns nothing and runs nothing: it is given the points of sim.Sweep. What a
// run has nothing of, as finds when none were asked for, is left out of the page.
//
// Read report.go for the order of the page, tables.go for its numbers, plot.go
// and axis.go for how anything is drawn, and one file each for what is:
// latency.go, effort.go, timeline.go, load.go, survival.go, sweep.go.
package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/khashmir/kad/sim"
)

//go:embed page.html
var source string

var layout = template.Must(template.New("page").Parse(source))

// page is all that the layout needs.
type page struct {
	Title    string
	Facts    []fact
	How      string
	Tables   []table
	Sections []section
	Traces   []trace
	Left     int // traces that are not shown
}

// section is figures of one kind. Small ones are three in a row.
type section struct {
	ID      string
	Title   string
	Small   bool
	Note    string // what is to be said of all figures
	Figures []figure
}

// figure is a plot and what it shows.
type figure struct {
	SVG     template.HTML
	Title   string
	Caption string
}

// Write draws the points of a sweep of parameter, which is empty if there was
// none. There is a point at least, and each has a result.
func Write(w io.Writer, parameter string, points []sim.Point) error {
	if len(points) == 0 || slices.ContainsFunc(points, func(p sim.Point) bool { return len(p.Results) == 0 || slices.Contains(p.Results, nil) }) {
		return errors.New("report: there are no results")
	}
	runs := chosen(parameter, points)
	p := heading(parameter, points)
	p.Tables = tables(parameter, points)
	p.Sections = slices.DeleteFunc([]section{
		metrics(parameter, points),
		latencies(runs),
		efforts(runs),
		timelines(runs),
		loads(runs),
		survival(parameter, points),
	}, func(s section) bool { return len(s.Figures) == 0 })
	var b bytes.Buffer // so that an error leaves nothing half written
	if err := layout.Execute(&b, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

// run is one whose course is drawn. Several are drawn in one plot, a line each.
type run struct {
	*sim.Result
	all   []*sim.Result // with all seeds, of which it is the first
	label string        // what makes it another than the rest; "" if it is alone
}

// overlaid is how many lines a plot has at the most: more cannot be told apart.
const overlaid = 8

// chosen are the first run of each point, or of some of them from end to end.
func chosen(parameter string, points []sim.Point) []run {
	n := min(len(points), overlaid)
	runs := make([]run, n)
	for i := range n {
		p := points[i*(len(points)-1)/max(1, n-1)]
		runs[i].Result, runs[i].all = p.Results[0], p.Results
		if len(points) > 1 {
			runs[i].label = setting(parameter, p.Value)
		}
	}
	return runs
}

// setting is a value of the parameter, short enough for a legend.
func setting(parameter, value string) string {
	if runes := []rune(value); len(runes) > 20 {
		value = "…" + string(runes[len(runes)-19:]) // of a path the end tells more
	}
	return strings.TrimPrefix(parameter+" ", " ") + value
}

// over says what a figure is of: how many nodes, which seeds.
func over(runs []run) string {
	var results []*sim.Result
	for _, r := range runs {
		results = append(results, r.Result)
	}
	return overResults(results)
}

func overResults(results []*sim.Result) string {
	var nodes []string
	var seeds []uint64
	for _, r := range results {
		nodes, seeds = append(nodes, whole(r.Nodes)), append(seeds, r.Seed)
	}
	name, list := seedList(seeds)
	return fmt.Sprintf("%s nodes, %s %s", distinct(nodes), strings.ToLower(name), list)
}

// seedList is each seed once, and what they are called together.
func seedList(seeds []uint64) (name, list string) {
	slices.Sort(seeds)
	seeds = slices.Compact(seeds)
	first, last := seeds[0], seeds[len(seeds)-1]
	switch {
	case first == last:
		return "Seed", fmt.Sprint(first)
	case len(seeds) > 2 && last-first == uint64(len(seeds)-1):
		return "Seeds", fmt.Sprintf("%d to %d", first, last)
	}
	return "Seeds", strings.ReplaceAll(strings.Trim(fmt.Sprint(seeds), "[]"), " ", ", ")
}

// distinct lists texts in their order, each once.
func distinct(texts []string) string {
	var once []string
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return strings.Join(once, " / ")
}
