package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/khashmir/kad/bench/work"
)

// row is a line of the table: one figure, or two that belong together.
type row struct {
	name    string
	figures []figure
	note    string // what is not the same for all
}

// figure is a number, and what is asked of ours.
type figure struct {
	name   string // where the row has two
	of     func(work.Figures) float64
	target float64
	more   bool // is better
	unit   string
}

// rows are those of the table that we are judged by.
func rows() []row {
	type f = work.Figures
	return []row{
		{name: "boot to settled, wall / CPU s", note: noteBoot, figures: []figure{
			{name: "boot, wall", of: func(f f) float64 { return f.BootS }, target: 2, unit: "s"},
			{name: "boot, CPU", of: func(f f) float64 { return f.BootCPUS }, target: 4, unit: "s"},
		}},
		{name: "store p50 / p99 ms, 1 caller", note: noteStore, figures: []figure{
			{name: "store, median", of: func(f f) float64 { return f.StoreP50MS }, target: 1.4, unit: "ms"},
			{name: "store, p99", of: func(f f) float64 { return f.StoreP99MS }, target: 2.5, unit: "ms"},
		}},
		{name: "find, first value p50 ms", figures: []figure{
			{name: "first value, median", of: func(f f) float64 { return f.FirstP50MS }, target: 0.6, unit: "ms"}}},
		{name: "whole find p50 ms", note: noteFind, figures: []figure{
			{name: "whole find, median", of: func(f f) float64 { return f.FindP50MS }, target: 1.2, unit: "ms"}}},
		{name: "stores/s, finds/s, many callers", figures: []figure{
			{name: "stores/s", of: func(f f) float64 { return f.StoresPerS }, target: 1300, more: true, unit: "/s"},
			{name: "finds/s", of: func(f f) float64 { return f.FindsPerS }, target: 1500, more: true, unit: "/s"},
		}},
		{name: "questions a store / find", note: noteQuestions, figures: []figure{
			{name: "questions a store", of: func(f f) float64 { return f.StoreQuestions }, target: 20},
			{name: "questions a find", of: func(f f) float64 { return f.FindQuestions }, target: 12},
		}},
		{name: "memory a node after boot, KiB", note: noteMemory, figures: []figure{
			{name: "memory a node", of: func(f f) float64 { return f.MemoryKiB }, target: 400, unit: "KiB"}}},
		{name: "goroutines a node", note: noteGoroutines, figures: []figure{
			{name: "goroutines a node", of: func(f f) float64 { return f.Goroutines }, target: 8}}},
	}
}

// manyTarget is what a thousand of ours may take, in MiB.
const manyTarget = 1024

// The notes: what is not the same for all.
const (
	noteBoot = "ours and go-libp2p say when a node has looked for its place; OpenDHT does so by a timer, 3 to 5 s after the start, " +
		"and counts as settled when its tables then stop growing. Its CPU is the fair half."
	noteStore = "a store of ours ends when 8 nodes have committed the value to SQLite (in memory: have it), " +
		"of go-libp2p when 20 have it in memory, of OpenDHT when 8 have it in memory."
	noteFind      = "a find of ours ends when the 8 closest that live have answered, of OpenDHT likewise, of go-libp2p with the 20 closest."
	noteQuestions = "all that all nodes ask meanwhile, upkeep such as pings and handing over included; of go-libp2p only what reaches its DHT " +
		"(identify and connections come on top), of OpenDHT what it counts as sent."
	noteMemory     = "resident memory of the process above what it was before the first node, garbage not yet collected included."
	noteGoroutines = "OpenDHT's are threads."
)

// cell is what stands in the table for f.
func (r row) cell(f work.Figures) string {
	return r.each(func(fig figure) string { return number(fig.of(f)) })
}

func (r row) target() string {
	return r.each(func(fig figure) string {
		if fig.more {
			return ">= " + number(fig.target)
		}
		return "<= " + number(fig.target)
	})
}

// ratio is how many times ours is better than theirs.
func (r row) ratio(ours, theirs work.Figures) string {
	return r.each(func(fig figure) string { return "x" + number(fig.better(fig.of(ours), fig.of(theirs))) })
}

func (r row) each(text func(figure) string) string {
	parts := make([]string, len(r.figures))
	for i, f := range r.figures {
		parts[i] = text(f)
	}
	return strings.Join(parts, " / ")
}

// verdict says whether ours is where it is asked to be.
func (r row) verdict(ours work.Figures) string {
	return r.each(func(f figure) string { return verdict(f.reached(f.of(ours))) })
}

func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "NOT reached"
}

func (f figure) reached(value float64) bool {
	if f.more {
		return value >= f.target
	}
	return value <= f.target
}

// better is how many times; below 1 it is worse.
func (f figure) better(ours, theirs float64) float64 {
	if f.more {
		ours, theirs = theirs, ours
	}
	if ours == 0 {
		return 0
	}
	return theirs / ours
}

// many is the last row.
func (e Entry) manyCell() string {
	switch {
	case e.Many == nil:
		return ""
	case e.Many.OK:
		return fmt.Sprintf("yes, %s MiB", number(e.Many.MemoryMiB))
	}
	return "no: " + e.Many.Why
}

// number is x with three figures that count, and all before the point.
func number(x float64) string {
	switch {
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 10:
		return trimmed(strconv.FormatFloat(x, 'f', 1, 64))
	}
	return trimmed(strconv.FormatFloat(x, 'f', 2, 64))
}

func trimmed(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }
