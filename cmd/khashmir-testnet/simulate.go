package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/sim"
	"github.com/khashmir/kad/sim/report"
	"github.com/khashmir/kad/testnet"
)

const simHelp = `Runs the real node, thousands of times over, in virtual time: no sockets, no
disk, no waiting. The same seed gives the same run, event by event; "trace" at the
end is a hash of all of them.

All scenarios begin alike: nodes come one after another, each is given three
addresses, then the network settles. From there on it is used and measured, while
what the scenario is about happens to it:

%s
A simulated node is this program's own; only encryption and encoding are left out.
The size of messages is counted as if they had been encoded.

While it runs, invariants are checked: on messages, tables, disks and callbacks. A
broken one ends the run with status 1 and says which command shows it again, on
as small a network as was found to break it.

--seeds 5 runs with five seeds, and the table has means with what they may be off
by (95 %%, Student's t). --sweep alpha=1,2,4 runs with each of these; any parameter
below can be swept.

--report FILE.html writes a page with plots that needs nothing else.

--trace FILE writes a line of JSON for all that happens but messages: "at", in
virtual seconds, and "event". It is run at the beginning of each ("command" and
"seed"), start (with "id"), crash or leave of a "peer", by its number, or an
operation that it has ended: lookup, store, find or remove (the "target" in hex,
the seconds it "took", its "questions" and "hops", and whether it was "ok").

Ctrl-C ends a long run and shows what was measured until then; of several runs
those that have ended, or the first as far as it came.

Exit status: 0 the run went to its end; 1 an invariant broke, or it could not run;
2 bad arguments; 130 ended by Ctrl-C.`

const simExamples = `  khashmir-testnet sim
  khashmir-testnet sim churn --nodes 1000 --median-session 30m --hours 6 --report churn.html
  khashmir-testnet sim steady --nodes 10000 --values 0 --find-every -1s
  khashmir-testnet sim partition --partition 0.3 --partition-for 1h --hours 2 --seeds 5
  khashmir-testnet sim churn --churn 10m --sweep replicas=4,8 --seeds 3 --json`

// simulation is what the arguments of sim want.
type simulation struct {
	config sim.Config
	seeds  int
	sweep  string
	json   bool
	report string
	trace  string
}

func (p program) simCommand() *cobra.Command {
	s := &simulation{config: sim.Config{Seed: 1}, seeds: 1}
	var about strings.Builder
	for _, scenario := range sim.Scenarios {
		fmt.Fprintf(&about, "  %-12s %s\n", scenario.Name, wrapped(scenario.About, 15, 80))
	}
	cmd := &cobra.Command{
		Use:           "sim [SCENARIO]",
		Short:         "Simulate a network of any size in virtual time",
		Long:          fmt.Sprintf(simHelp, about.String()),
		Example:       simExamples,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("one scenario is enough, got %q", args)}
			}
			if len(args) == 1 {
				s.config.Scenario = args[0]
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return p.simulate(cmd.Context(), *s) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := cmd.Flags()
	flags.SortFlags = false
	for _, parameter := range sim.Parameters {
		flags.Var(&simFlag{parameter: parameter, config: &s.config}, parameter.Name, parameter.About)
	}
	flags.Var((*number)(&s.seeds), "seeds", "run with so many seeds")
	flags.Var(text{&s.sweep, "name=a,b"}, "sweep", "run with each of these values of a parameter")
	flags.BoolVar(&s.json, "json", false, "print one JSON object and nothing else")
	flags.Var(text{&s.report, "file"}, "report", "write a page with plots")
	flags.Var(text{&s.trace, "file"}, "trace", "write what happens, a line of JSON each")
	return cmd
}

