package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// format is how a report is told.
type format struct {
	json, markdown bool
	plot           string
}

// told is what can be told in every format.
type told interface {
	tables() []table
	svg() []byte
}

func formatFlags(c *cobra.Command) *format {
	f := &format{}
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().BoolVar(&f.markdown, "markdown", false, "print Markdown, as in docs/BENCHMARKS.md")
	c.Flags().StringVar(&f.plot, "plot", "", "also draw it, to this SVG file")
	return f
}

func (f *format) check() error {
	if f.json && f.markdown {
		return errors.New("it is either JSON or Markdown")
	}
	return nil
}

func (f *format) write(out io.Writer, r told) error {
	if f.plot != "" {
		if err := os.WriteFile(f.plot, r.svg(), 0o644); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
	}
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	for _, t := range r.tables() {
		text := t.text()
		if f.markdown {
			text = t.markdown()
		}
		if _, err := io.WriteString(out, text); err != nil {
			return err
		}
	}
	return nil
}

// table is lines of cells. What is before and after it is lines of prose.
type table struct {
	before, after []string
	head          []string
	lines         [][]string
}

func (t *table) add(cells ...string) { t.lines = append(t.lines, cells) }

// text is for a terminal: the columns are as wide as they must be, and all but
// the first on the right.
func (t table) text() string {
	widths := make([]int, len(t.head))
	for _, line := range append([][]string{t.head}, t.lines...) {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	paragraphs(&b, "", t.before)
	for i, line := range append([][]string{t.head, nil}, t.lines...) {
		for column, width := range widths {
			cell := strings.Repeat("-", width)
			if i != 1 {
				cell = line[column]
			}
			space := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
			if column == 0 {
				b.WriteString(cell + space)
			} else {
				b.WriteString("  " + space + cell)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	paragraphs(&b, "", t.after)
	return b.String()
}

func (t table) markdown() string {
	var b strings.Builder
	paragraphs(&b, "\n", t.before)
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	if len(t.head) > 0 {
		line(t.head)
		b.WriteString("|---|" + strings.Repeat("---:|", len(t.head)-1) + "\n")
	}
	for _, cells := range t.lines {
		line(cells)
	}
	b.WriteString("\n")
	paragraphs(&b, "\n", t.after)
	return b.String()
}

// paragraphs are lines, with what is between them.
func paragraphs(b *strings.Builder, between string, lines []string) {
	for _, line := range lines {
		b.WriteString(line + "\n" + between)
	}
	if len(lines) > 0 && between == "" {
		b.WriteString("\n")
	}
}
