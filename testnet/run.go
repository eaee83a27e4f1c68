package testnet

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// Run builds the network, puts it through the script and takes it down again.
// A peer or value that was not found is in the report, not in the error.
func Run(ctx context.Context, config Config) (Report, error) {
	if config.Restart {
		return runProcesses(ctx, config)
	}
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
// stores and the gets. The report lacks only what it takes to close.
func (n *Network) Play(ctx context.Context) (Report, error) {
	r := &run{Network: n, report: n.described()}
	if err := r.finds(ctx); err != nil {
		return r.report, err
	}
	if err := r.stores(ctx); err != nil {
		return r.report, err
	}
	if err := r.strike(ctx); err != nil {
		return r.report, err
	}
	return r.finish()
}

func (n *Network) described() Report {
	c := n.config
	return Report{
		Peers: c.Peers, Seed: c.Seed, Transport: c.Transport, Store: c.Store,
		Callers: c.Callers, ValueSize: c.ValueSize, Dir: c.Dir, Entries: c.Entries,
		Joined: n.joined, Finds: c.Finds, Stores: c.Stores * c.Entries,
		BootS: seconds(n.boot.wall), BootCPUS: seconds(n.boot.cpu),
	}
}

// run gathers what happens. Its fields are guarded by the network's mu.
type run struct {
	*Network
	report Report

	find, store, first, get []time.Duration
	questions, hops         int // of the stores
	ledger                  ledger
	dead                    map[*khashmir.Node]bool
	backFirst, back         []time.Duration // reading it all back
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
		wanted := others(random, len(r.Nodes), from)
		begun := time.Now()
		found, err := r.Nodes[from].FindNode(ctx, r.Nodes[wanted].ID())
		if ctx.Err() == nil {
			r.found(time.Since(begun), from, wanted, found, err)
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

func (r *run) found(took time.Duration, from, wanted int, found []khashmir.Contact, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.find = append(r.find, took)
	switch {
	case err != nil:
		r.faults.add("peer %d did not find peer %d: %v", from, wanted, err)
	case len(found) == 0 || found[0].ID != r.Nodes[wanted].ID():
		r.faults.add("peer %d did not find peer %d", from, wanted)
	default:
		r.report.FindsOK++
	}
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
		order := random.Perm(len(r.Nodes))
		key, writer, result := r.write(ctx, random, i, r.Nodes)
		for _, reader := range r.readers(order, writer, result) {
			r.read(ctx, i, reader, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	after, err := r.total()
	r.report.MessagesPerStore = ratio(r.questions, r.report.Stores)
	r.report.HopsPerStore = ratio(r.hops, r.report.Stores)
	r.report.MessagesPerGet = ratio(after.Asked-before.Asked-r.questions, r.report.Gets)
	r.report.HopsPerGet = ratio(after.Hops-before.Hops-r.hops, after.Lookups-before.Lookups-r.report.Stores)
	return err
}

// write stores the i-th key's values, each at a random one of the nodes. It
// returns the last of those, and what came of it.
func (r *run) write(ctx context.Context, random *rand.Rand, i int, nodes []*khashmir.Node) (key khashmir.ID, writer int, result khashmir.Result) {
	for e := range r.config.Entries {
		hash, value := pair(random, i*r.config.Entries+e, r.config.ValueSize)
		if e == 0 {
			key = hash
		}
		writer = random.IntN(len(nodes))
		begun := time.Now()
		var err error
		result, err = nodes[writer].Store(ctx, key, value)
		if ctx.Err() != nil {
			break
		}
		r.stored(time.Since(begun), i, writer, result, err)
		if err == nil {
			r.ledger.add(key, value)
		}
	}
	return key, writer, result
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

func (r *run) stored(took time.Duration, i, writer int, result khashmir.Result, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store = append(r.store, took)
	r.questions += result.Questions
	r.hops += result.Hops
	if err != nil {
		r.faults.add("peer %d did not store value %d: %v", writer, i, err)
		return
	}
	r.report.StoresOK++
}

// readers are the first of the order that do not hold the value; where there
// are too few, as in a network of ten, any but the writer.
func (r *run) readers(order []int, writer int, result khashmir.Result) []int {
	holds := make(map[khashmir.ID]bool)
	for _, c := range result.Stored {
		holds[c.ID] = true
	}
	var without, with []int
	for _, i := range order {
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

// read looks for the i-th key's values and takes both times: to the first one,
// and to the end of the search.
func (r *run) read(ctx context.Context, i, reader int, key khashmir.ID) {
	got := look(ctx, r.Nodes[reader], key)
	if ctx.Err() != nil {
		return
	}
	missing, foreign := r.ledger.compare(key, got.values)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Gets++
	r.get = append(r.get, got.whole)
	r.report.Foreign += foreign
	if missing+foreign > 0 || got.err != nil {
		r.faults.add("peer %d did not find value %d: %s", reader, i, got.wrong(missing, foreign))
		return
	}
	r.report.GetsOK++
	r.first = append(r.first, got.first)
}

// finish takes the measures of the network as it stands.
func (r *run) finish() (Report, error) {
	r.report.FindP50MS, r.report.FindP99MS = percentiles(r.find)
	r.report.StoreP50MS, r.report.StoreP99MS = percentiles(r.store)
	r.report.GetFirstP50MS, r.report.GetFirstP99MS = percentiles(r.first)
	r.report.GetP50MS, r.report.GetP99MS = percentiles(r.get)
	r.report.BackFirstP50, r.report.BackFirstP99 = percentiles(r.backFirst)
	r.report.BackP50MS, r.report.BackP99MS = percentiles(r.back)
	r.report.Goroutines = runtime.NumGoroutine()
	r.report.RSSMiB = memory()
	r.report.Faults = r.faults.words()
	sum, err := r.total()
	r.report.Connections = sum.Transport.Connections
	r.report.Handshakes = int(sum.Transport.Handshakes)
	r.report.Contacts = ratio(sum.Contacts, len(r.Nodes))
	return r.report, err
}

// total adds up the peers' own counts. One that was closed has none.
func (r *run) total() (sum khashmir.Stats, err error) {
	for _, node := range r.Nodes {
		s, err := node.Stats()
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
	}
	return sum, nil
}
