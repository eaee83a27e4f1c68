package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

func (p *program) findNodeCommand() *cobra.Command {
	var trace bool
	cmd := &cobra.Command{
		Use:   "find-node ID",
		Short: "Find the nodes closest to an ID",
		Long: `Looks for the 8 nodes whose IDs are closest to ID, by the XOR metric, and prints
them, the closest first, with the bits that they share with it to begin with.
--trace prints each step of the search.`,
		Args: args(1, 1, "an ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.ask(cmd, p.reachOrJoin, func(ctx context.Context, c *client.Client) error {
				var step func(api.Step)
				if trace {
					step = p.stepper()
				}
				l, err := c.FindNode(ctx, args[0], step)
				if err != nil {
					return err
				}
				return p.closest(l)
			})
		},
	}
	cmd.Flags().BoolVar(&trace, "trace", false, "print each step on standard error")
	return cmd
}

func (p *program) closest(l api.Lookup) error {
	if p.settings.json {
		return p.show(l)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, each := range l.Closest {
		fmt.Fprintf(w, "%s\t%s bits\t%s\n", each.ID, sharedBits(l.Target, each.ID), addr(each))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.err, "%s closest to %s, %s\n", count(len(l.Closest), "node"), l.Target, cost(l.TookMs, l.Questions, l.Hops))
	return nil
}

func (p *program) pingCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ping ADDRESS|ID",
		Short: "Ask whether a node is there",
		Long: `Asks who is at ADDRESS (host:port), has it prove its identity and says who it is;
this also makes it a contact. Of an ID the address is looked for first.`,
		Args: args(1, 1, "an ADDRESS or an ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.ask(cmd, p.reachOrJoin, func(ctx context.Context, c *client.Client) error {
				pong, err := c.Ping(ctx, args[0])
				switch {
				case err != nil:
					return err
				case p.settings.json:
					return p.show(pong)
				}
				fmt.Fprintf(p.out, "%s at %s answers in %s\n", pong.ID, pong.Addr, took(pong.TookMs))
				return nil
			})
		},
	}
}
