package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/sim"
	"github.com/khashmir/kad/testnet"
)

// program is the command with what it stands on.
type program struct {
	stdout, stderr io.Writer
	network        func(context.Context, testnet.Config) (testnet.Report, error)
	sweep          func(ctx context.Context, config sim.Config, parameter string, values []string, seeds int, tell func(sim.Progress)) ([]sim.Point, error)
}

// errNotFound ends a run whose report already said what was missing.
var errNotFound = errors.New("not everything was found")

// usageError is a mistake in the arguments.
type usageError struct{ error }

// run does what the arguments say and returns the exit code.
func (p program) run(ctx context.Context, args []string) int {
	config := testnet.Default()
	config.Seed = rand.Uint64N(1_000_000) // short enough to be typed again
	root := p.command(&config)
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	ran, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitFound
	case errors.Is(err, errNotFound):
		return exitNotFound
	case ctx.Err() != nil && err == context.Cause(ctx):
		fmt.Fprintf(p.stderr, "%v: the peers are closed%s\n", err, whereabouts(config))
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(p.stderr, "khashmir-testnet: %v\nusage: %s (--help says more)\n", err, ran.UseLine())
		return exitUsage
	}
	fmt.Fprintf(p.stderr, "khashmir-testnet: %v\n", err)
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return exitNotFound
}

// whereabouts says what has become of the peers' files.
func whereabouts(c testnet.Config) string {
	switch {
	case c.Store == testnet.Memory:
		return ""
	case c.Dir != "":
		return ", their files are in " + c.Dir
	}
	return " and their temporary files removed"
}

const help = `Builds PEERS peers (50 by default) on this machine, each with a UDP socket on
loopback and an SQLite file of its own. Each peer is given three random contacts
and finds its close nodes. Then random peers find each other, and random peers
store values that others look for. A scoreboard says what was found and what it
took; its "questions" are the messages asked for one find, store or get.

A value is acknowledged when its publisher was told that others have committed
it. From then on it must be found, whatever happens to the network. Three things
that may happen, after the stores and in this order:

--partition 30s cuts the network in two halves, at random. No question crosses
the cut. Both halves go on storing values and reading their own. Then the cut is
mended, and whatever was acknowledged must be found from both halves.

--kill 0.2 has a fifth of the peers crash, all at once and without notice. Those
that are left look for every value once, while they still take the dead for
living. A value lives at 8 of the peers: it is gone if all of these are.

--restart makes every peer a process of its own and kills all of them at once
with kill -9. They are started again on their files, must find each other by the
contacts in these, and then every value is read back.

--entries 100 has up to 100 different peers store a value each under the same
key, and the others must find all of these and no other. It goes with any fault.

Peers that are cut off from each other are in one process, those that are killed
with kill -9 are not: --partition and --restart exclude each other. --restart
needs files and sockets: --store sqlite, and not --transport mem.

--web keeps the network up and shows it in a browser, at the address that it
prints: all nodes at once, their tables and what they hold, and lookups step by
step. There they are killed, started again, cut in two and healed. It goes on
until Ctrl-C. --web=127.0.0.1:8080 says where; only this machine is let in. The
peers store --stores values, under "key 0", "key 1" and so on.

--processes makes every peer a process of its own, with a log beside its file,
and opens a shell on a node among them, in Lua: add(sha1("key"), "value"),
findvalue(sha1("key")), help(). The end of the shell ends them all. Without a
terminal it runs what comes from standard input.

--mainline makes the peers nodes of BitTorrent's DHT instead. They announce
peers and find them (BEP 5), and put items and get them (BEP 44), as many of
each as --stores says.

--transport quic sends sealed datagrams, and QUIC streams for what is larger;
streams sends everything on QUIC streams; mem passes messages in process.

--seed repeats the identities and the random choices; each scoreboard says which
seed it had. --dir keeps the files. Peers whose files are there already go on
with the identity and the values they had, whatever the seed.

Exit status: 0 everything was found; 1 something was not, or was lost, or the
network could not be built; 2 bad arguments; 130 ended by Ctrl-C, with
everything cleaned up (a second Ctrl-C ends it at once and may leave files
behind, but no process).`

