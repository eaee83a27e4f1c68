package khashmir_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// To learn whose an entry out of place is takes a question or two, and a silent one
// of them does not keep it here.
func TestALetGoStrayCostsFewQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given an entry at those closest to it, and at one that is not
		target, asked := kad.HashID([]byte("stray")), 0
		w := newTown(t, 100, func(c *khashmir.Config) {
			c.Observer.Lookup = func(l khashmir.Lookup) {
				if l.Target == target {
					asked += l.Questions
				}
			}
		})
		order := byDistance(w.nodes, target)
		at := func(rank int) *khashmir.Node {
			return w.nodes[slices.IndexFunc(w.nodes, func(n *khashmir.Node) bool { return n.ID() == order[rank] })]
		}
		e := kad.Entry{Value: []byte("v"), TTL: kad.MaxValueTTL, Created: time.Now(), Seq: 1}
		e.Sign(target, key(999))
		far := at(40)
		for _, node := range []*khashmir.Node{far, at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8)} {
			if err := w.stores[node].Put(target, e, netip.Prefix{}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		// when two of those are silent,
		w.net.Kill(at(2).Addr())
		w.net.Kill(at(5).Addr())
		time.Sleep(kad.MinReplicateInterval + time.Minute)
		// then it is let go all the same, in the first round.
		if s, err := far.Stats(); s.LetGo != 1 || err != nil {
			t.Errorf("let go of %d, %v", s.LetGo, err)
		}
		if asked == 0 || asked > 5 {
			t.Errorf("%d questions, to learn whose it is", asked)
		}
	})
}
