package testnet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// town is a network of peers that have a process each.
type town struct {
	*run
	peers []*Process
	paths []PeerConfig
}

// runProcesses is Run for peers in processes: they join and store, are all
// killed at once, start again on their files, and everything that was
// acknowledged is read back.
func runProcesses(ctx context.Context, config Config) (Report, error) {
	if len(config.PeerCommand) == 0 {
		return Report{}, errors.New("nothing is known that runs a peer in a process of its own")
	}
	begun := now()
	n := &Network{Nodes: make([]*khashmir.Node, config.Peers), config: config, dir: config.Dir, begun: begun}
	if err := n.makeDir(); err != nil {
		return Report{}, err
	}
	t := &town{run: &run{Network: n}, peers: make([]*Process, config.Peers), paths: make([]PeerConfig, config.Peers)}
	for i := range t.paths {
		t.paths[i] = PeerConfig{
			Path:    filepath.Join(n.dir, fmt.Sprintf("peer-%04d.db", i)),
			Listen:  "127.0.0.1:0",
			Streams: config.Transport == Streams,
		}
	}
	err := t.play(ctx)
	t.killAll()
	n.Nodes = nil // they were never in this process
	err = also(err, n.Close())
	all := begun.since()
	t.report.WallS, t.report.CPUS = seconds(all.wall), seconds(all.cpu)
	return t.report, err
}

func (t *town) play(ctx context.Context) error {
	if err := t.start(ctx, Building, StartProcess); err != nil {
		return err
	}
	if err := t.meet(ctx); err != nil {
		return err
	}
	t.boot = t.begun.since()
	t.report = t.described()
	t.report.Finds, t.report.Gets = 0, 0
	if err := t.storeAll(ctx); err != nil {
		return err
	}
	t.report.Fault = fmt.Sprintf("all %d peers were killed and started again", len(t.peers))
	t.report.Killed = len(t.peers)
	t.killAll()
	healed := time.Now()
	if err := t.start(ctx, Starting, Restart); err != nil {
		return err
	}
	err := t.readAll(ctx)
	t.report.HealS = seconds(time.Since(healed))
	t.report.StoreP50MS, t.report.StoreP99MS = percentiles(t.store)
	t.report.BackP50MS, t.report.BackP99MS = percentiles(t.back)
	t.report.Faults = t.faults.words()
	return err
}

func (t *town) start(ctx context.Context, stage Stage, how func(context.Context, []string, PeerConfig) (*Process, error)) error {
	return t.each(ctx, stage, len(t.peers), workers, func(i int) error {
		p, err := how(ctx, t.config.PeerCommand, t.paths[i])
		if err != nil {
			return fmt.Errorf("peer %d: %w", i, err)
		}
		t.peers[i], t.paths[i].Listen = p, p.Addr
		return nil
	})
}

func (t *town) meet(ctx context.Context) error {
	err := t.each(ctx, Meeting, len(t.peers), workers, func(i int) error {
		for _, other := range t.contacts(i) {
			if err := t.peers[i].Contact(ctx, t.peers[other].Addr); err != nil {
				return fmt.Errorf("peer %d was given peer %d: %w", i, other, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.each(ctx, Joining, len(t.peers), workers, func(i int) error {
		if err := t.peers[i].Join(ctx); err != nil {
			return fmt.Errorf("peer %d found no close nodes: %w", i, err)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.joined++
		return nil
	})
}

func (t *town) storeAll(ctx context.Context) error {
	return t.each(ctx, Storing, t.config.Stores, t.config.Callers, func(i int) error {
		random := t.random(Storing, i)
		var key khashmir.ID
		for e := range t.config.Entries {
			hash, value := pair(random, i*t.config.Entries+e, t.config.ValueSize)
			if e == 0 {
				key = hash
			}
			writer := random.IntN(len(t.peers))
			begun := time.Now()
			err := t.peers[writer].Store(ctx, key, value)
			if ctx.Err() != nil {
				return nil
			}
			t.stored(time.Since(begun), i, writer, khashmir.Result{}, err)
			if err == nil {
				t.ledger.add(key, value)
			}
		}
		return nil
	})
}

// killAll kills those that run, and waits until they are gone.
func (t *town) killAll() {
	_ = t.each(context.Background(), Killing, len(t.peers), len(t.peers), func(i int) error {
		if t.peers[i] != nil {
			t.peers[i].Kill()
			t.peers[i] = nil
		}
		return nil
	})
}

// rejoinWithin bounds how long a restarted network may take to be one again: a
// second look at the saved contacts is due after a minute.
const rejoinWithin = 90 * time.Second

// readAll has random peers read everything back. A peer that has not rejoined
// yet is asked again.
func (t *town) readAll(ctx context.Context) error {
	keys := t.ledger.keys()
	t.report.Acknowledged = t.ledger.size()
	deadline := time.Now().Add(rejoinWithin)
	return t.each(ctx, Reading, len(keys), t.config.Callers, func(i int) error {
		reader := t.random(Reading, i).IntN(len(t.peers))
		for {
			begun := time.Now()
			values, err := t.peers[reader].Get(ctx, keys[i])
			if ctx.Err() != nil {
				return nil
			}
			got := reading{err: err, whole: time.Since(begun)}
			for _, value := range values {
				got.values = append(got.values, string(value))
			}
			missing, foreign := t.ledger.compare(keys[i], got.values)
			if missing > 0 && time.Now().Before(deadline) {
				if err := pause(ctx, 50*time.Millisecond); err != nil {
					return err
				}
				continue
			}
			t.account(i, got, missing, foreign)
			return nil
		}
	})
}

// account enters into the report what reading the i-th key back came to.
func (r *run) account(i int, got reading, missing, foreign int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Readable += len(got.values) - foreign
	r.report.Lost += missing
	r.report.Foreign += foreign
	if missing+foreign > 0 {
		r.faults.add("value %d: %s", i, got.wrong(missing, foreign))
		return
	}
	r.backFirst = append(r.backFirst, got.first)
	r.back = append(r.back, got.whole)
}
