package main

import (
	"fmt"
	"io"

	"github.com/khashmir/kad/testnet"
)

// mainlineBoard prints what a run of BitTorrent's nodes showed, for people, in
// 80 columns.
func mainlineBoard(out io.Writer, r testnet.MainlineReport) error {
	var b board
	b.line("")
	b.line("%d nodes of BitTorrent's DHT, %s store, %s, seed %d", r.Peers, r.Store, counted(r.Callers, "caller"), r.Seed)
	b.line("")
	b.line("                      found    p50 ms    p99 ms")
	for _, row := range []struct {
		name string
		t    testnet.Tally
	}{
		{"find_node", r.Find}, {"announce_peer", r.Announce}, {"get_peers", r.GetPeers}, {"put", r.Put}, {"get", r.Get},
	} {
		if row.t.Done > 0 {
			b.line("  %-13s %11s %9.2f %9.2f", row.name, fmt.Sprintf("%d/%d", row.t.OK, row.t.Done), row.t.P50MS, row.t.P99MS)
		}
	}
	b.line("")
	b.line("  boot        %.2f s, %.2f s of CPU", r.BootS, r.BootCPUS)
	b.line("  in all      %.2f s, %.2f s of CPU, %.1f questions each", r.WallS, r.CPUS, r.Questions)
	peers := float64(r.Peers)
	b.line("  a node      %.1f contacts, %.1f goroutines, %.2f MiB of memory", r.Contacts, float64(r.Goroutines)/peers, r.RSSMiB/peers)
	if r.Dir != "" {
		b.line("  files       kept in %s", r.Dir)
	}
	for i, fault := range r.Faults {
		if i == 0 {
			b.line("")
		}
		b.line("  ! %s", fault)
	}
	b.line("")
	if r.OK() {
		b.line("everything was found")
	} else {
		b.line("NOT everything was found")
	}
	_, err := io.WriteString(out, b.text.String())
	return err
}
