package khashmir_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// The fault: only a node that looked for its own neighbours saved any contacts
// before a quarter of an hour had passed.
func TestANodeThatOthersFoundIsBackAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a node that asks nobody, and others that have found it
		net := transport.NewNetwork(1)
		config := inMemory(net, 0)
		config.Path, config.Store = t.TempDir()+"/node.db", nil
		found := open(t, config)
		others := join(t, net, 12, func(i int, c *khashmir.Config) { c.Key = key(100 + i) })
		for _, other := range others {
			add(t, other, found.Addr())
		}

		// when it crashes soon after, and starts again with no bootstrap
		time.Sleep(2 * kad.MaintainInterval)
		if err := found.Abort(); err != nil {
			t.Fatal(err)
		}
		config.Transport = net.Transport(found.Addr())
		again := open(t, config)
		time.Sleep(time.Second)

		// then it is in the network.
		target := others[3].ID()
		got, err := again.FindNode(t.Context(), target)
		if err != nil || len(got) == 0 || got[0].ID != target {
			t.Errorf("it finds %v, %v", got, err)
		}
	})
}

func TestARestartedNodeAsksThoseAgainThatAreUpLaterThanItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a node with the contacts of two that ask nothing of their own
		net := transport.NewNetwork(1)
		early := peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(1, q) })
		late := peer(t, net, 2, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(2, q) })
		config := inMemory(net, 0)
		config.Path, config.Store = t.TempDir()+"/node.db", nil
		node := open(t, config)
		add(t, node, early.Addr())
		add(t, node, late.Addr())
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}

		// when it starts again while only one of them is up
		net.Kill(late.Addr())
		config.Transport = net.Transport(node.Addr())
		again := open(t, config)
		time.Sleep(10 * time.Second)
		if got := table(again); !slices.Equal(got, []kad.ID{early.ID}) {
			t.Fatalf("it knows %v", got)
		}

		// then it finds the other when that is up too.
		net.Revive(late.Addr())
		time.Sleep(3 * kad.MaintainInterval)
		got := table(again)
		if len(got) != 2 || !slices.Contains(got, late.ID) {
			t.Errorf("it knows %v", got)
		}
	})
}

// table is whom a node knows.
func table(node *khashmir.Node) (ids []kad.ID) {
	for _, bucket := range node.Table() {
		for _, member := range bucket.Contacts {
			ids = append(ids, member.Contact.ID)
		}
	}
	return ids
}

// The answers of the living come before the silence of the dead is noticed, so that a
// few dead in a row say nothing.
func TestWhoHasAskedAFewDeadDoesNotJoinAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var own atomic.Int64 // lookups of the first for itself
		w := newTown(t, 60, func(c *khashmir.Config) {
			id := kad.PublicKeyOf(c.Key).ID()
			c.Observer.Lookup = func(l khashmir.Lookup) {
				if l.Target == id && id == kad.PublicKeyOf(key(0)).ID() {
					own.Add(1)
				}
			}
		})
		node := w.nodes[0]
		known := table(node)
		target := known[len(known)/2]
		slices.SortFunc(known, target.CompareDistance)
		for _, id := range known[:2*kad.MaxFailures] {
			w.net.Kill(w.nodes[slices.IndexFunc(w.nodes, func(n *khashmir.Node) bool { return n.ID() == id })].Addr())
		}
		before := own.Load()
		if _, err := node.FindNode(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * kad.MaintainInterval)
		s, err := node.Stats()
		if joined := own.Load() - before; err != nil || s.Silent < kad.MaxFailures || joined != 0 {
			t.Errorf("after %d silences it has joined %d times again, %v", s.Silent, joined, err)
		}
	})
}

// Some that know one another wake up, and all others whom they knew are gone for good.
func TestWhoIsLeftWithAFewJoinsAgain(t *testing.T) {
	for _, test := range []struct{ town, left int }{{6, 2}, {9, 4}, {14, 2}, {20, 4}, {40, 4}} {
		synctest.Test(t, func(t *testing.T) {
			// given nodes with the address of somebody whom they never met
			w := newTown(t, 0, nil)
			somebody := open(t, inMemory(w.net, 5000))
			w.net.Kill(somebody.Addr())
			w.change = func(c *khashmir.Config) { c.Bootstrap = []string{somebody.Addr().String()} }
			for range test.town {
				w.come()
			}
			time.Sleep(time.Hour)
			// when most of them are gone
			for _, node := range slices.Clone(w.nodes[test.left:]) {
				w.leaves(node, false)
			}
			w.net.Revive(somebody.Addr())
			time.Sleep(5 * time.Minute)
			// then the others ask there.
			if !slices.Contains(table(w.nodes[0]), somebody.ID()) {
				t.Errorf("of %d, %d are left, and know %d", test.town, test.left, len(table(w.nodes[0])))
			}
		})
	}
}
