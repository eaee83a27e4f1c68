package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

func (p *program) statusCommand() *cobra.Command {
	return p.plainCommand("status", "Say how the node is", `Says who the node is, how many it knows and holds, and whether something is wrong;
"khashmir doctor" says what to do about that.`,
		func(ctx context.Context, c *client.Client) error {
			s, err := c.Status(ctx)
			switch {
			case err != nil:
				return err
			case p.settings.json:
				return p.show(s)
			}
			printStatus(p.out, s)
			return nil
		})
}

func printStatus(out io.Writer, s api.Status) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	network := "not known yet"
	if s.Network > 0 {
		network = fmt.Sprintf("about %s", count(s.Network, "node"))
	}
	fmt.Fprintf(w, "id\t%s\n", s.ID)
	fmt.Fprintf(w, "address\t%s\n", addr(s.Contact))
	fmt.Fprintf(w, "up since\t%s (%s)\n", s.Since.Local().Format("2006-01-02 15:04:05"), ago(s.Since))
	fmt.Fprintf(w, "version\t%s\n", s.Version)
	fmt.Fprintf(w, "contacts\t%d\n", s.Contacts)
	fmt.Fprintf(w, "network\t%s\n", network)
	fmt.Fprintf(w, "holds\t%s of %d, %s of %s\n", count(s.Entries, "value"), s.MaxEntries, size(s.Bytes), size(s.MaxBytes))
	fmt.Fprintf(w, "memory\t%s\n", size(s.Memory))
	for _, check := range s.Health {
		if check.State != api.OK {
			fmt.Fprintf(w, "%s\t%s: %s\n", check.State, check.Name, check.Says)
		}
	}
	_ = w.Flush()
}

func (p *program) doctorCommand() *cobra.Command {
	return p.plainCommand("doctor", "Say what is wrong with the node, and what to do",
		`Looks at the node: whether it knows anybody, is answered and asked, has room, whether
the disk and the clock are sound and the system drops its packets. Ends with 1 if
something is wrong.`,
		func(ctx context.Context, c *client.Client) error {
			s, err := c.Status(ctx)
			if err != nil {
				return err
			}
			wrong := slices.ContainsFunc(s.Health, func(c api.Check) bool { return c.State != api.OK })
			if p.settings.json {
				err = p.show(s.Health)
			} else {
				printChecks(p.out, s.Health)
			}
			if err == nil && wrong {
				err = notDone{}
			}
			return err
		})
}

func printChecks(out io.Writer, checks []api.Check) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range checks {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.State, c.Name, c.Says)
		if c.Do != "" {
			fmt.Fprintf(w, "\t\t-> %s\n", c.Do)
		}
	}
	_ = w.Flush()
}

func (p *program) statsCommand() *cobra.Command {
	return p.plainCommand("stats", "Print the node's counts", "Prints what the node holds and what it has done since it was started.",
		func(ctx context.Context, c *client.Client) error {
			s, err := c.Stats(ctx)
			switch {
			case err != nil:
				return err
			case p.settings.json:
				return p.show(s)
			}
			return printCounts(p.out, s)
		})
}

// printCounts prints the counts by the names that they have in JSON.
func printCounts(out io.Writer, s api.Stats) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	var counts map[string]any
	if err := json.Unmarshal(text, &counts); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if parts, ok := counts[name].(map[string]any); ok {
			for _, part := range slices.Sorted(maps.Keys(parts)) {
				fmt.Fprintf(w, "%s.%s\t%v\n", name, part, parts[part])
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%v\n", name, counts[name])
	}
	return w.Flush()
}
