package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/khashmir/kad/testnet"
)

// scoreboard prints what a run showed, for people, in 80 columns.
func scoreboard(out io.Writer, r testnet.Report) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("%d peers over %s, %s store, %s, seed %d", r.Peers, r.Transport, r.Store, counted(r.Callers, "caller"), r.Seed)
	line("")
	line("                   found    p50 ms    p99 ms  questions   hops")
	row := func(name string, ok, of int, p50, p99, questions, hops float64) {
		if of > 0 {
			line("  %-10s %11s %9.2f %9.2f %10.1f %6.1f", name, fmt.Sprintf("%d/%d", ok, of), p50, p99, questions, hops)
		}
	}
	if r.Entries > 1 {
		line("  (%d values under each key)", r.Entries)
	}
	row("finds", r.FindsOK, r.Finds, r.FindP50MS, r.FindP99MS, r.MessagesPerFind, r.HopsPerFind)
	row("stores", r.StoresOK, r.Stores, r.StoreP50MS, r.StoreP99MS, r.MessagesPerStore, r.HopsPerStore)
	row("gets", r.GetsOK, r.Gets, r.GetP50MS, r.GetP99MS, r.MessagesPerGet, r.HopsPerGet)
	if r.GetsOK > 0 {
		line("    first value        %9.2f %9.2f", r.GetFirstP50MS, r.GetFirstP99MS)
	}
	line("")
	line("  boot        %.2f s, %.2f s of CPU", r.BootS, r.BootCPUS)
	line("  in all      %.2f s, %.2f s of CPU", r.WallS, r.CPUS)
	fault(line, r)
	if r.Contacts > 0 { // else they were in processes of their own
		aPeer(line, r)
	}
	if r.Dir != "" {
		line("  files       kept in %s", r.Dir)
	}
	for i, fault := range r.Faults {
		if i == 0 {
			line("")
		}
		line("  ! %s", fault)
	}
	line("")
	switch {
	case r.OK() && r.Fault != "":
		line("everything was found, and nothing lost")
	case r.OK():
		line("everything was found")
	case r.Lost > 0:
		line("%s LOST", counted(r.Lost, "acknowledged value"))
	default:
		line("NOT everything was found")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// aPeer is what a peer is, on average.
func aPeer(line func(string, ...any), r testnet.Report) {
	peers := float64(r.Peers)
	line("  a peer      %.1f contacts, %.1f connections (%.1f handshakes),", r.Contacts,
		float64(r.Connections)/peers, float64(r.Handshakes)/peers)
	line("              %.1f goroutines, %.2f MiB of memory", float64(r.Goroutines)/peers, r.RSSMiB/peers)
}

// fault says what was done to the network and what it has cost.
func fault(line func(string, ...any), r testnet.Report) {
	if r.Fault == "" {
		return
	}
	line("")
	line("  then %s:", r.Fault)
	line("  acknowledged %d, read back %d, lost %d", r.Acknowledged, r.Readable, r.Lost)
	if r.BackP50MS > 0 {
		line("  reading back       %9.2f %9.2f   ms, p50 and p99, all of a key", r.BackP50MS, r.BackP99MS)
	}
	if r.BackFirstP50 > 0 {
		line("    first value      %9.2f %9.2f", r.BackFirstP50, r.BackFirstP99)
	}
	if r.HealS > 0 {
		line("  whole again after  %9.2f s", r.HealS)
	}
	line("")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
