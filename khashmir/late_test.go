package khashmir_test

import (
	"slices"
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

func TestWhoeverMayHaveTheValueIsWaitedForUntilItIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a value at the K closest of forty, and for all nodes its holders slower
		// than everybody else
		net := transport.NewNetwork(1)
		net.SetLatency(5*time.Millisecond, 0)
		nodes := join(t, net, 40, func(_ int, c *khashmir.Config) {
			c.Transport = slow{c.Transport, kad.MinTimeout / 2}
		})
		key := kad.HashID([]byte("large"))
		stored, err := nodes[0].Store(t.Context(), key, []byte("value"))
		if err != nil || len(stored.Stored) != kad.Replicas {
			t.Fatalf("stored %v, %v", stored, err)
		}
		// when each node looks for it, then it is found, however many others have
		// said meanwhile that they have nothing
		for i, node := range nodes {
			for _, options := range [][]khashmir.FindOption{nil, {khashmir.Enough(1)}} {
				found := 0
				for value, err := range node.Values(t.Context(), key, options...) {
					if err != nil || string(value) != "value" {
						t.Errorf("node %d: %q, %v", i, value, err)
					}
					found++
				}
				if found != 1 {
					t.Errorf("node %d found %d values with %d options", i, found, len(options))
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
