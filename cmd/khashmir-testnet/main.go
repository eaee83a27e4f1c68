// Command khashmir-testnet builds a network of peers on this machine and lets
// them find each other and each other's values, as Khashmir's own script did.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/testnet"
)

// Exit codes, for scripts.
const (
	exitFound       = 0   // everything was stored and found
	exitNotFound    = 1   // something was not, or the network could not be built
	exitUsage       = 2   // the arguments make no sense
	exitInterrupted = 130 // by Ctrl-C
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errNotFound ends a run whose report already said what was missing.
var errNotFound = errors.New("not everything was found")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := command(stdout, stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitFound
	case errors.Is(err, errNotFound):
		return exitNotFound
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(stderr, "interrupted; everything is cleaned up")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%v\nusage: %s\n", err, root.UseLine())
		return exitUsage
	}
	fmt.Fprintf(stderr, "khashmir-testnet: %v\n", err)
	return exitNotFound
}

// usageError is a mistake in the arguments.
type usageError struct{ error }

func command(stdout, stderr io.Writer) *cobra.Command {
	config := testnet.Default()
	asJSON := false
	cmd := &cobra.Command{
		Use:   "khashmir-testnet [PEERS]",
		Short: "Build a network of peers and watch them find each other's values",
		Long: `Builds PEERS peers (50 by default) on loopback, each with a socket and a database
file of its own. Each is given three random contacts and finds its close nodes. Then
random peers find each other, and random peers store values that others find.

Exit status: 0 everything was found, 1 something was not, 2 bad arguments, 130 Ctrl-C.`,
		Example: `  khashmir-testnet 50
  khashmir-testnet 200 --callers 16 --stores 500 --json
  khashmir-testnet 1000 --transport mem --store memory --seed 7`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			return peers(args, &config.Peers)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.Check(); err != nil {
				return usageError{err}
			}
			return play(cmd.Context(), config, asJSON, stdout, stderr)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.CompletionOptions.DisableDefaultCmd = true
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&config.Contacts, "contacts", config.Contacts, "random contacts each peer is given")
	flags.IntVar(&config.Finds, "finds", config.Finds, "how often a random peer finds another")
	flags.IntVar(&config.Stores, "stores", config.Stores, "how often a random peer stores a value")
	flags.IntVar(&config.Readers, "readers", config.Readers, "peers that look for each value")
	flags.IntVar(&config.ValueSize, "value-size", config.ValueSize, "size of a value, in `bytes`")
	flags.IntVar(&config.Callers, "callers", config.Callers, "finds and stores at once")
	flags.Uint64Var(&config.Seed, "seed", config.Seed, "repeats the random choices")
	flags.StringVar(&config.Transport, "transport", config.Transport, "quic, or mem for messages passed in process")
	flags.StringVar(&config.Store, "store", config.Store, "sqlite, or memory")
	flags.StringVar(&config.Dir, "dir", config.Dir, "keep the peers' files in this `directory`")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object and nothing else")
	return cmd
}

func peers(args []string, n *int) error {
	if len(args) > 1 {
		return usageError{fmt.Errorf("one number of peers is enough, got %q", args)}
	}
	if len(args) == 1 {
		parsed, err := strconv.Atoi(args[0])
		if err != nil {
			return usageError{fmt.Errorf("%q is not a number of peers", args[0])}
		}
		*n = parsed
	}
	return nil
}

func play(ctx context.Context, config testnet.Config, asJSON bool, stdout, stderr io.Writer) error {
	var lines *progress
	if !asJSON {
		lines = newProgress(stdout)
		config.Progress = lines.update
	}
	report, err := testnet.Run(ctx, config)
	if lines != nil {
		lines.end()
	}
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(stdout).Encode(report)
	} else {
		err = scoreboard(stdout, report)
	}
	if err == nil && !report.OK() {
		err = errNotFound
	}
	return err
}
