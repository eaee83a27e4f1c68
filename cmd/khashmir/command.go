package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// program is the command with what it stands on.
type program struct {
	in       io.Reader
	out, err io.Writer
	again    <-chan struct{} // closed at the second signal
	settings settings

	publishes bool // the command does
}

// settings are the flags; see settings.go for where else they come from.
type settings struct {
	dir, socket, config string
	bootstrap           []string
	at, tokenFile       string
	timeout             time.Duration
	json                bool

	// Of run alone.
	gateway             string
	logLevel, logFormat string
	streams             bool
	node                khashmir.Config
}

const help = `A node of a distributed hash table: "khashmir run" keeps one up, and the other
commands ask it. Values are kept under keys, many a key, at the 8 nodes whose IDs
are closest to the key, each of which has committed a value to its disk before it
says so. A value lives for a day unless it is kept (--keep) or says otherwise
(--ttl).

A node joins nobody who was not named to it:

  khashmir run                                   the first node of a network
  khashmir run --bootstrap 192.0.2.7:7400        one that joins it
  khashmir put greeting hello                    on either machine
  khashmir get greeting

A KEY, and an ID, is 40 hexadecimal digits, or any other text, of which the SHA-1
is taken. Commands find the node of this machine by its socket, DIR/khashmir.sock,
and another one by its gateway (--at http://HOST:PORT). Where no node runs, put,
get, rm, find-node and ping come as a client of the network for as long as they
take: they need a contact, saved in DIR or named by --bootstrap.

Each flag is also a setting of the configuration file (TOML: listen = "0.0.0.0:7400")
and of the environment (KHASHMIR_LISTEN); a flag counts before the environment, and
that before the file. The file is --config, or khashmir/khashmir.toml where
configuration is kept ($XDG_CONFIG_HOME or ~/.config), or /etc/khashmir/khashmir.toml.

Exit status: 0 done; 1 not: not stored, nothing found, something is wrong;
2 arguments or settings that make no sense; 3 no node to ask, or it knows nobody;
130 ended by Ctrl-C. With --json an error is {"error":{"code","message"}} on
standard error.`

// run does what the arguments say and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	asked, err := root.ExecuteContextC(ctx)
	var misuse usageError
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errInterrupted):
		p.complain(api.Problem{Code: "interrupted", Message: "interrupted"})
		return exitInterrupted
	case errors.As(err, &misuse):
		p.complain(api.Problem{Code: api.BadRequest, Message: err.Error()})
		if !p.settings.json {
			fmt.Fprintf(p.err, "usage: %s (--help says more)\n", asked.UseLine())
		}
		return exitUsage
	}
	var silent notDone
	if errors.As(err, &silent) {
		return exitNot
	}
	problem := problemOf(err)
	p.complain(problem)
	if problem.Code == api.NoContacts || problem.Code == noNode {
		return exitNobody
	}
	return exitNot
}

// notDone is an outcome that the output has already told.
type notDone struct{}

func (notDone) Error() string { return "not done" }

// noNode is the code of an error: there is nobody to ask.
const noNode = "no_node"

func problemOf(err error) api.Problem {
	var p *api.Problem
	if errors.As(err, &p) {
		return *p
	}
	return api.Problem{Code: api.Internal, Message: err.Error()}
}

// complain says what is wrong, on one line.
func (p *program) complain(problem api.Problem) {
	if !p.settings.json {
		fmt.Fprintf(p.err, "khashmir: %s\n", problem.Message)
		return
	}
	_ = json.NewEncoder(p.err).Encode(struct {
		Error api.Problem `json:"error"`
	}{problem})
}

func (p *program) root() *cobra.Command {
	s := &p.settings
	root := &cobra.Command{
		Use:           "khashmir",
		Short:         "A node of a distributed hash table, and what talks to it",
		Long:          help,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringVar(&s.dir, "dir", "", "the node's `directory` (default $XDG_STATE_HOME/khashmir, or ~/.local/state/khashmir)")
	flags.StringVar(&s.socket, "socket", "", "the `path` of its socket (default DIR/"+socketName+")")
	flags.StringVar(&s.config, "config", "", "the configuration `file`")
	flags.StringSliceVar(&s.bootstrap, "bootstrap", nil, "contacts to join by, each `host:port`")
	flags.StringVar(&s.at, "at", "", "ask the node whose gateway has this `URL`")
	flags.StringVar(&s.tokenFile, "token-file", "", "the `file` that has the gateway's bearer token")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "how long a command may take in all")
	flags.BoolVar(&s.json, "json", false, "print JSON")
	daemon := p.runCommand()
	root.AddCommand(daemon, p.putCommand(), p.getCommand(), p.rmCommand(), p.findNodeCommand(), p.pingCommand(),
		p.shellCommand(), p.peersCommand(), p.tableCommand(), p.holdingsCommand(), p.eventsCommand(), p.statsCommand(), p.statusCommand(), p.doctorCommand(),
		p.backupCommand(), p.restoreCommand(), p.manCommand())
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		known := *daemon.Flags()
		known.AddFlagSet(root.PersistentFlags())
		err := fill(cmd.Flags(), &known)
		s.dir = cmp.Or(s.dir, defaultDir())
		return err
	}
	return root
}

func noCommand(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("there is no command %q", args[0])
	}
	return nil
}

// args wants from least to most of them.
func args(least, most int, names string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usage("it takes %s, not %d arguments", names, len(args))
		}
		return nil
	}
}

// show prints v as one JSON object.
func (p *program) show(v any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