// wrapped breaks s at spaces, indented from the second line on.
func wrapped(s string, indent, width int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(s) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// simFlag is a parameter of the simulation as a flag.
type simFlag struct {
	parameter sim.Parameter
	config    *sim.Config
}

func (f *simFlag) String() string         { return "" }
func (f *simFlag) Type() string           { return f.parameter.Kind }
func (f *simFlag) Set(value string) error { return sim.Set(f.config, f.parameter.Name, value) }

// simGarbage is how much garbage there may be, in percent of what is in use: at 100
// collecting it took a tenth of the time, at 400 fresh memory from the system a
// quarter. simMemory is from where on there may be
// less: a hundred thousand nodes fit, and what they drop beside them. simNode is
// what one takes at the least.
const (
	simGarbage = 200
	simMemory  = 7 << 30
	simNode    = 64 << 10
)

// simulate runs what is wanted and shows what came of it.
func (p program) simulate(ctx context.Context, s simulation) (err error) {
	parameter, list, swept := strings.Cut(s.sweep, "=")
	values := strings.Split(list, ",")
	if s.sweep != "" && (!swept || list == "") {
		return usageError{fmt.Errorf("--sweep takes name=value,value,…, not %q", s.sweep)}
	}
	nodes := s.config.Nodes
	for _, value := range values {
		c := s.config
		if s.sweep != "" {
			if err := sim.Set(&c, parameter, value); err != nil {
				return usageError{fmt.Errorf("--sweep: %w", err)}
			}
		}
		if err := c.Check(); err != nil {
			return usageError{err}
		}
		nodes = max(nodes, c.Nodes)
	}
	if s.seeds < 1 {
		return usageError{errors.New("--seeds takes 1 or more")}
	}
	var shown *atLast
	if s.report != "" {
		if shown, err = writtenAtLast(s.report); err != nil {
			return err
		}
		defer shown.drop()
	}
	if s.trace != "" {
		file, failed := os.Create(s.trace)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		s.config.Trace = file
	}
	largePages(min(int64(max(nodes, 0))*simNode, simMemory))
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(simMemory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(simGarbage)
	}
	lines := newSimProgress(p.stderr)
	points, err := p.sweep(ctx, s.config, parameter, values, s.seeds, lines.tell)
	lines.end()
	var broken *sim.Broken
	switch {
	case errors.As(err, &broken):
		err = nil // it is told in the end
	case len(points) == 0:
		return fmt.Errorf("the simulation has no result: %w", err)
	case err != nil && points[len(points)-1].Interrupted:
		err = fmt.Errorf("the simulation was not at its end, and the result is of what it had come to: %w", err)
	}
	if len(points) > 0 {
		err = errors.Join(err, p.showPoints(s, shown, parameter, points))
	}
	if broken != nil {
		err = errors.Join(err, p.again(ctx, broken))
	}
	return err
}

// simProgress counts minutes of virtual time.
type simProgress struct{ *progress }

func newSimProgress(out io.Writer) simProgress {
	lines := newProgress(out, false)
	lines.unit = "min"
	return simProgress{lines}
}

func (l simProgress) tell(p sim.Progress) {
	doing := p.Doing
	if p.Runs > 1 {
		doing = fmt.Sprintf("%d/%d %s", p.Run, p.Runs, doing)
	}
	l.update(testnet.Stage(doing), int(p.Virtual.Minutes()), int(p.Of.Minutes()))
}

// showPoints is for people, for machines and for papers. One that cannot be shown to
// some is shown to the others.
func (p program) showPoints(s simulation, shown *atLast, parameter string, points []sim.Point) (err error) {
	if s.json {
		err = json.NewEncoder(p.stdout).Encode(map[string]any{"parameter": parameter, "points": points})
	} else {
		err = simTable(p.stdout, parameter, points)
	}
	if shown != nil {
		err = errors.Join(err, shown.write(func(w io.Writer) error { return report.Write(w, parameter, points) }))
	}
	return err
}

// again looks for a smaller network that breaks too, and says how to see it.
func (p program) again(ctx context.Context, broken *sim.Broken) error {
	fmt.Fprintln(p.stderr, broken)
	fmt.Fprintln(p.stderr, "looking for a smaller network that shows it; Ctrl-C takes the smallest so far …")
	lines := newSimProgress(p.stderr)
	smaller := sim.Shrink(ctx, broken, lines.tell)
	lines.end()
	return fmt.Errorf("an invariant broke; this shows it again:\n  khashmir-testnet %s", smaller.Command())
}
