package testnet_test

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
)

var crashCycles = flag.Int("crash-cycles", 200, "how often TestKillAtAnyInstantLosesNothingAcknowledged kills")

// crowd is a few peers in processes, all killed and started again and again.
type crowd struct {
	t       *testing.T
	command []string
	paths   []testnet.PeerConfig
	peers   []*testnet.Process
}

func (c *crowd) start(ctx context.Context) {
	c.t.Helper()
	var starting sync.WaitGroup
	errs := make([]error, len(c.paths))
	for i := range c.paths {
		starting.Go(func() {
			p, err := testnet.Restart(ctx, c.command, c.paths[i])
			if err != nil {
				errs[i] = err
				return
			}
			c.peers[i], c.paths[i].Listen = p, p.Addr
		})
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crowd) kill() {
	var dying sync.WaitGroup
	for i, p := range c.peers {
		if p != nil {
			dying.Go(p.Kill)
		}
		c.peers[i] = nil
	}
	dying.Wait()
}

// No cycle reads what no kill -9 could have hurt: all processes die at the same
// instant, so that what is read back was on somebody's disk.
func TestKillAtAnyInstantLosesNothingAcknowledged(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	c := &crowd{t: t, command: self(t), peers: make([]*testnet.Process, 3)}
	for i := range c.peers {
		c.paths = append(c.paths, testnet.PeerConfig{Path: filepath.Join(dir, fmt.Sprint(i, ".db")), Listen: "127.0.0.1:0"})
	}
	t.Cleanup(c.kill)
	c.start(ctx)
	for i, p := range c.peers {
		if err := errors.Join(p.Contact(ctx, c.peers[(i+1)%3].Addr), p.Join(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range c.peers { // now all know all, and have saved it
		if err := c.peers[i].Join(ctx); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	var number atomic.Uint64
	total, all := 0, make(map[khashmir.ID]string)
	for cycle := range *crashCycles {
		// Given stores at every peer, when all are killed at some instant.
		acknowledged := c.storeUntilKilled(ctx, &number, random)
		total += len(acknowledged)
		c.start(ctx)
		// Then what was acknowledged is there.
		for key, value := range acknowledged {
			all[key] = value
			c.find(ctx, cycle, random.IntN(3), key, value)
		}
	}
	for key, value := range all {
		c.find(ctx, *crashCycles, random.IntN(3), key, value)
	}
	if total < *crashCycles {
		t.Errorf("only %d stores were acknowledged in %d cycles", total, *crashCycles)
	}
	t.Logf("%d cycles, %d stores acknowledged, none lost", *crashCycles, total)
}

// storeUntilKilled has two callers a peer store; some time after the first
// acknowledgement all peers are killed.
func (c *crowd) storeUntilKilled(ctx context.Context, number *atomic.Uint64, random *rand.Rand) map[khashmir.ID]string {
	var mu sync.Mutex
	acknowledged := make(map[khashmir.ID]string)
	first, once := make(chan struct{}), sync.Once{}
	var callers sync.WaitGroup
	for i := range 6 {
		p := c.peers[i%3]
		callers.Go(func() {
			for {
				value := binary.BigEndian.AppendUint64(nil, number.Add(1))
				key := khashmir.HashID(value)
				switch err := p.Store(ctx, key, value); {
				case errors.Is(err, testnet.ErrProcessGone) || ctx.Err() != nil:
					return
				case err == nil:
					mu.Lock()
					acknowledged[key] = string(value)
					mu.Unlock()
					once.Do(func() { close(first) })
				}
			}
		})
	}
	select {
	case <-first:
	case <-time.After(30 * time.Second):
		c.t.Error("nothing was acknowledged for half a minute")
	}
	<-time.After(time.Duration(random.IntN(10_000)) * time.Microsecond)
	c.kill()
	callers.Wait()
	return acknowledged
}

// find reads until the value is there: the peers have to find each other again,
// which takes a moment; their saved contacts are all they have.
func (c *crowd) find(ctx context.Context, cycle, peer int, key khashmir.ID, value string) {
	c.t.Helper()
	for begun := time.Now(); ; {
		values, err := c.peers[peer].Get(ctx, key)
		if len(values) == 1 && string(values[0]) == value {
			return
		}
		if len(values) > 0 || time.Since(begun) > 20*time.Second {
			c.t.Fatalf("cycle %d: peer %d found %q under %s, want %q (%v)", cycle, peer, values, key, value, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}
