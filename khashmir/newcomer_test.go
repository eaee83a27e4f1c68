package khashmir_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// The closest to a key that a node is to hold need not be the closest to it.
func TestANewcomerKnowsMoreThanKAroundIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 300, nil)
		node := w.come()
		known := table(node)
		knows, isKnown := 0, 0
		for _, id := range byDistance(w.nodes, node.ID())[1 : 2*kad.K+1] {
			if slices.Contains(known, id) {
				knows++
			}
			there := w.nodes[slices.IndexFunc(w.nodes, func(n *khashmir.Node) bool { return n.ID() == id })]
			if slices.Contains(table(there), node.ID()) {
				isKnown++
			}
		}
		if knows < kad.K*3/2 || isKnown < kad.K*3/2 { // the others have no room
			t.Errorf("of the %d closest it knows %d and is known to %d", 2*kad.K, knows, isKnown)
		}
	})
}

// Those around a newcomer leave it to the closest to give it what it lacks, and look
// later whether anything is missing.
func TestANewcomerIsGivenMostOfItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 30, nil)
		for i := range 200 {
			w.store(w.nodes[i%30], i)
		}
		time.Sleep(2 * kad.ReplicateInterval) // strays go home
		w.net.SetLatency(75*time.Millisecond, 0)
		before := w.sum().Handed
		node := w.come()
		time.Sleep(5 * time.Minute)
		s, err := node.Stats()
		handed := w.sum().Handed - before
		if err != nil || s.Store.Entries < 200*kad.Replicas/60 || handed > s.Store.Entries*3/2 {
			t.Errorf("it was given %d, and holds %d, %v", handed, s.Store.Entries, err)
		}
		t.Logf("it was given %d, and holds %d", handed, s.Store.Entries)
	})
}
