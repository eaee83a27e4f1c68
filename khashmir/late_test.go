package khashmir_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
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
