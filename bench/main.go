// Command bench sets our network beside what a user would pick instead, on the
// same work and the same machine, and beside what the machine allows.
//
//	go run . --n 200             our network and each peer's: the table
//	go run . floors              what each layer costs beside its limit
//	go run . growth              how cost grows with nodes, entries, sizes, callers
//	go run . mainline            how much a node of BitTorrent's DHT answers
//	go run . profile DIR         where the time goes: pprof of boot, store and find
//
// It is a module of its own, so that no peer is ever a requirement of ours. It
// talks to loopback only, and runs from its own directory, where the peers'
// programs are.
//
// To read on: work/ is what is measured and how; contestant.go who takes part,
// compare.go the runs, row.go the table and what it asks of us.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/bench/work"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "1") // what a system allows is the same for all
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	c := compareCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.CompletionOptions.DisableDefaultCmd = true
	c.AddCommand(floorsCommand(), growthCommand(), mainlineCommand(), profileCommand(), oneCommand(), serveCommand())
	return c
}

// workFlags let the work be chosen. The values are those of the table.
func workFlags(c *cobra.Command) *work.Work {
	w := &work.Work{}
	f := c.Flags()
	f.IntVarP(&w.Nodes, "n", "n", 200, "nodes, all in one process")
	f.IntVar(&w.Contacts, "contacts", 3, "random others that each node is given")
	f.IntVar(&w.Stores, "stores", 100, "stores, one after another")
	f.IntVar(&w.Burst, "burst", 400, "stores by many callers")
	f.IntVar(&w.Callers, "callers", 16, "how many")
	f.IntVar(&w.Readers, "readers", 3, "who look for each value and do not hold it")
	f.IntVar(&w.ValueSize, "value-size", 100, "bytes of a value")
	f.Uint64Var(&w.Seed, "seed", 1, "decides contacts, writers, readers and values; one more with each run")
	return w
}

func checked(w work.Work) error {
	const fewest = 12 // so that somebody does not hold what 8 hold
	switch {
	case w.Nodes < fewest:
		return fmt.Errorf("at least %d nodes are wanted, not %d", fewest, w.Nodes)
	case w.Contacts < 1, w.Stores < 1, w.Burst < 1, w.Callers < 1, w.Readers < 1:
		return fmt.Errorf("contacts, stores, burst, callers and readers are at least 1")
	case w.ValueSize < 8:
		return fmt.Errorf("values of %d bytes would not differ", w.ValueSize)
	}
	return nil
}
