package khashmir_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// newcomer joins a town of 300 as who comes to a network that is there.
func newcomer(t *testing.T, change func(*khashmir.Config)) *khashmir.Node {
	t.Helper()
	w := newTown(t, 300, nil)
	w.change = change
	return w.come()
}

// far is how many contacts are in the farthest buckets of a table.
func far(node *khashmir.Node) (counts []int) {
	for _, bucket := range node.Table()[:kad.SettleBuckets] {
		counts = append(counts, len(bucket.Contacts))
	}
	return counts
}

func TestWhoHasSettledKnowsSomeEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given a newcomer that has joined
		node := newcomer(t, nil)
		// then each of its far buckets has a bucketful,
		for i, count := range far(node) {
			if count < kad.K {
				t.Errorf("bucket %d has %d contacts", i, count)
			}
		}
		// and it knows about how large the town is.
		if s, err := node.Stats(); err != nil || s.Network < 150 || s.Network > 600 {
			t.Errorf("it takes 300 nodes for %d, %v", s.Network, err)
		}
	})
}

func TestSettlingCanBeLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, change := range []func(*khashmir.Config){
			func(c *khashmir.Config) { c.SettleBuckets = -1 },
			func(c *khashmir.Config) { c.Client = true },
		} {
			node := newcomer(t, change)
			if s, err := node.Stats(); err != nil || s.Lookups != 1 {
				t.Errorf("%d lookups, want the one for its own place, %v", s.Lookups, err)
			}
		}
	})
}

// Who is here for a moment holds nothing for others.
func TestAClientLooksForKAroundItAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := func(client bool) (questions int) {
			newcomer(t, func(c *khashmir.Config) {
				c.Client, c.SettleBuckets = client, -1
				c.Observer.Lookup = func(l khashmir.Lookup) { questions = l.Questions }
			})
			return questions
		}
		if client, node := asked(true), asked(false); client >= 2*kad.K || node < 2*kad.K {
			t.Errorf("a client has asked %d, a node %d", client, node)
		} else {
			t.Logf("a client has asked %d, a node %d", client, node)
		}
	})
}

// A node that came when its network was new looks again sooner than it would
// look into a bucket that somebody has looked into.
func TestWhatANodeSettledWithIsSoonLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 150, nil) // no bucket is full: none would need a lookup
		w.change = func(c *khashmir.Config) { c.MaintainInterval = time.Hour }
		node := w.come()
		before, err := node.Stats()
		if err != nil {
			t.Fatal(err)
		}
		between := min(kad.SettleBuckets, len(node.Table())-kad.SettleBuckets-1) // the far ones and the last, where nobody has looked yet
		for _, test := range []struct {
			after time.Duration
			more  int
		}{{kad.SettledFor - time.Second, between}, {kad.SettledFor, kad.SettleBuckets}} {
			time.Sleep(test.after)
			if _, err := node.FindCloseNodes(t.Context()); err != nil {
				t.Fatal(err)
			}
			now, err := node.Stats()
			if more := now.Lookups - before.Lookups - 1; err != nil || more != test.more {
				t.Errorf("after %v it looks into %d ranges, want %d, %v", test.after, more, test.more, err)
			}
			before = now
		}
	})
}

func TestSettlingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given a newcomer whose caller goes away when its place is found
		w := newTown(t, 50, nil)
		ctx, cancel := context.WithCancel(t.Context())
		config := inMemory(w.net, w.born)
		config.Observer.Lookup = func(khashmir.Lookup) { cancel() }
		node := open(t, config)
		add(t, node, w.nodes[0].Addr())
		// when it joins
		closest, err := node.FindCloseNodes(ctx)
		// then there are its neighbours, and nothing goes on.
		if err != nil || len(closest) != kad.K-1 {
			t.Errorf("%d neighbours, %v", len(closest), err)
		}
		if s, err := node.Stats(); err != nil || s.InFlight > 0 {
			t.Errorf("%d of %d lookups go on, %v", s.InFlight, s.Lookups, err)
		}
	})
}

// The lookups of settling say how large the network was then.
func TestAGrownNetworkIsNotTakenForWhatItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given a node that settled among twenty
		w := newTown(t, 20, nil)
		old := w.nodes[0]
		if s, err := old.Stats(); err != nil || s.Network == 0 || s.Network > 40 {
			t.Fatalf("it takes 20 nodes for %d, %v", s.Network, err)
		}
		// when ten times as many have come, and it has looked for some keys
		for range 180 {
			w.come()
		}
		for i := range byte(12) {
			old.FindNode(t.Context(), kad.HashID([]byte{i}))
		}
		// then it knows.
		if s, err := old.Stats(); err != nil || s.Network < 120 || s.Network > 320 {
			t.Errorf("it takes 200 nodes for %d, %v", s.Network, err)
		}
	})
}
