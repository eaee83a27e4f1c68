package main

import (
	"fmt"
	"slices"

	"github.com/khashmir/kad/bench/plot"
)

// tables are the figures beside each other, and how often ours goes into theirs.
func (r Report) tables() []table {
	return []table{r.figures(), r.ratios()}
}

func (r Report) figures() table {
	w := r.Work
	t := table{head: []string{fmt.Sprintf("%d nodes", w.Nodes), "ours, at least"}}
	t.before = []string{
		fmt.Sprintf("%s, %s.", r.Date, r.Machine),
		fmt.Sprintf("%d nodes in one process on loopback, %d random contacts each; %d stores of %d bytes by one caller, %d by %d callers, "+
			"each value then found by %d who do not hold it. Medians of %d runs, turn about, each in a process of its own.",
			w.Nodes, w.Contacts, w.Stores, w.ValueSize, w.Burst, w.Callers, w.Readers, r.Runs),
	}
	for _, e := range r.Entries {
		t.head = append(t.head, e.Title)
	}
	for _, row := range rows() {
		line := []string{row.name, row.target()}
		for _, e := range r.Entries {
			cell := ""
			if len(e.Each) > 0 {
				cell = row.cell(e.Median)
			}
			line = append(line, cell)
		}
		t.add(line...)
	}
	last := []string{fmt.Sprintf("%d nodes in one process", many), fmt.Sprintf("yes, <= %d MiB", manyTarget)}
	for _, e := range r.Entries {
		last = append(last, e.manyCell())
	}
	t.add(last...)
	t.after = r.remarks()
	return t
}

// remarks are the versions, what went wrong, and what is not the same for all.
func (r Report) remarks() (lines []string) {
	for _, e := range r.Entries {
		switch f := e.Median; {
		case e.Missing != "":
			lines = append(lines, e.Title+": "+e.Missing+".")
			continue
		case f.Stored < f.Tried || f.Found < f.Searched || f.Failure != "":
			lines = append(lines, fmt.Sprintf("%s: stored %d of %d, found %d of %d. %s", e.Title, f.Stored, f.Tried, f.Found, f.Searched, f.Failure))
		}
		for _, failed := range e.Failed {
			lines = append(lines, e.Title+": a run failed: "+failed+".")
		}
		if line := e.Title + ": " + e.Version + "."; !e.Ours || e.Name == variantFile {
			lines = append(lines, line)
		}
	}
	for _, row := range rows() {
		if row.note != "" {
			lines = append(lines, row.name+": "+row.note)
		}
	}
	return append(lines, fmt.Sprintf("%d nodes: booted once; no means that it did not end well, took more than %v, or passed %d GiB.", many, runLimit, manyMemory>>30))
}

// ratios say for each row whether ours, as it is judged, is where it is asked
// to be, and how many times better than each peer. Below 1 it is worse.
func (r Report) ratios() table {
	t := table{head: []string{"ours against", "as asked"}}
	judged := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Name == variantFile && len(e.Each) > 0 })
	if judged < 0 {
		return table{}
	}
	ours := r.Entries[judged]
	for _, e := range r.Entries {
		if !e.Ours {
			t.head = append(t.head, e.Title)
		}
	}
	for _, row := range rows() {
		line := []string{row.name, row.verdict(ours.Median)}
		for _, e := range r.Entries {
			switch {
			case e.Ours:
			case len(e.Each) == 0:
				line = append(line, "")
			default:
				line = append(line, row.ratio(ours.Median, e.Median))
			}
		}
		t.add(line...)
	}
	if m := ours.Many; m != nil {
		line := []string{fmt.Sprintf("%d nodes in one process", many), verdict(m.OK && m.MemoryMiB <= manyTarget)}
		t.add(append(line, slices.Repeat([]string{""}, len(t.head)-2)...)...)
	}
	return t
}

// svg has a bar for each figure of each network.
func (r Report) svg() []byte {
	var groups []plot.Group
	for _, row := range rows() {
		for _, f := range row.figures {
			g := plot.Group{Name: f.name, Unit: f.unit, More: f.more, Target: f.target}
			for _, e := range r.Entries {
				value := 0.0
				if len(e.Each) > 0 {
					value = f.of(e.Median)
				}
				g.Values = append(g.Values, value)
			}
			groups = append(groups, g)
		}
	}
	var titles []string
	for _, e := range r.Entries {
		titles = append(titles, e.Title)
	}
	return plot.Bars(fmt.Sprintf("%d nodes, %s: %s", r.Work.Nodes, r.Date, r.Machine.CPU), titles, groups)
}
