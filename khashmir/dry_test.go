package khashmir_test

import (
	"slices"
	"testing"
	"testing/synctest"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// Where lives are short most of the closest we know are dead, and who is not may name
// none but dead ones.
func TestALookupThatRunsDryGoesOnWithWhomTheNodeKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given a node with contacts that name nobody
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		peers := make(map[kad.ID]kad.Contact)
		for i := 1; i <= 40; i++ {
			p := peer(t, net, i, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(i, q) })
			peers[p.ID] = p
			add(t, node, p.V4)
		}
		target := kad.HashID([]byte("wanted"))
		known := table(node)
		slices.SortFunc(known, target.CompareDistance)
		for _, alive := range []int{0, 2, kad.K - 1} { // how many of the K closest answer
			// when but a few of the K closest are alive
			for rank, id := range known[:kad.K] {
				if rank < kad.K-alive {
					net.Kill(peers[id].V4)
				} else {
					net.Revive(peers[id].V4)
				}
			}
			// then the K closest of the others are found,
			found, err := node.FindNode(t.Context(), target)
			if want := known[kad.K-alive : 2*kad.K-alive]; err != nil || !slices.Equal(idsOf(found), want) {
				t.Errorf("%d of the closest alive: found %v, want %v, %v", alive, idsOf(found), want, err)
			}
		}
		// and where enough of them are, nobody else is asked.
		for _, id := range known[:kad.K] {
			net.Revive(peers[id].V4)
		}
		before, err := node.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if found, err := node.FindNode(t.Context(), target); err != nil || !slices.Equal(idsOf(found), known[:kad.K]) {
			t.Errorf("found %v, %v", idsOf(found), err)
		}
		if after, err := node.Stats(); err != nil || after.Asked-before.Asked > kad.K+1 {
			t.Errorf("%d were asked, %v", after.Asked-before.Asked, err)
		}
	})
}
