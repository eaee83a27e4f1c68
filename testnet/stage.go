package testnet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Stage is a part of the run, named as a person would.
type Stage string

// The stages in order.
const (
	Building Stage = "building peers"
	Meeting  Stage = "giving contacts"
	Joining  Stage = "finding close nodes"
	Finding  Stage = "finding peers"
	Storing  Stage = "storing and reading values"

	Cutting Stage = "storing while cut in two"
	Healing Stage = "reading after the cut"

	Crashing  Stage = "crashing peers"
	Surviving Stage = "reading from who is left"

	Saving    Stage = "saving contacts"
	Killing   Stage = "kill -9 of every peer"
	Starting  Stage = "starting them again"
	Rejoining Stage = "finding close nodes again"
	Rereading Stage = "reading everything back"

	Announcing Stage = "announcing and finding" // BitTorrent's peers

	Closing Stage = "closing peers"

	unseen Stage = "" // a part of another
)

// each runs f for 0 to total-1, some at once, and stops at the first error or
// when ctx is done.
func (n *Network) each(ctx context.Context, stage Stage, total, atOnce int, f func(i int) error) error {
	going, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done atomic.Int64
	var running sync.WaitGroup
	n.progress(stage, 0, total)
	for range min(atOnce, total) {
		running.Go(func() {
			for going.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				if err := f(i); err != nil {
					cancel(err)
					return
				}
				n.progress(stage, int(done.Add(1)), total)
			}
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx) // whatever f says of it
	}
	return context.Cause(going)
}

func (n *Network) progress(stage Stage, done, total int) {
	if n.config.Progress != nil && stage != unseen {
		n.config.Progress(stage, done, total)
	}
}

// random is the source of choices for the i-th part of a stage, so that a seed
// repeats them however the parts interleave.
func (n *Network) random(stage Stage, i int) *rand.Rand {
	return rand.New(rand.NewChaCha8(drawn(n.config.Seed, string(stage), i)))
}

// drawn is 256 bits that follow from the seed and nothing else.
func drawn(seed uint64, what string, i int) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "khashmir testnet: seed %d, %s %d", seed, what, i))
}

// others draws a peer that is not i.
func others(random *rand.Rand, n, i int) int { return (i + 1 + random.IntN(n-1)) % n }
