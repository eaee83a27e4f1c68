package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

func (p *program) putCommand() *cobra.Command {
	var options client.PutOptions
	var file string
	cmd := &cobra.Command{
		Use:   "put KEY [VALUE]",
		Short: "Store a value under a key",
		Long: `Stores VALUE under KEY, beside what others have stored there; without VALUE it is
read from standard input, or from --file. Says at how many nodes it is, who has
refused it and why.

The value lives for a day, or --ttl. With --keep the node stores it again and
again until "khashmir rm --forget"; with --prompt it answers when half of the nodes
have committed the value, and goes on by itself. Both take a node that runs.`,
		Example: `  khashmir put greeting hello
  khashmir put greeting --ttl 1h --keep hello
  tar cz notes | khashmir put notes
  khashmir put 0a4d55a8d778e5022fab701977c5d840bbc486d0 --file picture.png`,
		Args: args(1, 2, "a KEY and a VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.publishes = true
			value, err := p.value(args[1:], file)
			if err != nil {
				return err
			}
			reach := reacher(p.reachOrJoin)
			if options.Keep || options.Prompt { // what goes on needs somebody who stays
				reach = p.reach
			}
			return p.ask(cmd, reach, func(ctx context.Context, c *client.Client) error {
				result, err := c.Put(ctx, args[0], value, options)
				return p.stored(result, err, "stored")
			})
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&options.TTL, "ttl", 0, "how long it lives (default 24h)")
	flags.BoolVar(&options.Keep, "keep", false, "store it again until it is forgotten")
	flags.BoolVar(&options.Prompt, "prompt", false, "return when half the nodes have it, and go on")
	flags.StringVar(&file, "file", "", "read the value from this `file`")
	return cmd
}

func (p *program) rmCommand() *cobra.Command {
	var forget bool
	var file string
	cmd := &cobra.Command{
		Use:   "rm KEY [VALUE]",
		Short: "Take a value back",
		Long: `Takes back what this node has stored: VALUE under KEY goes everywhere. Others'
values stay, the same one too: only who has published a value can remove it. So
where no node runs, the identity in DIR has to be the one that stored it.

With --forget a value that is kept is only stored no more, and goes in its time.`,
		Args: args(1, 2, "a KEY and a VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.publishes = true
			value, err := p.value(args[1:], file)
			if err != nil {
				return err
			}
			if forget {
				return p.ask(cmd, p.reach, func(ctx context.Context, c *client.Client) error {
					result, err := c.Forget(ctx, args[0], value)
					if err == nil && !p.settings.json {
						fmt.Fprintf(p.out, "stored no more\nkey %s\n", result.Key)
						return nil
					}
					return p.stored(result, err, "forgotten")
				})
			}
			return p.ask(cmd, p.reachOrJoin, func(ctx context.Context, c *client.Client) error {
				result, err := c.Remove(ctx, args[0], value)
				return p.stored(result, err, "removed")
			})
		},
	}
	cmd.Flags().BoolVar(&forget, "forget", false, "only store it no more")
	cmd.Flags().StringVar(&file, "file", "", "read the value from this `file`")
	return cmd
}

// value is the one that was typed, or what the file or standard input has.
func (p *program) value(args []string, file string) (value []byte, err error) {
	switch {
	case len(args) > 0 && file != "":
		return nil, usage("a VALUE and a --file are one too many")
	case len(args) > 0:
		return []byte(args[0]), nil
	}
	from := p.in
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usage("%w", err)
		}
		defer f.Close()
		from = f
	}
	// One byte more than any node takes: the node says how much is too much.
	value, err = io.ReadAll(io.LimitReader(from, kad.MaxMessageSize))
	if err != nil {
		return nil, fmt.Errorf("read the value: %w", err)
	}
	return value, nil
}

// stored tells what became of a value.
func (p *program) stored(r api.Result, err error, done string) error {
	if err != nil && r.Key == "" {
		return err
	}
	// The first node of a network has nobody else to keep it. It is committed,
	// and handed over to who comes.
	alone := err != nil && problemOf(err).Code == api.NoContacts && len(r.Stored) > 0
	if p.settings.json {
		if failed := p.show(r); failed != nil {
			return failed
		}
		if err != nil && !alone {
			return notDone{}
		}
		return nil
	}
	if err == nil || alone {
		fmt.Fprintf(p.out, "%s at %s %s\n", done, count(len(r.Stored), "node"), cost(r.TookMs, r.Questions, r.Hops))
		for _, each := range r.Stored {
			fmt.Fprintf(p.out, "  %.8s at %s\n", each.ID, addr(each))
		}
		fmt.Fprintf(p.out, "key %s\n", r.Key)
	}
	switch {
	case alone:
		fmt.Fprintln(p.err, "this node knows nobody: it has the value alone, until others come")
		err = nil
	case r.GoesOn:
		fmt.Fprintln(p.err, "more nodes are being asked")
	}
	for _, each := range r.Refused {
		fmt.Fprintf(p.err, "refused by %.8s at %s: %s\n", each.ID, addr(each.Contact), each.Error.Message)
	}
	return err
}
