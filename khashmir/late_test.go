package khashmir_test

import (
	"math/rand/v2"
	"net/netip"
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

func TestADeadContactIsOvertakenNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		net.SetLatency(5*time.Millisecond, 0)
		nodes := join(t, net, 40, nil)
		asker := nodes[0]
		for range 5 { // it learns how long answers take here
			if _, err := asker.FindNode(t.Context(), kad.ID{1}); err != nil {
				t.Fatal(err)
			}
		}
		target := nodes[1].ID()
		closest := byDistance(nodes, target)
		dead := slices.IndexFunc(nodes, func(n *khashmir.Node) bool { return n.ID() == closest[2] })
		net.Kill(nodes[dead].Addr())

		began := time.Now()
		var told trail
		found, err := asker.FindNode(khashmir.Observe(t.Context(), told.observer()), target)
		took := time.Since(began)

		if err != nil || len(found) < kad.K-1 || found[0].ID != target || slices.Contains(idsOf(found), closest[2]) {
			t.Errorf("found %v, %v", found, err)
		}
		if took < kad.MinLate || took >= kad.MinTimeout {
			t.Errorf("took %v: more than a late answer, less than a time-out was expected", took)
		}
		synctest.Wait()
		if !slices.ContainsFunc(told.steps, func(s khashmir.Step) bool { return s.Kind == khashmir.Late && s.Contact.ID == closest[2] }) {
			t.Error("nobody was told that it is late")
		}
	})
}

func TestWithFewContactsALateOneIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 4, nil)
		net.SetLatency(kad.MaxLate/2+50*time.Millisecond, 0) // each answer is late, and comes
		found, err := nodes[0].FindNode(t.Context(), nodes[1].ID())
		if err != nil || len(found) != 3 {
			t.Errorf("found %v, %v", found, err)
		}
	})
}

// slow is a transport over which answers that bring entries take their time, as
// they do where a connection must be made for what is too large for a packet.
type slow struct {
	khashmir.Transport
	by time.Duration
}

func (s slow) Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	s.Transport.Ask(to, q, func(r krpc.Reply, err error) {
		if len(r.Entries) > 0 {
			time.Sleep(s.by)
		}
		then(r, err)
	})
}

// slowTown is forty nodes for which holders are slower than everybody else, and a
// value at the K closest to its key.
func slowTown(t *testing.T) (net *transport.Network, nodes []*khashmir.Node, key kad.ID, stores []khashmir.Store) {
	net = transport.NewNetwork(1)
	net.SetLatency(5*time.Millisecond, 0)
	nodes = join(t, net, 40, func(_ int, c *khashmir.Config) {
		stores = append(stores, c.Store)
		c.Transport = slow{c.Transport, kad.MinTimeout / 2}
	})
	key = kad.HashID([]byte("large"))
	stored, err := nodes[0].Store(t.Context(), key, []byte("value"))
	if err != nil || len(stored.Stored) != kad.Replicas {
		t.Fatalf("stored %v, %v", stored, err)
	}
	return net, nodes, key, stores
}

func TestWhoeverMayHaveTheValueIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a value whose holders are slow, and a node that has another one
		owner := key(99)
		_, nodes, key, stores := slowTown(t)
		odd := slices.IndexFunc(nodes, func(n *khashmir.Node) bool { return !slices.Contains(byDistance(nodes, key)[:kad.Replicas], n.ID()) })
		e := kad.Entry{Value: []byte("another"), TTL: time.Hour, Created: time.Now(), Seq: 1}
		e.Sign(key, owner)
		if err := stores[odd].Put(key, e, netip.Prefix{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		// when each node looks for it, then it is found, however many others have
		// said meanwhile that they have nothing
		for i, node := range nodes {
			for _, options := range [][]khashmir.FindOption{nil, {khashmir.Enough(1)}} {
				var found []string
				for value, err := range node.Values(t.Context(), key, options...) {
					if err != nil {
						t.Errorf("node %d: %v", i, err)
					}
					found = append(found, string(value))
				}
				// and who has something itself finds it all the same
				if want := options == nil || i != odd; len(found) == 0 || slices.Contains(found, "value") != want {
					t.Errorf("node %d found %q with %d options", i, found, len(options))
				}
			}
		}
		// and for what nobody has, nobody is waited for who lives
		began := time.Now()
		for value, err := range nodes[0].Values(t.Context(), kad.ID{7}) {
			t.Errorf("found %q, %v", value, err)
		}
		if took := time.Since(began); took >= kad.MinTimeout/2 {
			t.Errorf("nothing was found in %v", took)
		}
	})
}

func TestARemovalWaitsForTheHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, nodes, key, _ := slowTown(t)
		removed, err := nodes[0].Remove(t.Context(), key, []byte("value"))
		for _, holder := range byDistance(nodes, key)[:kad.Replicas] {
			if !slices.Contains(idsOf(removed.Stored), holder) {
				t.Errorf("%s has not heard of it, %v", holder, err)
			}
		}
	})
}

func TestWhoShowsNothingDoesNotEndTheWaiting(t *testing.T) {
	for name, lie := range map[string]krpc.Reply{
		"there is more": {Next: 1, Token: "x"},
		"it is hot":     {Hot: 1, Token: "x"},
		"it is old":     {Entries: []krpc.Entry{{Value: []byte("x"), Age: 2, TTL: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Given a liar that all know
				net, nodes, key, _ := slowTown(t)
				liar := peer(t, net, 1234, func(_ kad.Contact, q krpc.Query) krpc.Reply {
					if q.Method == krpc.FindValue && q.Cursor == 0 && !q.Hot {
						return lie
					}
					return honest(1234, q)
				})
				for _, node := range nodes {
					add(t, node, liar.Addr())
				}
				// when anybody looks for a value, then it is found
				for i, node := range nodes {
					if got := find(t, node, key); got != "value" {
						t.Errorf("node %d found %q", i, got)
					}
				}
			})
		})
	}
}

// Each of a row of liars names one that is closer, and takes its time.
func TestLiarsInARowDelayAFindOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		net.SetLatency(5*time.Millisecond, 0)
		nodes := join(t, net, 40, nil)
		target := kad.HashID([]byte("not there"))
		closer := func(a, b kad.ID) bool { return target.CompareDistance(a, b) < 0 }
		id := func(i int) kad.ID { return kad.PublicKeyOf(key(i)).ID() }
		var row []int // the farthest first
		for i, eighth := 1000, byDistance(nodes, target)[kad.K-1]; len(row) < 30; i++ {
			if closer(id(i), eighth) {
				row = append(row, i)
			}
		}
		slices.SortFunc(row, func(a, b int) int { return target.CompareDistance(id(b), id(a)) })
		var liar func(nth int) kad.Contact
		liar = func(nth int) kad.Contact {
			var after []kad.Contact
			return peer(t, net, row[nth], func(_ kad.Contact, q krpc.Query) krpc.Reply {
				r := honest(row[nth], q)
				if q.Method == krpc.FindValue && nth+1 < len(row) {
					time.Sleep(kad.FirstTimeout - 50*time.Millisecond)
					if after == nil {
						after = []kad.Contact{liar(nth + 1)}
					}
					r.Contacts = after
				}
				return r
			})
		}
		add(t, nodes[0], liar(0).Addr())
		began := time.Now()
		for value, err := range nodes[0].Values(t.Context(), target) {
			t.Errorf("found %q, %v", value, err)
		}
		if took := time.Since(began); took < kad.MaxTimeout || took > kad.MaxTimeout+kad.MaxLate {
			t.Errorf("nothing was found in %v, not %v and a little", took, kad.MaxTimeout)
		}
	})
}

// timed is a clock that knows how many timers are set.
type timed struct {
	*rand.ChaCha8
	set atomic.Int32
}

func (*timed) Now() time.Time { return time.Now() }

func (c *timed) AfterFunc(d time.Duration, f func()) func() bool {
	c.set.Add(1)
	t := time.AfterFunc(max(d, 1), func() { c.set.Add(-1); f() })
	return func() bool {
		stopped := t.Stop()
		if stopped {
			c.set.Add(-1)
		}
		return stopped
	}
}

func TestAFindThatWaitedLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a node to which holders are slow
		net, nodes, key, _ := slowTown(t)
		clock := &timed{ChaCha8: rand.NewChaCha8([32]byte{})}
		config := inMemory(net, len(nodes))
		config.Transport, config.Clock = slow{config.Transport, kad.MinTimeout / 2}, clock
		node := open(t, config)
		add(t, node, nodes[0].Addr())
		if _, err := node.FindCloseNodes(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before, began := clock.set.Load(), time.Now()
		// when it finds what it has waited for
		if got := find(t, node, key); got != "value" || time.Since(began) < kad.MinTimeout/2 {
			t.Fatalf("found %q in %v", got, time.Since(began))
		}
		synctest.Wait()
		// then no more timers are set than before
		if after := clock.set.Load(); after > before {
			t.Errorf("%d timers are set, and %d before", after, before)
		}
	})
}
