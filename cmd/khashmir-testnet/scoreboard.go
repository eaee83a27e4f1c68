package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/khashmir/kad/testnet"
)

// scoreboard prints what a run showed, for people, in 80 columns.
func scoreboard(out io.Writer, r testnet.Report) error {
	b := board{r: r}
	b.script()
	b.faults()
	b.verdict()
	_, err := io.WriteString(out, b.text.String())
	return err
}

type board struct {
	r    testnet.Report
	text strings.Builder
}

func (b *board) line(format string, args ...any) { fmt.Fprintf(&b.text, format+"\n", args...) }

// script is what the finds, stores and gets showed.
func (b *board) script() {
	r := b.r
	b.line("")
	b.line("%d peers over %s, %s store, %s, seed %d", r.Peers, r.Transport, r.Store, counted(r.Callers, "caller"), r.Seed)
	b.line("")
	b.line("                   found    p50 ms    p99 ms  questions   hops")
	row := func(name string, ok, of int, p50, p99, questions, hops float64) {
		if of > 0 {
			b.line("  %-10s %11s %9.2f %9.2f %10.1f %6.1f", name, fmt.Sprintf("%d/%d", ok, of), p50, p99, questions, hops)
		}
	}
	row("finds", r.FindsOK, r.Finds, r.FindP50MS, r.FindP99MS, r.MessagesPerFind, r.HopsPerFind)
	row("stores", r.StoresOK, r.Stores, r.StoreP50MS, r.StoreP99MS, r.MessagesPerStore, r.HopsPerStore)
	row("gets", r.GetsOK, r.Gets, r.GetP50MS, r.GetP99MS, r.MessagesPerGet, r.HopsPerGet)
	if r.GetsOK > 0 {
		b.line("    first value        %9.2f %9.2f", r.GetFirstP50MS, r.GetFirstP99MS)
	}
	if r.Entries > 1 {
		b.line("    each get wants exactly the %d values under its key", r.Entries)
	}
	b.line("")
	b.line("  boot        %.2f s, %.2f s of CPU", r.BootS, r.BootCPUS)
	b.line("  in all      %.2f s, %.2f s of CPU", r.WallS, r.CPUS)
	peers := float64(r.Peers)
	b.line("  a peer      %.1f contacts, %.1f connections (%.1f handshakes),", r.Contacts,
		float64(r.Connections)/peers, float64(r.Handshakes)/peers)
	b.line("              %.1f goroutines, %.2f MiB of memory", float64(r.Goroutines)/peers, r.RSSMiB/peers)
	if r.Dir != "" {
		b.line("  files       kept in %s", r.Dir)
	}
}

// faults is what each of them has left.
func (b *board) faults() {
	if p := b.r.Partition; p != nil {
		b.line("")
		b.line("cut in two halves for %.1f s, no question crossed", p.CutS)
		b.line("  meanwhile       %d of %d values stored, %d of %d reads found their value,", p.StoresOK, p.Stores, p.GetsOK, p.Gets)
		b.line("                  each within one half")
		b.kept(p.Kept, "from both halves")
		if p.Healed {
			b.line("  healed          everything found from both halves %.1f s after the cut", p.HealedS)
		} else {
			b.line("  NOT healed      still not everything found %.1f s after the cut", p.HealedS)
		}
	}
	if k := b.r.Kill; k != nil {
		b.line("")
		b.line("crashed, all at once and without notice: %d of %d peers", k.Killed, k.Killed+k.Left)
		b.kept(k.Kept, fmt.Sprintf("by the %d that are left", k.Left))
		b.line("  first value     p50 %.2f ms, p99 %.2f ms", k.FirstP50MS, k.FirstP99MS)
		b.line("  whole search    p50 %.2f ms, p99 %.2f ms", k.WholeP50MS, k.WholeP99MS)
	}
	if a := b.r.Restart; a != nil {
		b.line("")
		b.line("killed with kill -9, all at once, and started again: %s", counted(a.Peers, "process", "es"))
		b.line("  running         %.2f s later; %d of %d found their close nodes by the", a.StartS, a.Rejoined, a.Peers)
		b.line("                  contacts in their own files, in %.2f s", a.RejoinS)
		b.kept(a.Kept, "afterwards")
	}
}

// kept is what was acknowledged, what was found and what was lost.
func (b *board) kept(k testnet.Kept, by string) {
	b.line("  acknowledged    %s", counted(k.Acknowledged, "value"))
	b.line("  found           %d, %s", k.Readable, by)
	b.line("  lost            %d", k.Lost)
}

// verdict is what went wrong, and whether all is well.
func (b *board) verdict() {
	r := b.r
	for i, fault := range r.Faults {
		if i == 0 {
			b.line("")
		}
		b.line("  ! %s", fault)
	}
	b.line("")
	faults := r.Partition != nil || r.Kill != nil || r.Restart != nil
	switch {
	case r.Lost > 0 || faults && lost(r) > 0:
		b.line("%s LOST", counted(max(r.Lost, lost(r)), "acknowledged value"))
	case !r.OK():
		b.line("NOT everything was found")
	case faults:
		b.line("everything was found, and nothing that was acknowledged is lost")
	default:
		b.line("everything was found")
	}
}

// lost is how many values were missing after the worst of the faults.
func lost(r testnet.Report) (worst int) {
	if r.Partition != nil {
		worst = max(worst, r.Partition.Lost)
	}
	if r.Kill != nil {
		worst = max(worst, r.Kill.Lost)
	}
	if r.Restart != nil {
		worst = max(worst, r.Restart.Lost)
	}
	return worst
}

func counted(n int, what string, plural ...string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s%s", n, what, append(plural, "s")[0])
}
