package testnet_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
)

var crashCycles = flag.Int("crash-cycles", 200, "how often the crash test kills and restarts")

// TestMain makes the test's own program a peer where that is wanted.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == testnet.PeerCommand {
		if err := testnet.ServePeer(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestNothingAcknowledgedIsLostToKill9(t *testing.T) {
	// Given four peers, each a process, and values being stored at all of them
	c := startCrashes(t, 4)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for w := range len(c.peers) {
		writing.Go(func() { c.write(w, stop) })
	}
	random := rand.New(rand.NewPCG(1, 9))
	for cycle := range *crashCycles {
		// when some of them, now one and now all, are killed at a moment that
		// has nothing to do with what they are doing, and started again
		<-c.acknowledged
		<-time.After(time.Duration(random.Int64N(int64(10 * time.Millisecond))))
		victims := random.Perm(len(c.peers))[:victims(random, len(c.peers))]
		c.crash(victims)
		c.restart(victims)
		// then they hold what they had acknowledged
		for _, i := range victims {
			if lost := c.lost(i, false); len(lost) > 0 {
				t.Fatalf("cycle %d: peer %d had acknowledged %v, and they are gone", cycle, i, lost)
			}
		}
	}
	close(stop)
	writing.Wait()
	// and after all of it, too, each of them and all together
	for i := range c.peers {
		if lost := c.lost(i, true); len(lost) > 0 {
			t.Errorf("at last: peer %d had acknowledged %v, and they are gone", i, lost)
		}
	}
	c.readBack(random, 1000)
}

// crashes is a network of processes that are killed and started again.
type crashes struct {
	t            *testing.T
	dir          string
	acknowledged chan struct{} // has room for one: something was

	mu      sync.Mutex
	back    *sync.Cond // a peer has been started again
	over    bool
	peers   []*testnet.Process
	keys    []khashmir.ID                 // of all values that were acknowledged
	held    map[khashmir.ID][]khashmir.ID // by which holder
	checked map[khashmir.ID]int           // how many of these
}

func startCrashes(t *testing.T, peers int) *crashes {
	c := &crashes{
		t:            t,
		dir:          t.TempDir(),
		acknowledged: make(chan struct{}, 1),
		peers:        make([]*testnet.Process, peers),
		held:         make(map[khashmir.ID][]khashmir.ID),
		checked:      make(map[khashmir.ID]int),
	}
	c.back = sync.NewCond(&c.mu)
	t.Cleanup(c.end)
	all := make([]int, peers)
	for i := range all {
		all[i] = i
	}
	c.restart(all)
	return c
}

// end leaves no process behind, and no writer.
func (c *crashes) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.back.Broadcast()
	for _, p := range c.peers {
		if p != nil {
			p.Abort()
		}
	}
}

// crash kills these peers at the same moment.
func (c *crashes) crash(victims []int) {
	var killing sync.WaitGroup
	for _, i := range victims {
		killing.Go(func() {
			if err := c.peers[i].Abort(); err != nil {
				c.t.Errorf("kill peer %d: %v", i, err)
			}
		})
	}
	killing.Wait()
}

// restart starts these peers where they were, if they were, and tells them of
// the others.
func (c *crashes) restart(these []int) {
	var starting sync.WaitGroup
	for _, i := range these {
		starting.Go(func() {
			addr := ""
			if c.peers[i] != nil {
				addr = c.peers[i].Addr()
			}
			p, err := testnet.StartProcess(c.t.Context(), uint64(i), filepath.Join(c.dir, fmt.Sprint(i)), addr)
			if err != nil {
				c.t.Errorf("start peer %d: %v", i, err)
				return
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.peers[i] = p
			c.back.Broadcast()
		})
	}
	starting.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	for _, i := range these {
		for j, other := range c.peers {
			if i == j {
				continue
			}
			if err := c.peers[i].AddContact(c.t.Context(), other.Addr()); err != nil {
				c.t.Fatalf("tell peer %d of peer %d: %v", i, j, err)
			}
		}
	}
}

// write stores value after value at one of the peers, or at who comes in its
// place.
func (c *crashes) write(w int, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		value := []byte(strings.Repeat(fmt.Sprintf("writer %d, value %d. ", w, n), 1+n%50))
		key := khashmir.HashID(value)
		p := c.peer(w % len(c.peers))
		result, err := p.Store(c.t.Context(), key, value)
		switch {
		case errors.Is(err, khashmir.ErrClosed):
			if !c.waitForAnother(w%len(c.peers), p) {
				return
			}
		case err == nil:
			c.record(key, result.Holders)
		}
	}
}

func (c *crashes) peer(i int) *testnet.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peers[i]
}

func (c *crashes) waitForAnother(i int, than *testnet.Process) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.peers[i] == than && !c.over {
		c.back.Wait()
	}
	return !c.over
}

func (c *crashes) record(key khashmir.ID, holders []khashmir.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = append(c.keys, key)
	for _, id := range holders {
		c.held[id] = append(c.held[id], key)
	}
	select {
	case c.acknowledged <- struct{}{}:
	default:
	}
}

// lost is what a peer had acknowledged and does not hold: of what was not
// checked before, or of all.
func (c *crashes) lost(i int, all bool) []khashmir.ID {
	id := c.peers[i].ID()
	c.mu.Lock()
	keys := c.held[id]
	if !all {
		keys = keys[c.checked[id]:]
	}
	c.checked[id] = len(c.held[id])
	c.mu.Unlock()
	lost, err := testnet.Lacks(c.t.Context(), c.peers[i], keys)
	if err != nil {
		c.t.Fatalf("ask peer %d what it holds: %v", i, err)
	}
	return lost
}

// readBack looks for that many of the acknowledged values over the network.
func (c *crashes) readBack(random *rand.Rand, most int) {
	if len(c.keys) < *crashCycles {
		c.t.Errorf("only %d values were acknowledged in %d cycles", len(c.keys), *crashCycles)
	}
	random.Shuffle(len(c.keys), func(i, j int) { c.keys[i], c.keys[j] = c.keys[j], c.keys[i] })
	for n, key := range c.keys[:min(most, len(c.keys))] {
		got, err := c.peers[n%len(c.peers)].Read(c.t.Context(), key)
		if err != nil || len(got.Values) != 1 || khashmir.HashID(got.Values[0]) != key {
			c.t.Errorf("peer %d found %d values under %s, %v", n%len(c.peers), len(got.Values), key, err)
		}
	}
}

// victims is how many to kill: mostly one, every fifth time all.
func victims(random *rand.Rand, peers int) int {
	if random.IntN(5) == 0 {
		return peers
	}
	return 1
}
