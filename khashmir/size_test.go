package khashmir_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
