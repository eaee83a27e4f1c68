package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

func (p *program) peersCommand() *cobra.Command {
	return p.tableCommandOf("peers", "List the node's contacts", "Lists the contacts in the routing table, the closest to the node last.",
		func(t api.Table) {
			w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tADDRESS\tSTATE\tLAST SEEN")
			for _, b := range t.Buckets {
				for _, m := range b.Contacts {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.ID, addr(m.Contact), m.State, ago(m.LastSeen))
				}
			}
			_ = w.Flush()
		})
}

func (p *program) tableCommand() *cobra.Command {
	return p.tableCommandOf("table", "Show the routing table, bucket by bucket",
		`Shows the K-buckets of the routing table. Each is a part of the ID space, named by
the bits that its IDs begin with; the last one is the node's own. A bucket that is
far keeps up to K contacts and some that wait for a place.`,
		func(t api.Table) {
			w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "BUCKET\tCONTACTS\tGOOD\tSTALE\tBAD\tWAITING\tLOOKED UP")
			for _, b := range t.Buckets {
				states := make(map[string]int)
				for _, m := range b.Contacts {
					states[m.State]++
				}
				fmt.Fprintf(w, "%s…\t%d\t%d\t%d\t%d\t%d\t%s\n", b.Prefix, len(b.Contacts), states["good"], states["stale"], states["bad"], b.Waiting, ago(b.LookedUp))
			}
			_ = w.Flush()
			fmt.Fprintf(p.out, "self %s, k %d\n", t.Self, t.K)
		})
}

func (p *program) tableCommandOf(name, short, long string, print func(api.Table)) *cobra.Command {
	return p.plainCommand(name, short, long, func(ctx context.Context, c *client.Client) error {
		t, err := c.Table(ctx)
		switch {
		case err != nil:
			return err
		case p.settings.json:
			return p.show(t)
		}
		print(t)
		return nil
	})
}

// plainCommand asks the node that runs, and takes no arguments.
func (p *program) plainCommand(name, short, long string, f func(context.Context, *client.Client) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Long: long, Args: args(0, 0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.ask(cmd, p.reach, f) },
	}
}

func (p *program) holdingsCommand() *cobra.Command {
	return p.plainCommand("holdings", "List the keys that the node holds values under",
		"Lists what the node holds for the network: each key, how much there is under it and when it expires.",
		func(ctx context.Context, c *client.Client) error {
			w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			if !p.settings.json {
				fmt.Fprintln(w, "KEY\tENTRIES\tBYTES\tEXPIRES IN")
			}
			for from := ""; ; {
				page, err := c.Holdings(ctx, from, 1000)
				if err != nil {
					return err
				}
				if p.settings.json {
					if err := p.show(page); err != nil {
						return err
					}
				}
				for _, h := range page.Holdings {
					if !p.settings.json {
						fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", h.Key, h.Entries, h.Bytes, left(h.Latest))
					}
				}
				if from = page.Next; from == "" {
					return w.Flush()
				}
			}
		})
}
