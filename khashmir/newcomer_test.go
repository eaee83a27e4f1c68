package khashmir_test

import (
	"slices"
	"testing"
	"testing/synctest"

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
