package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/khashmir/kad/testnet"
)

// progress shows each stage as it goes: one line that is drawn again on a
// terminal, one line at its end elsewhere.
type progress struct {
	out      io.Writer
	terminal bool

	mu    sync.Mutex
	stage testnet.Stage
	done  int
	total int
	begun time.Time
	drawn time.Time
}

const redraw = 100 * time.Millisecond

func newProgress(out io.Writer) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
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
	if p.terminal && now.Sub(p.drawn) >= redraw {
		p.drawn = now
		fmt.Fprintf(p.out, "\r\x1b[K%-28s %d/%d", p.stage, p.done, p.total)
	}
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish(time.Now())
	p.stage = ""
}

// finish leaves the stage's last line as it shall stand.
func (p *progress) finish(now time.Time) {
	if p.stage == "" {
		return
	}
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	fmt.Fprintf(p.out, "%-28s %4d/%-4d %6.2f s\n", p.stage, p.done, p.total, now.Sub(p.begun).Seconds())
}
