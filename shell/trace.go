package shell

import (
	"fmt"
	"sync"
	"time"

	"github.com/khashmir/kad/web/api"
)

// trace prints the steps of one lookup as they happen. A step that comes when
// the command is over (it was interrupted) is of no interest any more.
type trace struct {
	target string
	out    *writer

	mu    sync.Mutex
	first time.Time
	over  bool
}

func (t *trace) step(s api.Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	if t.first.IsZero() {
		t.first = s.At
		t.out.Printf("%8s  %-8s  %-*s | %-*s @ %s\n", "ms", "step", DistanceDigits, "node", DistanceDigits, "distance", "address")
	}
	at := float64(s.At.Sub(t.first)) / float64(time.Millisecond)
	t.out.Printf("%8.1f  %-8s  %s | %s @ %s%s\n",
		at, escaped(s.Kind), escaped(prefix(s.Contact.ID)), distance(s.Contact.ID, t.target), escaped(s.Contact.Addr), escaped(detail(s)))
}

// detail is what is peculiar to the step.
func detail(s api.Step) string {
	switch {
	case s.Error != nil:
		return fmt.Sprintf("  %.1f ms, %s", s.TookMs, s.Error.Message)
	case s.Kind == "answered" && s.Values > 0:
		return fmt.Sprintf("  %.1f ms, %s, %s", s.TookMs, counted(len(s.Contacts), "node"), counted(s.Values, "value"))
	case s.Kind == "answered":
		return fmt.Sprintf("  %.1f ms, %s", s.TookMs, counted(len(s.Contacts), "node"))
	}
	return ""
}

// prefix tells an ID from others, and leaves room in the line.
func prefix(id string) string { return id[:min(len(id), DistanceDigits)] }

func (t *trace) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}
