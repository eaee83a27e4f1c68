package testnet_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
)

// living is a network of Config.Live in a bubble, with its own time.
func living(t *testing.T, peers int, f func(t *testing.T, n *testnet.Network)) {
	synctest.Test(t, func(t *testing.T) {
		c := small(peers)
		c.Live = true
		n := joined(t, c)
		defer n.Close()
		f(t, n)
	})
}

// knows is how many of these the i-th peer has in its table.
func knows(n *testnet.Network, i int, these func(khashmir.ID) bool) (known int) {
	for _, b := range n.Peers()[i].Node.Table() {
		for _, m := range b.Contacts {
			if these(m.Contact.ID) {
				known++
			}
		}
	}
	return known
}

func TestAKilledPeerIsForgottenAndAStartedOneIsKnownAgain(t *testing.T) {
	living(t, 16, func(t *testing.T, n *testnet.Network) {
		// Given a network in which all know the third
		third := n.Peers()[3].ID
		is := func(id khashmir.ID) bool { return id == third }
		known := func() (sum int) {
			for i, p := range n.Peers() {
				if i != 3 && p.Node != nil {
					sum += knows(n, i, is)
				}
			}
			return sum
		}
		if known() == 0 {
			t.Fatal("nobody knows it")
		}
		// when it is killed
		if err := n.Kill(3); err != nil {
			t.Fatal(err)
		}
		if err := n.Kill(3); !errors.Is(err, testnet.ErrDown) {
			t.Errorf("killed twice: %v", err)
		}
		// then it is down, and in some minutes nobody has it in a table: most
		// have forgotten it at once, the last one asks it when chance wants it to
		if p := n.Peers()[3]; p.Node != nil || p.ID != third {
			t.Errorf("it is %+v", p)
		}
		time.Sleep(5 * time.Minute)
		if left := known(); left > 3 {
			t.Errorf("%d of 15 still have it", left)
		}
		for range 60 {
			if known() > 0 {
				time.Sleep(time.Minute)
			}
		}
		if left := known(); left != 0 {
			t.Errorf("%d still have it an hour later", left)
		}
		// and when it is started again, it is who it was, and known
		if err := n.Revive(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if err := n.Revive(t.Context(), 3); !errors.Is(err, testnet.ErrUp) {
			t.Errorf("started twice: %v", err)
		}
		time.Sleep(time.Minute)
		if p := n.Peers()[3]; p.Node == nil || p.ID != third || known() == 0 {
			t.Errorf("it is %+v, known to %d", p, known())
		}
	})
}

// While a person watches, most of those who had a killed peer forget it.
func TestMostForgetAKilledPeerWithinAMinute(t *testing.T) {
	living(t, 40, func(t *testing.T, n *testnet.Network) {
		before, left := 0, 0
		for _, victim := range []int{3, 11, 19, 27, 35} {
			it := n.Peers()[victim].ID
			known := func() (sum int) {
				for i, p := range n.Peers() {
					if p.Node != nil {
						sum += knows(n, i, func(id khashmir.ID) bool { return id == it })
					}
				}
				return sum
			}
			before += known()
			if err := n.Kill(victim); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			left += known()
		}
		if before == 0 || left > before/7 {
			t.Errorf("%d of %d are still known", left, before)
		}
	})
}

func TestACutPartsTheTablesAndHealingJoinsThem(t *testing.T) {
	living(t, 16, func(t *testing.T, n *testnet.Network) {
		// Given a network that is cut in two
		if err := n.Cut(0.5); err != nil {
			t.Fatal(err)
		}
		// when it has had time to notice
		time.Sleep(15 * time.Minute)
		// then each knows its own side alone
		peers := n.Peers()
		sides, ones := make(map[khashmir.ID]int), 0
		for _, p := range peers {
			sides[p.ID] = p.Side
		}
		across := func(i int) func(khashmir.ID) bool {
			return func(id khashmir.ID) bool { return sides[id] != peers[i].Side }
		}
		for i, p := range peers {
			ones += p.Side
			if known := knows(n, i, across(i)); known != 0 {
				t.Errorf("peer %d knows %d across the cut", i, known)
			}
		}
		if ones != 8 || !n.IsCut() {
			t.Errorf("%d on one side, cut: %v", ones, n.IsCut())
		}
		// and when it is healed, they know each other again
		n.Heal()
		time.Sleep(20 * time.Minute)
		for i := range peers {
			if knows(n, i, across(i)) == 0 {
				t.Errorf("peer %d knows nobody across where the cut was", i)
			}
		}
		if n.IsCut() || slices.ContainsFunc(n.Peers(), func(p testnet.Peer) bool { return p.Side != 0 }) {
			t.Error("it is still cut")
		}
	})
}

func TestAPeerStartedDuringACutStaysOnItsSide(t *testing.T) {
	living(t, 12, func(t *testing.T, n *testnet.Network) {
		if err := n.Cut(0.5); err != nil {
			t.Fatal(err)
		}
		for side := range 2 {
			// Given a peer of either side that was killed during the cut
			started := slices.IndexFunc(n.Peers(), func(p testnet.Peer) bool { return p.Side == side })
			if err := n.Kill(started); err != nil {
				t.Fatal(err)
			}
			// when it is started again, at another address
			if err := n.Revive(t.Context(), started); err != nil {
				t.Fatal(err)
			}
			// then it reaches its own side and not the other
			for i, p := range n.Peers() {
				if i == started {
					continue
				}
				_, err := n.Peers()[started].Node.AddContact(t.Context(), p.Addr.String())
				if (err == nil) != (p.Side == side) {
					t.Errorf("peer %d of side %d, from side %d: %v", i, p.Side, side, err)
				}
			}
		}
	})
}

func TestACutNeedsTwoSides(t *testing.T) {
	living(t, 5, func(t *testing.T, n *testnet.Network) {
		for _, share := range []float64{0, 1, -1, 0.2, 0.9, 7} {
			if err := n.Cut(share); !errors.Is(err, testnet.ErrCut) || n.IsCut() {
				t.Errorf("share %v: %v", share, err)
			}
		}
	})
}

func TestSomebodyHearsWhatEachPeerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given somebody who listens to each start of each peer
		var mu sync.Mutex
		heard := make(map[khashmir.ID]int)
		c := small(6)
		c.Live = true
		c.Observe = func(id khashmir.ID) khashmir.Observer {
			return khashmir.Observer{Step: func(khashmir.Step) {
				mu.Lock()
				defer mu.Unlock()
				heard[id]++
			}}
		}
		steps := func(id khashmir.ID) int {
			mu.Lock()
			defer mu.Unlock()
			return heard[id]
		}
		// when they join
		n := joined(t, c)
		defer n.Close()
		// then each was heard, when it looks for others
		for i, p := range n.Peers() {
			if _, err := p.Node.FindCloseNodes(t.Context()); err != nil {
				t.Error(err)
			}
			if steps(p.ID) == 0 {
				t.Errorf("peer %d was not", i)
			}
		}
		// and is again when it is killed and started again
		if err := n.Kill(2); err != nil {
			t.Fatal(err)
		}
		third := n.Peers()[2].ID
		before := steps(third)
		if err := n.Revive(t.Context(), 2); err != nil || steps(third) == before {
			t.Errorf("%v, heard %d", err, steps(third)-before)
		}
	})
}

func TestInALivingNetworkLookupsComeToTheClosest(t *testing.T) {
	// Given a network in which somebody listens to all, in real time
	c := small(300)
	c.Live = true
	c.Observe = func(khashmir.ID) khashmir.Observer { return khashmir.Observer{Step: func(khashmir.Step) {}} }
	n := joined(t, c)
	defer n.Close()
	found, wanted := 0, 0
	for i := range 40 {
		// when one looks for a key
		key := khashmir.HashID([]byte{byte(i)})
		contacts, err := n.Nodes[i].FindNode(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		// then it comes to the closest there are
		var all []khashmir.ID
		for _, p := range n.Peers() {
			all = append(all, p.ID)
		}
		slices.SortFunc(all, key.CompareDistance)
		for _, id := range all[:8] {
			wanted++
			if id == n.Nodes[i].ID() || slices.ContainsFunc(contacts, func(c khashmir.Contact) bool { return c.ID == id }) {
				found++
			}
		}
	}
	if found < wanted*98/100 { // a busy machine may overtake a late one
		t.Errorf("%d of %d", found, wanted)
	}
}
