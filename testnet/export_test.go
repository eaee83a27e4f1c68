package testnet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// ContactsOf is which peers the i-th one is told of.
func (n *Network) ContactsOf(i int) []int { return n.contacts(i) }

// ReadersOf is who looks for what these have published and those hold, drawn in
// that order, three at the most.
func (n *Network) ReadersOf(order, publishers []int, holders []khashmir.ID) []int {
	d := newDeposit(0, "", khashmir.ID{})
	for _, i := range publishers {
		d.publishers[i] = true
	}
	for _, id := range holders {
		d.holders[id] = true
	}
	return (&run{Network: n}).readers(order, d, 3)
}

// Percentiles are a report's p50 and p99.
func Percentiles(times []time.Duration) (p50, p99 float64) { return percentiles(times) }

// Process is a peer that is a process of its own.
type Process = process

// StartProcess starts the peer whose file this is, at an address that it had
// or at any.
func StartProcess(ctx context.Context, seed uint64, file, addr string) (*Process, error) {
	return startProcess(ctx, opening{Seed: identity(seed, 0).Seed(), Path: file, Listen: cmp.Or(addr, "127.0.0.1:0")})
}

// Lacks is which of these keys, each the hash of its value, p itself does not
// hold.
func Lacks(ctx context.Context, p *Process, keys []khashmir.ID) ([]khashmir.ID, error) {
	return p.lacks(ctx, keys)
}

// Judge is what a reader that finds these values misses, and what it should
// not have found, if stored was acknowledged and failed was not.
func Judge(stored, failed, found []string) (missing, absent, foreign int) {
	d := newDeposit(0, "", khashmir.ID{})
	for i, value := range append(slices.Clone(stored), failed...) {
		d.values[sha256.Sum256([]byte(value))] = i < len(stored)
	}
	d.acknowledged = len(stored)
	var values [][]byte
	for _, value := range found {
		values = append(values, []byte(value))
	}
	v := d.judge(values)
	return v.missing, v.absent, v.foreign
}

// CutInHalves cuts the network between these.
func (n *Network) CutInHalves(one, other []int) { (&run{Network: n}).divide([2][]int{one, other}) }
