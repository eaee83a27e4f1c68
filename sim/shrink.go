package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Command is the arguments of khashmir-testnet that run c, as far as it was made
// with Set.
func (c Config) Command() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sim %s", c.Scenario)
	for _, s := range c.settings {
		fmt.Fprintf(&b, " --%s %s", s.name, s.value)
	}
	return b.String()
}

// Command is that of its Config.
func (b *Broken) Command() string { return b.Config.Command() }

// Shrink looks for a smaller network and a shorter time that break too, with
// the same seed, in a number of runs that is bounded.
func Shrink(ctx context.Context, broken *Broken) *Broken {
	for range 8 {
		nodes := broken.Config.Nodes / 2
		if nodes < 8 || !smaller(ctx, &broken, "nodes", strconv.Itoa(nodes)) {
			break
		}
	}
	c := broken.Config
	needed := broken.At - c.JoinOver - c.Settle + time.Minute
	if heals := broken.At > c.JoinOver+c.Settle+c.Duration; !heals && needed > 0 && needed < c.Duration {
		smaller(ctx, &broken, "duration", needed.Round(time.Second).String())
	} else if heals {
		smaller(ctx, &broken, "duration", (c.Duration / 4).Round(time.Second).String())
	}
	if c.Values > 1 {
		smaller(ctx, &broken, "values", strconv.Itoa(c.Values/4+1))
	}
	return broken
}

// smaller replaces *broken if it breaks too with that parameter.
func smaller(ctx context.Context, broken **Broken, name, value string) bool {
	c := (*broken).asked
	c.Trace = nil
	if Set(&c, name, value) != nil {
		return false
	}
	_, err := Run(ctx, c, nil)
	var again *Broken
	if !errors.As(err, &again) {
		return false
	}
	*broken = again
	return true
}
