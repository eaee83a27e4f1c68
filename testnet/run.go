package testnet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// Run builds the network, puts it through the script and takes it down again.
// A peer or value that was not found is in the report, not in the error.
func Run(ctx context.Context, config Config) (report Report, err error) {
	begun, cpu := time.Now(), cpuTime()
	network, err := Start(ctx, config)
	if err != nil {
		return Report{}, err
	}
	defer func() {
		err = errors.Join(err, network.Close())
		report.WallS = seconds(time.Since(begun))
		report.CPUS = seconds(cpuTime() - cpu)
	}()
	r := newRun(network)
	if err := network.Join(ctx); err != nil {
		return r.report, err
	}
	r.report.BootS = seconds(time.Since(begun))
	r.report.BootCPUS = seconds(cpuTime() - cpu)
	if err := r.finds(ctx); err != nil {
		return r.report, err
	}
	if err := r.stores(ctx); err != nil {
		return r.report, err
	}
	return r.finish()
}

// run gathers what happens.
type run struct {
	*Network
	report Report

	mu                      sync.Mutex
	find, store, first, get []time.Duration
	storeQuestions          int
}

func newRun(n *Network) *run {
	c := n.config
	return &run{Network: n, report: Report{
		Peers: c.Peers, Seed: c.Seed, Transport: c.Transport, Store: c.Store,
		Callers: c.Callers, ValueSize: c.ValueSize,
		Finds: c.Finds, Stores: c.Stores,
	}}
}

// finds has random peers find random others.
func (r *run) finds(ctx context.Context) error {
	before, err := r.total()
	if err != nil {
		return err
	}
	err = r.each(ctx, Finding, r.config.Finds, r.config.Callers, func(i int) error {
		random := r.random(Finding, i)
		from := random.IntN(len(r.Nodes))
		wanted := r.Nodes[others(random, len(r.Nodes), from)].ID()
		begun := time.Now()
		found, err := r.Nodes[from].FindNode(ctx, wanted)
		took := time.Since(begun)

		r.mu.Lock()
		defer r.mu.Unlock()
		r.find = append(r.find, took)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && len(found) > 0 && found[0].ID == wanted:
			r.report.FindsOK++
		default:
			r.fault("peer %d did not find peer %v: %v", from, wanted, err)
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

// stores has random peers store a value each, and others that do not hold it
// look for it.
func (r *run) stores(ctx context.Context) error {
	before, err := r.total()
	if err != nil {
		return err
	}
	err = r.each(ctx, Storing, r.config.Stores, r.config.Callers, func(i int) error {
		random := r.random(Storing, i)
		writer := random.IntN(len(r.Nodes))
		key, value := pair(random, i, r.config.ValueSize)
		begun := time.Now()
		result, err := r.Nodes[writer].Store(ctx, key, value)
		took := time.Since(begun)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.stored(took, writer, result, err)
		for _, reader := range r.readers(random, writer, result) {
			r.read(ctx, reader, key, value)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	after, err := r.total()
	r.report.MessagesPerStore = ratio(r.storeQuestions, r.config.Stores)
	r.report.MessagesPerGet = ratio(after.Asked-before.Asked-r.storeQuestions, r.report.Gets)
	return err
}

// pair is the i-th key and its value: random bytes behind a number.
func pair(random *rand.Rand, i, size int) (khashmir.ID, []byte) {
	value := make([]byte, size)
	for j := range value {
		value[j] = byte(random.Uint32())
	}
	binary.BigEndian.PutUint64(value, uint64(i))
	return khashmir.HashID(value), value
}

func (r *run) stored(took time.Duration, writer int, result khashmir.Result, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store = append(r.store, took)
	r.storeQuestions += result.Questions
	if err != nil {
		r.fault("peer %d could not store %v: %v", writer, result.Key, err)
		return
	}
	r.report.StoresOK++
}

// readers draws peers that do not hold the value; where there are too few, as
// in a network of ten, any but the writer.
func (r *run) readers(random *rand.Rand, writer int, result khashmir.Result) []int {
	holds := make(map[khashmir.ID]bool)
	for _, c := range result.Stored {
		holds[c.ID] = true
	}
	var without, with []int
	for _, i := range random.Perm(len(r.Nodes)) {
		switch {
		case i == writer:
		case holds[r.Nodes[i].ID()]:
			with = append(with, i)
		default:
			without = append(without, i)
		}
	}
	chosen := append(without, with...)
	return chosen[:min(r.config.Readers, len(chosen))]
}

// read looks for the value and takes both times: to the first value, and to
// the end of the search.
func (r *run) read(ctx context.Context, reader int, key khashmir.ID, want []byte) {
	begun := time.Now()
	var first time.Duration
	var wrong error
	found := 0
	for value, err := range r.Nodes[reader].Values(ctx, key) {
		switch {
		case err != nil:
			wrong = err
		case string(value) != string(want):
			wrong = errors.New("another value is there")
		default:
			first = time.Since(begun)
			found++
		}
	}
	took := time.Since(begun)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Gets++
	if found != 1 || wrong != nil {
		if ctx.Err() == nil {
			r.fault("peer %d did not find value %v: %v", reader, key, wrong)
		}
		return
	}
	r.report.GetsOK++
	r.first = append(r.first, first)
	r.get = append(r.get, took)
}

// fault keeps the first few of what went wrong, in words.
func (r *run) fault(format string, args ...any) {
	const enough = 10
	if len(r.report.Faults) < enough {
		r.report.Faults = append(r.report.Faults, fmt.Sprintf(format, args...))
	}
}

// finish takes the measures of the network as it stands.
func (r *run) finish() (Report, error) {
	r.report.FindP50MS, r.report.FindP99MS = percentiles(r.find)
	r.report.StoreP50MS, r.report.StoreP99MS = percentiles(r.store)
	r.report.GetFirstP50MS, r.report.GetFirstP99MS = percentiles(r.first)
	r.report.GetP50MS, r.report.GetP99MS = percentiles(r.get)
	r.report.Goroutines = runtime.NumGoroutine()
	r.report.RSSMiB = memory()
	sum, err := r.total()
	r.report.Connections = sum.Transport.Connections
	r.report.Handshakes = int(sum.Transport.Handshakes)
	r.report.Contacts = ratio(sum.Contacts, len(r.Nodes))
	return r.report, err
}

// total adds up the peers' own counts.
func (r *run) total() (sum khashmir.Stats, err error) {
	for _, node := range r.Nodes {
		s, err := node.Stats()
		if err != nil {
			return sum, err
		}
		sum.Contacts += s.Contacts
		sum.Lookups += s.Lookups
		sum.Hops += s.Hops
		sum.Asked += s.Asked
		sum.Transport.Connections += s.Transport.Connections
		sum.Transport.Handshakes += s.Transport.Handshakes
	}
	return sum, nil
}