const examples = `  khashmir-testnet 50
  khashmir-testnet 200 --callers 16 --stores 500 --json
  khashmir-testnet 200 --stores 500 --kill 0.2
  khashmir-testnet 20 --stores 100 --restart
  khashmir-testnet 50 --partition 30s
  khashmir-testnet 50 --web
  khashmir-testnet 100 --processes
  khashmir-testnet 200 --entries 100 --stores 3
  khashmir-testnet 200 --transport streams --seed 7
  khashmir-testnet 1000 --transport mem --store memory
  khashmir-testnet --mainline 50`

func (p program) command(config *testnet.Config) *cobra.Command {
	asJSON, at := false, ""
	cmd := &cobra.Command{
		Use:           "khashmir-testnet [PEERS]",
		Short:         "Build a network of peers and watch them find each other's values",
		Long:          help,
		Example:       examples,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          func(_ *cobra.Command, args []string) error { return peers(args, &config.Peers) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			config.Live = at != ""
			if err := errors.Join(config.Check(), addressed(at, asJSON)); err != nil {
				return usageError{err}
			}
			if config.Processes {
				if asJSON {
					return usageError{errors.New("--processes opens a shell and reports nothing: leave out --json")}
				}
				return p.control(cmd.Context(), *config)
			}
			if at != "" {
				return p.exhibit(cmd.Context(), *config, at)
			}
			return p.play(cmd.Context(), *config, asJSON)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.AddCommand(p.simCommand())
	cmd.CompletionOptions.DisableDefaultCmd = true
	flags := cmd.Flags()
	flags.SortFlags = false
	count := func(n *int, name, usage string) { flags.Var((*number)(n), name, usage) }
	word := func(s *string, name, kind, usage string) { flags.Var(text{s, kind}, name, usage) }
	count(&config.Finds, "finds", "how often a random peer finds another")
	count(&config.Stores, "stores", "keys that random peers store under")
	count(&config.Entries, "entries", "values a key, by different peers")
	count(&config.Readers, "readers", "peers without a value that look for it")
	count(&config.Contacts, "contacts", "random contacts that each peer is given")
	count(&config.ValueSize, "value-size", "bytes a value")
	count(&config.Callers, "callers", "finds or stores at once")
	flags.Var(&seed{n: &config.Seed}, "seed", "repeat the run of this seed (default random)")
	word(&config.Transport, "transport", "kind", "quic, streams or mem")
	word(&config.Store, "store", "kind", "sqlite or memory")
	word(&config.Dir, "dir", "path", "keep the peers' files in this directory")
	flags.Var((*share)(&config.Kill), "kill", "have this share of the peers crash, 0 to 1")
	flags.BoolVar(&config.Restart, "restart", false, "kill -9 every peer and start it again")
	flags.Var((*duration)(&config.Partition), "partition", "cut the network in two for so long, as in 30s")
	flags.BoolVar(&config.Processes, "processes", false, "make every peer a process, and open a shell")
	flags.BoolVar(&config.Mainline, "mainline", false, "build a network of BitTorrent's nodes")
	word(&at, "web", "address", "keep the network up and show it in a browser")
	flags.Lookup("web").NoOptDefVal = anyPort
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

// play runs the network and shows what came of it.
func (p program) play(ctx context.Context, config testnet.Config, asJSON bool) error {
	lines := newProgress(p.stdout, true)
	if asJSON {
		lines = newProgress(p.stderr, false)
	}
	config.Progress = lines.update
	if config.Mainline {
		report, err := testnet.RunMainline(ctx, config)
		lines.end()
		return p.show(report, err, asJSON, report.OK(), func() error { return mainlineBoard(p.stdout, report) })
	}
	report, err := p.network(ctx, config)
	lines.end()
	return p.show(report, err, asJSON, report.OK(), func() error { return scoreboard(p.stdout, report) })
}

// show prints a report, unless there is none.
func (p program) show(report any, err error, asJSON, found bool, board func() error) error {
	switch {
	case err != nil:
		return err
	case asJSON:
		err = json.NewEncoder(p.stdout).Encode(report)
	default:
		err = board()
	}
	if err == nil && !found {
		err = errNotFound
	}
	return err
}
