// Command libp2p puts a network of go-libp2p-kad-dht nodes through the work.
// It is a module of its own because it runs on the versions that go-libp2p
// pins, which are not ours.
//
// Its only argument is the work as JSON; the figures are on its output.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"github.com/khashmir/kad/bench/work"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "libp2p:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var w work.Work
	if len(args) != 1 {
		return fmt.Errorf("the work is wanted as JSON, not %d arguments", len(args))
	}
	if err := json.Unmarshal([]byte(args[0]), &w); err != nil {
		return fmt.Errorf("the work: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	figures, err := work.Measure(ctx, w, &swarm{nodes: make([]*node, w.Nodes)}, nil)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures)
}
