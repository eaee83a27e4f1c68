package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

func (p *program) getCommand() *cobra.Command {
	var raw, watch, trace bool
	var enough int
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "get KEY",
		Short: "Find the values under a key",
		Long: `Finds the values under KEY and prints each as it arrives, a line each. What is no
text is printed in quotes, as Go writes it; --raw prints the first value as it is,
and nothing else. At last it says, on standard error, how many there were, how many
nodes have shown them and what it took.

A search goes on until all the nodes closest to the key were heard, for each may
have others' values. --enough 1 is content with the first value, which a cache on
the way may have.

--watch goes on looking, and prints a line for each value that comes (+) or goes
(-), until Ctrl-C.`,
		Example: `  khashmir get greeting
  khashmir get notes --raw | tar tz
  khashmir get greeting --watch --every 5s
  khashmir get greeting --trace`,
		Args: args(1, 1, "a KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case raw && (watch || p.settings.json):
				return usage("--raw prints one value as it is: neither --watch nor --json goes with it")
			case watch:
				p.settings.timeout = math.MaxInt64
				return p.ask(cmd, p.reachOrJoin, func(ctx context.Context, c *client.Client) error {
					return c.Watch(ctx, args[0], every, p.changed)
				})
			case raw:
				enough = 1
			}
			return p.ask(cmd, p.reachOrJoin, func(ctx context.Context, c *client.Client) error {
				return p.get(ctx, c, args[0], raw, trace, enough)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&raw, "raw", false, "print the first value as it is")
	flags.IntVar(&enough, "enough", 0, "stop when so many values are found")
	flags.BoolVar(&watch, "watch", false, "go on looking")
	flags.DurationVar(&every, "every", 10*time.Second, "how often to look, watching")
	flags.BoolVar(&trace, "trace", false, "print each step of the search on standard error")
	return cmd
}

func (p *program) get(ctx context.Context, c *client.Client, key string, raw, trace bool, enough int) error {
	options, values := client.GetOptions{Enough: enough}, 0
	if !p.settings.json {
		options.Value = func(v api.Value) {
			values++
			if raw {
				_, _ = p.out.Write(v.Bytes)
				return
			}
			fmt.Fprintln(p.out, printable(v.Bytes))
		}
	}
	if trace {
		options.Trace = p.stepper()
	}
	found, err := c.Get(ctx, key, options)
	values += len(found.Values)
	switch {
	case err != nil && values == 0:
		return err
	case err != nil && problemOf(err).Code != api.NoContacts: // alone, it has looked here
		fmt.Fprintf(p.err, "there may be more: %s\n", problemOf(err).Message)
	}
	if p.settings.json {
		if err := p.show(found); err != nil {
			return err
		}
	} else if !raw || values == 0 {
		fmt.Fprintf(p.err, "%s, shown by %s, %s\n", count(values, "value"), count(len(found.Shown), "node"), cost(found.TookMs, found.Questions, found.Hops))
		for _, each := range found.Shown {
			fmt.Fprintf(p.err, "  %.8s at %s: %s\n", each.ID, addr(each.Contact), count(each.Values, "value"))
		}
	}
	if values == 0 {
		return notDone{}
	}
	return nil
}

// changed prints a value that has come or gone.
func (p *program) changed(v api.Value) {
	if p.settings.json {
		_ = p.show(v)
		return
	}
	sign := "+"
	if v.Gone {
		sign = "-"
	}
	fmt.Fprintf(p.out, "%s %s %s\n", time.Now().Format(time.TimeOnly), sign, printable(v.Bytes))
}
