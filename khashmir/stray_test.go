package khashmir_test

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/store"
)

// rank is the node of a town that is the n-th closest to target, from 0.
func (w *town) rank(target kad.ID, n int) *khashmir.Node {
	id := byDistance(w.nodes, target)[n]
	return w.nodes[slices.IndexFunc(w.nodes, func(o *khashmir.Node) bool { return o.ID() == id })]
}

// hold puts an entry under target on the disk of each of these.
func (w *town) hold(target kad.ID, nodes ...*khashmir.Node) {
	w.t.Helper()
	e := kad.Entry{Value: []byte("a value"), TTL: kad.MaxValueTTL, Created: time.Now(), Seq: 1}
	e.Sign(target, key(999))
	for _, node := range nodes {
		if err := w.stores[node].Put(target, e, netip.Prefix{}, time.Now()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Who holds what is not its place brings it home, and lets it go when all are
// known to have it, not before.
func TestAStrayGoesHomeAndIsLetGoWhenAllHaveIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 30, nil)
		target := kad.HashID([]byte("stray"))
		// Given an entry at the farthest node alone, while the closest is silent.
		far, closest := w.rank(target, len(w.nodes)-1), w.rank(target, 0)
		w.hold(target, far)
		w.net.Kill(closest.Addr())
		time.Sleep(10 * time.Minute)
		// Then the others that are closest have it, and the next one for the silent.
		for rank := 1; rank <= kad.Replicas; rank++ {
			if !slices.Contains(w.holders(target), w.rank(target, rank)) {
				t.Errorf("number %d of the closest lacks it", rank)
			}
		}
		// When all answer, then the far one lets it go, and no value is lost.
		w.net.Revive(closest.Addr())
		time.Sleep(26 * time.Hour)
		holders := w.holders(target)
		if slices.Contains(holders, far) {
			t.Error("the stray is still there")
		}
		for rank := range kad.Replicas {
			if !slices.Contains(holders, w.rank(target, rank)) {
				t.Errorf("number %d of the closest lacks it", rank)
			}
		}
		if s, err := far.Stats(); s.LetGo != 1 || err != nil {
			t.Errorf("let go of %d, %v", s.LetGo, err)
		}
	})
}

func TestAStrayIsKeptWhileAHolderWillNotHaveIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given that every other node will not have it.
		target := kad.HashID([]byte("stray"))
		ids := make([]kad.ID, 30)
		for i := range ids {
			ids[i] = kad.PublicKeyOf(key(i)).ID()
		}
		slices.SortFunc(ids, target.CompareDistance)
		w := newTown(t, 30, func(c *khashmir.Config) {
			if slices.Index(ids, kad.PublicKeyOf(c.Key).ID())%2 == 1 {
				c.MaxValueSize = 1
			}
		})
		far := w.rank(target, 28)
		w.hold(target, far)
		time.Sleep(26 * time.Hour)
		// Then the others have it, and the stray stays.
		if holders := w.holders(target); !slices.Contains(holders, far) || len(holders) < kad.Replicas/2 {
			t.Errorf("%d hold it, the stray: %v", len(holders), slices.Contains(holders, far))
		}
	})
}

// To learn whose an entry out of place is takes two questions or three, and a silent one
// of them does not keep it here.
func TestALetGoStrayCostsFewQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given an entry at those closest to it, and at one that is not
		target := kad.HashID([]byte("stray"))
		var asked atomic.Int64
		w := newTown(t, 100, func(c *khashmir.Config) {
			c.MaintainInterval = time.Hour // nothing is looked up but that
			c.Observer.Lookup = func(l khashmir.Lookup) {
				if l.Target == target {
					asked.Add(int64(l.Questions))
				}
			}
		})
		far, closest := w.rank(target, 40), make([]*khashmir.Node, 9)
		for n := range closest {
			closest[n] = w.rank(target, n)
		}
		w.hold(target, append(closest, far)...)
		lookedUp := func() time.Time {
			for _, bucket := range far.Table() {
				if bucket.Range.Contains(target) {
					return bucket.LookedUp
				}
			}
			return time.Time{}
		}
		before := lookedUp()
		// when two of those are silent,
		w.net.Kill(closest[2].Addr())
		w.net.Kill(closest[5].Addr())
		time.Sleep(kad.MinReplicateInterval + time.Minute)
		// then it is let go all the same, in the first round.
		if s, err := far.Stats(); s.LetGo != 1 || err != nil {
			t.Errorf("let go of %d, %v", s.LetGo, err)
		}
		// and two contacts are no look into the bucket.
		if after := lookedUp(); after != before {
			t.Errorf("the bucket was looked up at %v, and now at %v", before, after)
		}
		if n := asked.Load(); n == 0 || n > 6 {
			t.Errorf("%d questions, to learn whose it is", n)
		}
	})
}

