package sim

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// Shrink looks for a smaller network and a shorter time in which the same invariant
// breaks with the same seed, and no later. It takes off what it can of one extent
// after the other until nothing can be taken off any of them, in maxTries runs at the
// most. What it has come to when ctx ends it is what it returns. tell may be nil.
func Shrink(ctx context.Context, broken *Broken, tell func(Progress)) *Broken {
	tries := 0
	for again := true; again; {
		again = false
		for _, e := range extents {
			for tries < maxTries && ctx.Err() == nil && e.shrink(ctx, &broken, &tries, tell) {
				again = true
			}
		}
	}
	return broken
}

const maxTries = 100

// extent is something of which there can be less in a run.
type extent struct {
	name  string // of the parameter
	least int
	of    func(c Config) int
	text  func(n int) string
}

// extents is all of them; those that save most of the time come first.
var extents = []extent{
	{"nodes", 2, func(c Config) int { return c.Nodes }, strconv.Itoa},
	{"crowd", 1, func(c Config) int { return c.Crowd }, strconv.Itoa},
	{"hot-finds", 1, func(c Config) int { return c.HotFinds }, strconv.Itoa},
	{"values", 1, func(c Config) int { return c.Values }, strconv.Itoa},
	{"partition-for", 1, seconds(func(c Config) time.Duration { return c.PartitionFor }), inSeconds},
	{"duration", 1, seconds(func(c Config) time.Duration { return c.Duration }), inSeconds},
	{"heal", 0, seconds(func(c Config) time.Duration { return c.Heal }), inSeconds},
	{"settle", 0, seconds(func(c Config) time.Duration { return c.Settle }), inSeconds},
	{"join-over", 1, seconds(func(c Config) time.Duration { return c.JoinOver }), inSeconds},
}

func seconds(of func(Config) time.Duration) func(Config) int {
	return func(c Config) int { return int(of(c) / time.Second) }
}

func inSeconds(n int) string { return (time.Duration(n) * time.Second).String() }

// shrink takes off all that is over the least, or else a half of it, a quarter or an
// eighth, and reports whether *broken breaks without.
func (e extent) shrink(ctx context.Context, broken **Broken, tries *int, tell func(Progress)) bool {
	over := e.of((*broken).Config) - e.least
	for part := 1; part <= 8 && over/part > 0 && *tries < maxTries; part *= 2 {
		*tries++
		if smaller := (*broken).with(ctx, e.name, e.text(e.least+over-over/part), *tries, tell); smaller != nil {
			*broken = smaller
			return true
		}
	}
	return false
}

// with is how the same invariant breaks with that parameter, or nil if it does not.
func (b *Broken) with(ctx context.Context, name, value string, try int, tell func(Progress)) *Broken {
	c := b.asked
	c.Trace, c.noLater = nil, b.At+time.Minute
	if Set(&c, name, value) != nil {
		return nil
	}
	_, err := Run(ctx, c, func(p Progress) {
		if tell != nil {
			p.Run, p.Runs = try, maxTries
			tell(p)
		}
	})
	var again *Broken
	if !errors.As(err, &again) || again.invariant != b.invariant {
		return nil
	}
	return again
}
