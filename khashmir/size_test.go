package khashmir_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// sizes is what the nodes take the network for, the least first.
func sizes(t *testing.T, nodes []*khashmir.Node) (all []int) {
	t.Helper()
	for _, node := range nodes {
		stats, err := node.Stats()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, stats.Network)
	}
	slices.Sort(all)
	return all
}

// Nodes that have settled while there were few, and look nothing up, know from their
// neighbours that there are many now.
func TestWhoLooksNothingUpSeesTheNetworkGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const few, many = 12, 240
		net := transport.NewNetwork(1)
		first := join(t, net, few, nil)
		time.Sleep(time.Minute)
		if seen := sizes(t, first)[few/2]; seen < few/2 || seen > few*2 {
			t.Errorf("of %d nodes, the median sees %d", few, seen)
		}
		for i := few; i < many; i++ {
			node := open(t, inMemory(net, i))
			add(t, node, first[i%few].Addr())
			if _, err := node.FindCloseNodes(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(20 * time.Minute)
		all := sizes(t, first)
		t.Log(all)
		if seen := all[few/2]; seen < many/2 || seen > many*2 {
			t.Errorf("of %d nodes, the median sees %d", many, seen)
		}
	})
}

// What a node has seen of the size while it was new, and the network too, is forgotten
// when it has looked as often since, however often it has refreshed its buckets.
func TestWhoLooksForgetsHowSmallTheNetworkWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given nodes that have settled while there were few, have refreshed all the time since
		const few, many = 12, 240
		net := transport.NewNetwork(1)
		first := join(t, net, few, func(_ int, c *khashmir.Config) { c.BucketStaleness, c.MaintainInterval = time.Minute, time.Second })
		time.Sleep(kad.SettledFor - time.Minute)
		// and more that have come
		for i := few; i < many; i++ {
			node := open(t, inMemory(net, i))
			add(t, node, first[i%few].Addr())
			if _, err := node.FindCloseNodes(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		// when they look
		for i, node := range first {
			for j := range 16 {
				if _, err := node.FindNode(t.Context(), kad.HashID([]byte{byte(i), byte(j)})); err != nil {
					t.Fatal(err)
				}
			}
		}
		// then they know how many there are.
		all := sizes(t, first)
		t.Log(all)
		if seen := all[few/2]; seen < many*3/4 || seen > many*4/3 {
			t.Errorf("of %d nodes, the median sees %d", many, seen)
		}
	})
}

// Where most have gone, those who look nothing up know it from their neighbours, and who
// has looked for much when that is six hours ago, or the clock has been set back.
func TestTheSizeIsNotWhatItWasBeforeMostWent(t *testing.T) {
	for name, set := range map[string]time.Duration{"the clock goes on": 0, "the clock is set back": 1000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Given a node that has looked for as many keys as count, and others
				const many, few = 240, 24
				net, clock := transport.NewNetwork(1), &setBack{ChaCha8: rand.NewChaCha8([32]byte{})}
				nodes := join(t, net, many, func(i int, c *khashmir.Config) {
					if i == 0 {
						c.Clock, c.BucketStaleness = clock, 1000*time.Hour // no refreshing, which looks too
					}
				})
				look := func(times int) {
					for i := range times {
						if _, err := nodes[0].FindNode(t.Context(), kad.HashID([]byte{byte(i)})); err != nil {
							t.Fatal(err)
						}
					}
				}
				look(40)
				if looked, others := sizes(t, nodes[:1])[0], sizes(t, nodes[1:few])[few/2]; min(looked, others) < many/2 || max(looked, others) > many*2 {
					t.Errorf("of %d nodes, who has looked sees %d, the median of the others %d", many, looked, others)
				}
				// when nine in ten go
				for _, node := range nodes[few:] {
					node.Abort()
				}
				clock.by.Store(int64(set))
				time.Sleep(kad.SizeFresh)
				look(4)
				// then those that are left do not see as many as there were
				if looked, others := sizes(t, nodes[:1])[0], sizes(t, nodes[1:few])[few/2]; min(looked, others) < few/2 || max(looked, others) > few*2 {
					t.Errorf("of %d nodes, who has looked sees %d, the median of the others %d", few, looked, others)
				}
			})
		})
	}
}

// Who has met a few, and not yet looked for its own place, knows nothing of the size.
func TestWhoHasNoPlaceYetDoesNotKnowTheSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 40, nil)
		newcomer := open(t, inMemory(net, 40))
		for _, node := range nodes[:10] {
			add(t, newcomer, node.Addr())
		}
		if seen := sizes(t, []*khashmir.Node{newcomer})[0]; seen != 0 {
			t.Errorf("it takes 10 contacts for a network of %d", seen)
		}
	})
}