// A liar whom the holder of a last copy knows names nobody but eight others, who say
// that they have it. They are not the closest of all, nor are they alone asked.
func TestALiarDoesNotHaveALastCopyDropped(t *testing.T) {
	tested := 0
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		synctest.Test(t, func(t *testing.T) {
			// given a copy far from its place, and liars closer than whom its holder knows
			w := newTown(t, 200, nil)
			target := kad.HashID([]byte(name))
			holder := w.rank(target, 120)
			known := table(holder)
			slices.SortFunc(known, target.CompareDistance)
			if known[0] == w.rank(target, 0).ID() {
				return // the liars would be the closest of all
			}
			tested++
			var liars []kad.Contact
			for i := 1000; len(liars) <= kad.Replicas; i++ {
				if target.CompareDistance(kad.PublicKeyOf(key(i)).ID(), known[0]) < 0 {
					liars = append(liars, peer(t, w.net, i, func(_ kad.Contact, q krpc.Query) krpc.Reply {
						r := honest(i, q)
						if q.Method == krpc.FindNode {
							r.Contacts = liars
						}
						r.Same = q.Method == krpc.Compare
						return r
					}))
				}
			}
			slices.SortFunc(liars, func(a, b kad.Contact) int { return target.CompareDistance(a.ID, b.ID) })
			add(t, holder, liars[0].V4)
			// when the holder goes over its strays
			w.hold(target, holder)
			time.Sleep(10 * time.Minute)
			// then somebody honest holds it.
			if len(w.holders(target)) == 0 {
				t.Errorf("%s: the last copy is gone, for the closest that its holder knew is the %d. of the honest", name, slices.Index(byDistance(w.nodes, target), known[0])+1)
			}
		})
	}
	if tested < 2 {
		t.Errorf("in %d towns the holder did not know the closest", tested)
	}
}

