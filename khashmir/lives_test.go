package khashmir_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

func halfLife(t *testing.T, node *khashmir.Node) time.Duration {
	t.Helper()
	s, err := node.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s.HalfLife
}

// Where half of the nodes die every five minutes a newcomer that is used knows that
// soon, and compares as often as that wants.
func TestWhoComesLearnsHowShortLivesAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const real = 5 * time.Minute
		w := newTown(t, 40, nil)
		w.net.SetLatency(30*time.Millisecond, 20*time.Millisecond)
		for i := range 40 {
			w.store(w.nodes[i%len(w.nodes)], i)
		}
		random := rand.New(rand.NewPCG(3, 3))
		live := func(d time.Duration, spared int) {
			for end := time.Now().Add(d); ; {
				rate := float64(len(w.nodes)-spared) * math.Ln2 / float64(real)
				wait := time.Duration(random.ExpFloat64() / rate)
				if time.Now().Add(wait).After(end) {
					time.Sleep(time.Until(end))
					return
				}
				time.Sleep(wait)
				w.leaves(w.nodes[random.IntN(len(w.nodes)-spared)], false)
				w.come()
				// The last to come is mortal, the spared ones stay at the end.
				last := len(w.nodes) - 1
				w.nodes[last-spared], w.nodes[last] = w.nodes[last], w.nodes[last-spared]
			}
		}
		live(20*time.Minute, 0)
		var watchers []*khashmir.Node
		looks := make([]*strayLooks, 0, 12)
		w.change = func(c *khashmir.Config) {
			looks = append(looks, &strayLooks{Store: c.Store})
			c.Store = looks[len(looks)-1]
		}
		for range 12 {
			watchers = append(watchers, w.come())
		}
		w.change = nil
		for range 15 {
			live(time.Minute, len(watchers))
			for _, node := range watchers {
				node.FindNode(t.Context(), kad.HashID([]byte(time.Now().String())))
			}
		}
		var sum time.Duration
		rounds := 0
		for _, node := range watchers {
			s, err := node.Stats()
			if err != nil {
				t.Fatal(err)
			}
			sum, rounds = sum+s.HalfLife, rounds+s.Rounds
		}
		mean := sum / time.Duration(len(watchers))
		t.Logf("newcomers take %v for the half-life, and have begun %d rounds in a quarter of an hour", mean, rounds)
		if mean < real/2 || mean > 3*real {
			t.Errorf("newcomers take %v for the half-life", mean)
		}
		// Had they waited for what they supposed at first, it would be fewer than six each.
		if rounds < 13*len(watchers)/2 {
			t.Errorf("they have begun %d rounds in a quarter of an hour", rounds)
		}
		// What is out of place now may soon be wanted back, so most rounds leave it
		// alone, but where those whose place it is have fallen silent. Not all have anything.
		strays := 0
		for _, l := range looks {
			l.mu.Lock()
			strays += l.times
			l.mu.Unlock()
		}
		t.Logf("they went over their strays in %d of them", strays)
		if strays < len(watchers)/2 || strays > rounds/3 {
			t.Errorf("in %d rounds they went over their strays %d times", rounds, strays)
		}
	})
}

// strayLooks counts the rounds in which what may be out of place is looked at.
type strayLooks struct {
	khashmir.Store
	mu    sync.Mutex
	last  time.Time
	times int
}

func (s *strayLooks) Marks(r kad.Range, limit int, now time.Time) ([]store.Mark, error) {
	if limit == kad.CompareMarks+1 { // as nothing else does
		s.mu.Lock()
		defer s.mu.Unlock()
		if now.Sub(s.last) > kad.MinReplicateInterval/2 {
			s.times++
		}
		s.last = now
	}
	return s.Store.Marks(r, limit, now)
}

// Who was silent once and answers again has not died.
func TestWhoAnswersAgainHasNotDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 3, undisturbed)
		node, other := nodes[0], nodes[1]
		look := func() { node.FindNode(t.Context(), other.ID()) }
		before := halfLife(t, node)
		net.Kill(other.Addr())
		look()
		if missed := halfLife(t, node); missed > before*3/4 {
			t.Fatalf("a death among two was not noticed: %v, then %v", before, missed)
		}
		net.Revive(other.Addr())
		look()
		if again := halfLife(t, node); again < before*9/10 {
			t.Errorf("half-life %v, %v once it was back", before, again)
		}
	})
}

// Nor have many; and what was known of the dead is not taken back with them.
func TestAFaultOfTheNetworkIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 160, func(c *khashmir.Config) {
			c.K, c.MaxFailures = kad.MaxContactsPerReply, 100
			undisturbed(0, c)
		})
		node, targets := w.nodes[0], 0
		look := func(times int) {
			for range times {
				targets++
				node.FindNode(t.Context(), kad.HashID([]byte{byte(targets), byte(targets >> 8)}))
			}
		}
		look(40)
		for range 30 { // that have died, and stay so
			time.Sleep(30 * time.Second)
			w.leaves(w.nodes[1], false)
			look(4)
		}
		before := halfLife(t, node)
		silenced := w.nodes[30:]
		for _, o := range silenced {
			w.net.Kill(o.Addr())
		}
		look(60)
		during := halfLife(t, node)
		if during > before/2 {
			t.Fatalf("half-life %v, and %v when nearly all were silent", before, during)
		}
		for _, o := range silenced {
			w.net.Revive(o.Addr())
		}
		look(60)
		after := halfLife(t, node)
		t.Logf("half-life %v before the fault, %v in it, %v after it", before, during, after)
		// To be too careful for a while costs messages; too careless, values.
		if after > 3*before || after < during*3/2 {
			t.Errorf("half-life %v before the fault, %v in it and %v after it", before, during, after)
		}
	})
}

// A contact that nobody has asked for long, and that is dead, tells next to nothing
// of how long lives are.
func TestWhoWasNotAskedDidNotLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 2, undisturbed)
		node, other := nodes[0], nodes[1]
		witness := open(t, inMemory(net, 2))
		before := halfLife(t, node)
		other.Abort()
		time.Sleep(100 * kad.FirstHalfLife)
		add(t, node, witness.Addr())
		node.FindNode(t.Context(), other.ID())
		if after := halfLife(t, node); after > 2*before || after < before/2 {
			t.Errorf("half-life %v before and %v after a silence of %v", before, after, 100*kad.FirstHalfLife)
		}
	})
}

// undisturbed has a node ask nobody by itself.
func undisturbed(_ int, c *khashmir.Config) {
	c.MaintainInterval, c.ReplicateInterval = 1000*time.Hour, 1000*time.Hour
}

// However long the peace, a node believes in no longer lives than its rounds want: so a
// storm is soon noticed.
func TestPeaceIsBelievedInNoMoreThanRoundsWant(t *testing.T) {
	for _, test := range []struct{ interval, want time.Duration }{
		{0, kad.RoundsPerHalfLife * kad.ReplicateInterval},
		{2 * time.Hour, kad.RoundsPerHalfLife * 2 * time.Hour},
		{1000 * time.Hour, kad.MaxHalfLife},
	} {
		synctest.Test(t, func(t *testing.T) {
			nodes := join(t, transport.NewNetwork(1), 2, func(_ int, c *khashmir.Config) { c.ReplicateInterval = test.interval })
			for range 100 {
				add(t, nodes[0], nodes[1].Addr())
				time.Sleep(time.Hour)
			}
			if got := halfLife(t, nodes[0]); (got - test.want).Abs() > time.Minute {
				t.Errorf("rounds up to %v apart: half-life %v, want %v", test.interval, got, test.want)
			}
		})
	}
}
