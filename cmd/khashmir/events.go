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

func (p *program) eventsCommand() *cobra.Command {
	cmd := p.plainCommand("events", "Print what the node does, as it does it",
		`Prints what the node does until Ctrl-C: each step of each lookup, who was answered,
who came and who was lost. With --json it is a trace, a line each. One that is too
slow to be printed is left out, and said to be.`,
		func(ctx context.Context, c *client.Client) error {
			return c.Events(ctx, func(e api.Event) {
				if p.settings.json {
					_ = p.show(e)
					return
				}
				fmt.Fprintln(p.out, time.Now().Format(time.TimeOnly), happened(e))
			})
		})
	follow := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p.settings.timeout = math.MaxInt64
		return follow(cmd, args)
	}
	return cmd
}

// happened is an event in words.
func happened(e api.Event) string {
	switch {
	case e.Step != nil:
		return fmt.Sprintf("lookup %d: %s %.8s at %s%s", e.Step.Number, e.Step.Kind, e.Step.Contact.ID, addr(e.Step.Contact), said(*e.Step))
	case e.Lookup != nil:
		return fmt.Sprintf("lookup %d of %.8s is over: %s", e.Lookup.Number, e.Lookup.Target, cost(e.Lookup.TookMs, e.Lookup.Questions, e.Lookup.Hops))
	case e.Served != nil:
		return fmt.Sprintf("answered %s of %.8s at %s in %s", e.Served.Method, e.Served.From.ID, addr(e.Served.From), took(e.Served.TookMs))
	case e.Met != nil:
		return fmt.Sprintf("met %.8s at %s", e.Met.ID, addr(*e.Met))
	case e.Lost != nil:
		return fmt.Sprintf("lost %.8s at %s", e.Lost.ID, addr(*e.Lost))
	}
	return fmt.Sprintf("%s too many to be told", count(e.Dropped, "event"))
}