// Who is compared with is taken for one of the holders, although it knows some who are
// closer. When it hears no more of that, it looks whether these live.
func TestWhoWasComparedWithLooksAfterTheValueWhenTheOthersAreSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := kad.HashID([]byte("looked after"))
		lookups := make(map[kad.ID]int)
		w := newTown(t, 100, func(c *khashmir.Config) {
			c.Replicas, c.MaintainInterval = 4, time.Hour
			id := kad.PublicKeyOf(c.Key).ID()
			c.Observer.Lookup = func(l khashmir.Lookup) {
				if l.Target == target {
					lookups[id]++
				}
			}
		})
		var closest []*khashmir.Node
		for n := range 12 {
			closest = append(closest, w.rank(target, n))
		}
		holder := closest[len(closest)-1]
		w.hold(kad.HashID([]byte("something else")), holder)
		time.Sleep(2 * kad.MinReplicateInterval) // once the strays have been gone over
		w.hold(target, append(closest[:4:4], holder)...)
		interval := kad.MinReplicateInterval
		if s, err := holder.Stats(); err != nil || s.HalfLife < 5*time.Minute {
			t.Fatal(s.HalfLife, err)
		} else {
			interval = max(interval, s.HalfLife/kad.RoundsPerHalfLife)
		}
		// given one that compares, and is gone, with everybody closer
		m, number := w.net.Transport(), 500
		for kad.PublicKeyOf(key(number)).ID().CommonPrefix(holder.ID()) < 6 {
			number++ // until it is a neighbour
		}
		if err := m.Serve(key(number), func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(number, q) }); err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		add(t, holder, m.Addr())
		keys := kad.NewRange(target, 8*kad.IDSize)
		if r := exchange(t, m, holder.Contact(), krpc.Query{Method: krpc.Compare, Range: keys}); r.Same || r.Error != nil {
			t.Fatalf("%+v", r)
		}
		w.net.Kill(m.Addr())
		for _, node := range closest[:len(closest)-1] {
			w.net.Kill(node.Addr())
		}
		// and a stranger, farther than anybody, who keeps on comparing all there is
		far := 400
		for i := range 1000 {
			if holder.ID().CompareDistance(kad.PublicKeyOf(key(far)).ID(), kad.PublicKeyOf(key(1000+i)).ID()) < 0 {
				far = 1000 + i
			}
		}
		stranger := w.net.Transport()
		if err := stranger.Serve(key(far), func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{} }); err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		for wait := 2*interval + 30*time.Second; wait > 0; wait -= 15 * time.Second {
			exchange(t, stranger, holder.Contact(), krpc.Query{Method: krpc.Compare})
			time.Sleep(15 * time.Second)
		}
		others := slices.DeleteFunc(w.holders(target), func(o *khashmir.Node) bool { return slices.Contains(closest, o) })
		if len(others) < 3 {
			t.Errorf("%d others hold it than %v ago", len(others), 2*interval+30*time.Second)
		}
		if n := lookups[holder.ID()]; n > 0 {
			t.Errorf("%d lookups, for what those it knows could tell", n)
		}
	})
}

// A liar, the closest to many strays, names no end of nodes that are not there.
func TestALiarDoesNotDrawTheRoundsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 100, nil)
		holder, made := w.nodes[0], 0
		var liar kad.Contact
		liar = peer(t, w.net, 7779, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(7779, q)
			for q.Method == krpc.FindNode && len(r.Contacts) < kad.MaxContactsPerReply {
				c := kad.NewContact(kad.PublicKeyOf(key(100_000+made)), netip.MustParseAddrPort("10.99.1.1:9"))
				made++
				if q.Target.CompareDistance(c.ID, holder.ID()) < 0 && q.Target.CompareDistance(c.ID, liar.ID) > 0 {
					r.Contacts = append(r.Contacts, c)
				}
			}
			return r
		})
		if holder.ID().CommonPrefix(liar.ID) > 0 {
			t.Fatal("this liar is not far from the holder")
		}
		add(t, holder, liar.V4)
		for i := range kad.StrayLookups {
			target := liar.ID
			target[3] ^= byte(i) + 1
			w.hold(target, holder)
		}
		time.Sleep(5 * time.Minute)
		before, err := holder.Stats()
		time.Sleep(10 * time.Minute)
		after, failed := holder.Stats()
		if err != nil || failed != nil || before.LetGo < kad.StrayLookups*3/4 || after.Silent > before.Silent+kad.K {
			t.Errorf("%d let go of after five minutes; %d silent by then, and %d later, %v %v", before.LetGo, before.Silent, after.Silent, err, failed)
		}
	})
}

// Once one of them will not have it, it stays: nobody is asked in place of a silent one.
func TestWhatStaysIsNotHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := kad.HashID([]byte("stray"))
		w := newTown(t, 100, func(c *khashmir.Config) { c.MaxValueSize = 1 })
		stray := w.rank(target, 60)
		w.hold(target, stray)
		for n := 4; n < kad.Replicas; n++ {
			w.net.Kill(w.rank(target, n).Addr())
		}
		time.Sleep(kad.MinReplicateInterval + time.Minute)
		if s, err := stray.Stats(); err != nil || s.Compared > kad.Replicas || s.LetGo > 0 {
			t.Errorf("compared %d times, let go of %d, %v", s.Compared, s.LetGo, err)
		}
	})
}

