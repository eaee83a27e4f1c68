package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/khashmir/kad/testnet"
)

// scoreboard prints what a run showed, for people.
func scoreboard(out io.Writer, r testnet.Report) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	peers := float64(r.Peers)
	line("")
	line("%d peers over %s, %s store, seed %d, callers %d", r.Peers, r.Transport, r.Store, r.Seed, r.Callers)
	line("")
	line("            found     p50 ms   p99 ms   questions")
	row := func(name string, ok, of int, p50, p99, questions float64) {
		line("  %-8s %4d/%-4d %8.2f %8.2f %9.1f", name, ok, of, p50, p99, questions)
	}
	row("finds", r.FindsOK, r.Finds, r.FindP50MS, r.FindP99MS, r.MessagesPerFind)
	row("stores", r.StoresOK, r.Stores, r.StoreP50MS, r.StoreP99MS, r.MessagesPerStore)
	row("gets", r.GetsOK, r.Gets, r.GetP50MS, r.GetP99MS, r.MessagesPerGet)
	line("   first value      %8.2f %8.2f", r.GetFirstP50MS, r.GetFirstP99MS)
	line("")
	line("  boot              %.2f s, %.2f s of CPU", r.BootS, r.BootCPUS)
	line("  in all            %.2f s, %.2f s of CPU", r.WallS, r.CPUS)
	line("  hops a find       %.1f", r.HopsPerFind)
	line("  a peer            %.1f contacts, %.1f connections, %.1f handshakes, %.1f goroutines, %.2f MiB",
		r.Contacts, float64(r.Connections)/peers, float64(r.Handshakes)/peers, float64(r.Goroutines)/peers, r.RSSMiB/peers)
	for _, fault := range r.Faults {
		line("  ! %s", fault)
	}
	line("")
	if r.OK() {
		line("everything was found")
	} else {
		line("NOT everything was found")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
