package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/khashmir/kad/testnet"
)

// progress shows each stage as it goes: on a terminal a line that is drawn
// again and again and cleared at the stage's end. What stays of each stage,
// there and elsewhere, is one plain line, if lines are to stay.
type progress struct {
	out   io.Writer
	width func() int // of the terminal; 0: it is none
	stay  bool
	unit  string // of what is counted, if it is not plain from the stage

	mu    sync.Mutex
	stage testnet.Stage
	done  int
	total int
	begun time.Time
	drawn time.Time
	dirty bool      // something is drawn
	said  time.Time // when a line was last written where there is no terminal
}

const (
	redraw   = 100 * time.Millisecond
	repeat   = 30 * time.Second
	barWidth = 24
	nameWide = 26 // the longest stage's name
)

func newProgress(out io.Writer, stay bool) *progress {
	width := func() int { return 0 }
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		width = func() int {
			columns, _, err := term.GetSize(int(file.Fd()))
			if err != nil || columns <= 0 {
				return 80
			}
			return columns
		}
	}
	return &progress{out: out, width: width, stay: stay, said: time.Now()}
}

func (p *progress) update(stage testnet.Stage, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if stage != p.stage {
		p.finish(now)
		p.stage, p.done, p.total, p.begun, p.drawn = stage, 0, total, now, time.Time{}
	}
	p.done = max(p.done, done)
	if p.total == 0 || now.Sub(p.drawn) < redraw {
		return
	}
	switch width := p.width(); {
	case width > 0:
		fmt.Fprint(p.out, clear, p.line(width))
		p.drawn, p.dirty = now, true
	case !p.stay && now.Sub(p.said) >= repeat: // where no line stays, one says now and then that it goes on
		fmt.Fprintf(p.out, "%s %s\n", p.stage, p.count())
		p.said = now
	}
}

// clear goes to the line's beginning and empties it.
const clear = "\r\x1b[K"

// line is the stage as it stands, in fewer columns than the terminal has: a
// line that wraps could not be drawn again.
func (p *progress) line(width int) string {
	filled := barWidth * p.done / p.total
	bar := strings.Repeat("#", filled) + strings.Repeat(".", barWidth-filled)
	count := p.count()
	for _, line := range []string{
		fmt.Sprintf("%-*s  %s  %s", nameWide, p.stage, bar, count),
		fmt.Sprintf("%s %s", p.stage, count),
	} {
		if len(line) < width {
			return line
		}
	}
	return ""
}

// count is how much is done, as "3/5" or "3/5 min".
func (p *progress) count() string {
	return strings.TrimSpace(fmt.Sprintf("%d/%d %s", p.done, p.total, p.unit))
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish(time.Now())
	p.stage, p.total = "", 0
}

// finish clears what is drawn and leaves the stage's last line as it shall
// stand. A stage of which there was nothing to do leaves none.
func (p *progress) finish(now time.Time) {
	if p.dirty {
		fmt.Fprint(p.out, clear)
		p.dirty = false
	}
	if p.stay && p.total > 0 {
		fmt.Fprintf(p.out, "%-*s  %11s  %7.2f s\n", nameWide, p.stage, p.count(), now.Sub(p.begun).Seconds())
	}
}
