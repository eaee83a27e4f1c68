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

// A newcomer that knows but one, who names none but dead ones, has met others by the
// time it has found that out.
func TestALookupThatRunsDryGoesOnWithWhomTheNodeHasMetSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given a node whose one contact names those who are gone
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		var gone []kad.Contact
		for i := range kad.K {
			c := peer(t, net, 10+i, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(10+i, q) })
			net.Kill(c.V4)
			gone = append(gone, c)
		}
		misled := peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(1, q)
			r.Contacts = gone
			return r
		})
		add(t, node, misled.V4)
		// when it is asked for somebody, and meets another on the way
		wanted := peer(t, net, 3, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(3, q) })
		other := peer(t, net, 2, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(2, q)
			r.Contacts = []kad.Contact{wanted}
			return r
		})
		found := make(chan []kad.ID, 1)
		go func() {
			closest, err := node.FindNode(t.Context(), wanted.ID)
			if err != nil {
				t.Error(err)
			}
			found <- idsOf(closest)
		}()
		synctest.Wait()
		add(t, node, other.V4)
		// then that one is asked too.
		if found := <-found; len(found) != 3 || found[0] != wanted.ID {
			t.Errorf("found %v; want %v, %v and %v", found, wanted.ID, misled.ID, other.ID)
		}
	})
}
