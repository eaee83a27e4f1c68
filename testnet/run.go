package testnet

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// Run builds the network, puts it through the script and takes it down again.
// A peer or value that was not found is in the report, not in the error.
func Run(ctx context.Context, config Config) (Report, error) {
	begun := now()
	network, err := Start(ctx, config)
	if err != nil {
		return Report{}, err
	}
	var report Report
	if err = network.Join(ctx); err == nil {
		report, err = network.Play(ctx)
	}
	err = also(err, network.Close())
	all := begun.since()
	report.WallS, report.CPUS = seconds(all.wall), seconds(all.cpu)
	return report, err
}

// Play is the script itself, on a network that has joined: the finds, then the
// stores and the gets, then the faults. The report lacks only what it takes to
// close.
func (n *Network) Play(ctx context.Context) (Report, error) {
	r := &run{Network: n, report: n.described(), dead: make([]bool, len(n.peers))}
	parts := []func(context.Context) error{r.finds, r.stores, r.measure}
	if n.config.Partition > 0 {
		parts = append(parts, r.partition)
	}
	if n.config.Kill > 0 {
		parts = append(parts, r.kill)
	}
	if n.config.Restart {
		parts = append(parts, r.restart)
	}
	for _, part := range parts {
		if err := part(ctx); err != nil {
			return r.report, err
		}
	}
	r.report.Kept = r.tally()
	r.report.Faults = r.faults.words()
	return r.report, nil
}

func (n *Network) described() Report {
	c := n.config
	return Report{
		Peers: c.Peers, Seed: c.Seed, Transport: c.Transport, Store: c.Store,
		Callers: c.Callers, ValueSize: c.ValueSize, Entries: c.Entries, Dir: c.Dir,
		Joined: n.joined, Finds: c.Finds, Stores: c.Stores * c.Entries,
		BootS: seconds(n.boot.wall), BootCPUS: seconds(n.boot.cpu),
	}
}

// run gathers what happens. Its fields are guarded by the network's mu.
type run struct {
	*Network
	report Report

	find, store     []time.Duration
	gets            looks
	questions, hops int // of the stores

	deposits []*deposit
	dead     []bool // by peer
}

// finds has random peers find random others.
func (r *run) finds(ctx context.Context) error {
	before, err := r.total()
	if err != nil {
		return err
	}
	err = r.each(ctx, Finding, r.config.Finds, r.config.Callers, func(i int) error {
		random := r.random(Finding, i)
		from := random.IntN(len(r.peers))
		wanted := others(random, len(r.peers), from)
		f, err := r.peers[from].FindNode(ctx, r.peers[wanted].ID())
		if ctx.Err() == nil {
			r.found(from, wanted, f, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	after, err := r.total()
	r.report.MessagesPerFind = ratio(after.Asked-before.Asked, r.config.Finds)
	r.report.HopsPerFind = ratio(after.Hops-before.Hops, after.Lookups-before.Lookups)
	return err
}

func (r *run) found(from, wanted int, f found, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.find = append(r.find, f.Took)
	switch {
	case err != nil:
		r.faults.add("peer %d did not find peer %d: %v", from, wanted, err)
	case len(f.IDs) == 0 || f.IDs[0] != r.peers[wanted].ID():
		r.faults.add("peer %d did not find peer %d", from, wanted)
	default:
		r.report.FindsOK++
	}
}

// measure takes the measures of the network as it stands before the faults.
func (r *run) measure(context.Context) error {
	r.report.FindP50MS, r.report.FindP99MS = percentiles(r.find)
	r.report.StoreP50MS, r.report.StoreP99MS = percentiles(r.store)
	r.report.GetFirstP50MS, r.report.GetFirstP99MS = percentiles(r.gets.first)
	r.report.GetP50MS, r.report.GetP99MS = percentiles(r.gets.whole)
	r.report.Gets, r.report.GetsOK = r.gets.looked, r.gets.found
	sum, err := r.total()
	r.report.Goroutines = runtime.NumGoroutine() + sum.Goroutines
	r.report.RSSMiB = memory() + sum.RSSMiB
	r.report.Connections = sum.Transport.Connections
	r.report.Handshakes = int(sum.Transport.Handshakes)
	r.report.Contacts = ratio(sum.Contacts, len(r.peers))
	return err
}

// total adds up the peers' own counts. One that was closed has none.
func (n *Network) total() (sum stats, err error) {
	for _, p := range n.peers {
		s, err := p.Stats()
		if errors.Is(err, khashmir.ErrClosed) {
			continue
		}
		if err != nil {
			return sum, err
		}
		sum.Contacts += s.Contacts
		sum.Lookups += s.Lookups
		sum.Hops += s.Hops
		sum.Asked += s.Asked
		sum.Transport.Connections += s.Transport.Connections
		sum.Transport.Handshakes += s.Transport.Handshakes
		sum.Goroutines += s.Goroutines
		sum.RSSMiB += s.RSSMiB
		sum.CPU += s.CPU
	}
	return sum, nil
}
