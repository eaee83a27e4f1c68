package khashmir_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// The checker judges a network as Jepsen's set test does: publishers store and
// remove values under the same keys, while the network is cut and healed, loses
// messages, and nodes crash and come back with their disks. Every operation is
// logged with what came of it. When all is healed and quiet:
//   - every value whose last word was an acknowledged store that has not
//     expired is read at every node, byte for byte;
//   - no value is read that was never written, that has expired, or whose last
//     word was an acknowledged removal;
//   - the nodes closest to a key hold the same.
//
// An operation that failed may have done its work or not: it is no word at all,
// and what it was about is judged again from the next that succeeds.

// disk is a store that outlives its node.
type disk struct{ khashmir.Store }

func (disk) Close() error { return nil }

// word is what a publisher last said of a value.
type word struct {
	acknowledged, removed bool
	from, until           time.Time // of the lifetime, at the earliest and the latest
}

type checker struct {
	t      *testing.T
	net    *transport.Network
	random *rand.Rand
	disks  []disk
	keys   []kad.ID

	mu    sync.Mutex
	nodes []*khashmir.Node // nil: it is down
	log   map[string]word  // by key and value
	count map[string]int
}

func (c *checker) name(key kad.ID, value string) string { return key.String() + " " + value }

func (c *checker) up(i int) *khashmir.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i]
}

// start opens the i-th node on its disk, at its address.
func (c *checker) start(i int) {
	config := inMemory(c.net, i)
	config.Store = c.disks[i]
	config.Transport = c.net.Transport(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), 4000))
	node := open(c.t, config)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[i] = node
}

// publish is the life of the i-th node's owner until the end.
func (c *checker) publish(i int, random *rand.Rand, end time.Time) {
	for time.Now().Before(end) {
		time.Sleep(time.Duration(random.IntN(240)) * time.Second)
		node := c.up(i)
		if node == nil {
			continue
		}
		key := c.keys[random.IntN(len(c.keys))]
		number := random.IntN(4)
		value := fmt.Sprintf("%d of %d", number, i)
		ttl := []time.Duration{30 * time.Minute, 24 * time.Hour}[number%2] // never shorter than before
		w := word{removed: random.IntN(3) == 0, from: time.Now().Add(ttl)}
		var err error
		if w.removed {
			_, err = node.Remove(c.t.Context(), key, []byte(value))
		} else {
			_, err = node.Store(c.t.Context(), key, []byte(value), khashmir.TTL(ttl))
		}
		w.acknowledged, w.until = err == nil, time.Now().Add(ttl)
		c.mu.Lock()
		c.log[c.name(key, value)] = w
		c.count[fmt.Sprintf("removes: %v, acknowledged: %v", w.removed, w.acknowledged)]++
		c.mu.Unlock()
	}
}

// harm does one thing after another to the network until the end.
func (c *checker) harm(end time.Time) {
	var down []int
	for time.Now().Before(end) {
		time.Sleep(time.Duration(30+c.random.IntN(300)) * time.Second)
		switch i := c.random.IntN(len(c.nodes)); c.random.IntN(6) {
		case 0: // cut
			var side []netip.AddrPort
			for j := range c.nodes {
				if c.random.IntN(2) == 0 {
					side = append(side, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(j)}), 4000))
				}
			}
			c.net.Partition(side)
		case 1:
			c.net.Partition()
		case 2:
			c.net.SetLoss(float64(c.random.IntN(3)) * 0.05)
		case 3, 4: // crash, or leave
			if node := c.up(i); node != nil && len(down) < len(c.nodes)/4 {
				c.mu.Lock()
				c.nodes[i] = nil
				c.mu.Unlock()
				if c.random.IntN(3) == 0 {
					node.Close()
				} else {
					node.Abort()
				}
				down = append(down, i)
			}
		case 5:
			if len(down) > 0 {
				c.start(down[0])
				down = down[1:]
			}
		}
	}
	c.net.Partition()
	c.net.SetLoss(0)
	for _, i := range down {
		c.start(i)
	}
}

func (c *checker) judge() {
	c.t.Helper()
	now := time.Now()
	wrong := 0
	complain := func(format string, args ...any) {
		c.t.Helper()
		if wrong++; wrong < 12 {
			c.t.Errorf(format, args...)
		}
	}
	due, gone := 0, 0
	for _, key := range c.keys {
		for i, node := range c.nodes {
			got := values(c.t, node, key)
			for _, value := range got {
				w, known := c.log[c.name(key, value)]
				switch {
				case !known:
					complain("node %d read %q, which nobody wrote", i, value)
				case w.acknowledged && w.removed:
					complain("node %d read %q, which was removed", i, value)
				case w.acknowledged && now.After(w.until.Add(10*time.Second)):
					complain("node %d read %q, which has expired", i, value)
				}
			}
			for name, w := range c.log {
				if name[:40] != key.String() {
					continue
				}
				if w.acknowledged && !w.removed && now.Before(w.from.Add(-10*time.Second)) {
					if due++; !slices.Contains(got, name[41:]) {
						complain("node %d did not read %q under %s", i, name[41:], key)
					}
				} else {
					gone++
				}
			}
		}
		want := kad.Digest{}
		for rank, id := range byDistance(c.nodes, key)[:kad.Replicas] {
			i := slices.IndexFunc(c.nodes, func(n *khashmir.Node) bool { return n.ID() == id })
			got, _, err := c.disks[i].Digest(kad.NewRange(key, 160), 1000, now)
			if rank == 0 {
				want = got
			}
			if err != nil || got != want {
				complain("the closest hold %v under %s, number %d holds %v, %v", want, key, rank, got, err)
			}
		}
	}
	if due < 100 || gone < 100 {
		c.t.Errorf("only %d reads were due and %d were not", due, gone)
	}
	c.t.Logf("%d reads due, %d of what is gone; %v", due, gone, c.count)
}

func TestASetIsWhatWasAcknowledgedWhateverHappens(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 20
				c := &checker{
					t: t, net: transport.NewNetwork(seed), random: rand.New(rand.NewPCG(seed, 1)),
					nodes: make([]*khashmir.Node, n), log: make(map[string]word), count: make(map[string]int),
				}
				c.net.SetLatency(20*time.Millisecond, 30*time.Millisecond)
				for i := range n {
					c.disks = append(c.disks, disk{khashmir.NewMemoryStore()})
					c.start(i)
				}
				introduce(t, c.nodes)
				for i := range 3 {
					c.keys = append(c.keys, kad.HashID([]byte{byte(i)}))
				}
				end := time.Now().Add(6 * time.Hour)
				var owners sync.WaitGroup
				for i := range 8 {
					random := rand.New(rand.NewPCG(seed, uint64(100+i)))
					owners.Go(func() { c.publish(i, random, end) })
				}
				c.harm(end)
				owners.Wait()
				// Only one round in so many is done in full.
				time.Sleep((kad.TrustingRounds + 1) * kad.ReplicateInterval)
				c.judge()
			})
		})
	}
}