// Who is silent is made up for in the same round, whatever the tables still believe.
func TestTheNextClosestTakesTheSilentOnesPlaceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 60, nil)
		target := kad.HashID([]byte("held by eight"))
		var closest []*khashmir.Node
		for n := range kad.Replicas {
			closest = append(closest, w.rank(target, n))
		}
		next := w.rank(target, kad.Replicas)
		w.hold(target, closest...)
		w.net.Kill(closest[3].Addr())
		time.Sleep(kad.MinReplicateInterval + 10*time.Second) // the first round of each
		if !slices.Contains(w.holders(target), next) {
			t.Error("the next closest does not hold it")
		}
	})
}

// rangeLooks counts how often a range in which something may be out of place is looked
// at again within a round.
type rangeLooks struct {
	khashmir.Store
	mu    sync.Mutex
	last  map[kad.Range]time.Time
	again int
}

func (s *rangeLooks) Marks(r kad.Range, limit int, now time.Time) ([]store.Mark, error) {
	if limit == kad.CompareMarks+1 { // as nothing else does
		s.mu.Lock()
		defer s.mu.Unlock()
		if last, seen := s.last[r]; seen && now.Sub(last) < kad.MinReplicateInterval/2 {
			s.again++
		}
		s.last[r] = now
	}
	return s.Store.Marks(r, limit, now)
}

// A neighbour that compares nested ranges, and is heard of no more, has each stray gone
// over once.
func TestNestedRangesAreGoneOverOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 100, func(c *khashmir.Config) { c.MaintainInterval = time.Hour })
		looks := &rangeLooks{last: make(map[kad.Range]time.Time)}
		w.change = func(c *khashmir.Config) { looks.Store, c.Store = c.Store, looks }
		node, number := w.come(), 500
		for kad.PublicKeyOf(key(number)).ID().CommonPrefix(node.ID()) < 6 {
			number++ // until it is a neighbour
		}
		m := w.net.Transport()
		if err := m.Serve(key(number), func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(number, q)
			r.Same = q.Method == krpc.Compare
			return r
		}); err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		add(t, node, m.Addr())
		w.hold(kad.HashID([]byte("something else")), node)
		time.Sleep(2 * kad.MinReplicateInterval) // once the strays have been gone over
		for i := range 100 {
			w.hold(kad.HashID([]byte{byte(i)}), node)
		}
		tree := []kad.Range{{}}
		for i := 0; len(tree) < 63; i++ {
			lower, upper, _ := tree[i].Halves()
			tree = append(tree, lower, upper)
		}
		for _, r := range tree {
			exchange(t, m, node.Contact(), krpc.Query{Method: krpc.Compare, Range: r})
		}
		stats, err := node.Stats()
		if err != nil {
			t.Fatal(err)
		}
		looks.mu.Lock()
		clear(looks.last)
		looks.mu.Unlock()
		for rounds := stats.Rounds; stats.Rounds < rounds+3; {
			time.Sleep(time.Minute)
			if stats, err = node.Stats(); err != nil {
				t.Fatal(err)
			}
		}
		looks.mu.Lock()
		defer looks.mu.Unlock()
		if len(looks.last) == 0 || looks.again > 0 {
			t.Errorf("%d ranges looked at, %d times again", len(looks.last), looks.again)
		}
	})
}

// Who says what it holds, and then takes nothing, does not keep a stray from the next.
func TestAStrayGoesToTheNextWhereTheClosestTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 60, nil)
		target := kad.HashID([]byte("stray"))
		holder, number := w.rank(target, kad.Replicas+1), 500
		for target.CompareDistance(kad.PublicKeyOf(key(number)).ID(), w.rank(target, 0).ID()) >= 0 {
			number++ // until it is the closest
		}
		add(t, holder, peer(t, w.net, number, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			if q.Method == krpc.StoreValue {
				return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeServer}}
			}
			return honest(number, q)
		}).V4)
		w.hold(target, holder)
		time.Sleep(kad.MinReplicateInterval + 10*time.Second) // its first round
		if len(w.holders(target)) < 2 {
			t.Error("nobody else holds it")
		}
	})
}
