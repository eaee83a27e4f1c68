package khashmir_test

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

// Whoever draws a comparison out costs the others a round at the most.
func TestNobodyDrawsARoundOutForEver(t *testing.T) {
	taken := 0
	for name, test := range map[string]struct {
		questions int // that may be put to it in four hours
		lie       func(q krpc.Query) krpc.Reply
	}{
		"takes one and refuses the next": {200, func(q krpc.Query) krpc.Reply {
			if q.Method == krpc.Compare {
				return krpc.Reply{Token: "12345678"}
			}
			if taken++; taken%2 == 0 {
				return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeBadToken}}
			}
			return krpc.Reply{}
		}},
		"always wants the halves": {
			4 * 4 * int(kad.MaxRound/(800*time.Millisecond)), // four at a time, for a quarter of each hour
			func(krpc.Query) krpc.Reply { return krpc.Reply{Split: true} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := transport.NewNetwork(1)
				net.SetLatency(400*time.Millisecond, 0)
				config := inMemory(net, 0)
				config.Store = khashmir.NewMemoryStore()
				fill(t, config.Store, 100)
				node := open(t, config)
				liar := peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
					if q.Method == krpc.Compare || q.Method == krpc.StoreValue {
						return test.lie(q)
					}
					return honest(1, q)
				})
				add(t, node, liar.Addr())
				time.Sleep(4 * time.Hour)
				s, err := node.Stats()
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d rounds, %d questions", s.Rounds, s.Asked)
				if s.Rounds < 3 {
					t.Errorf("%d rounds in four hours", s.Rounds)
				}
				if s.Compared == 0 || s.Asked > test.questions {
					t.Errorf("%d questions in four hours, %d comparisons", s.Asked, s.Compared)
				}
			})
		})
	}
}

// fill puts n entries of somebody else's into the store.
func fill(t *testing.T, store khashmir.Store, n int) {
	t.Helper()
	for i := range n {
		id, e := kad.HashID([]byte{byte(i)}), kad.Entry{Value: []byte{byte(i)}, TTL: kad.MaxValueTTL, Created: time.Now(), Seq: 1}
		e.Sign(id, key(99))
		if err := store.Put(id, e, netip.Prefix{}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// A node that has just come compares for itself, whoever says that he has gone over
// all of it; the next rounds leave out what another has gone over.
func TestTheFirstRoundTrustsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		config := inMemory(net, 0)
		fill(t, config.Store, 30)
		digest, ok, err := config.Store.Digest(kad.Range{}, kad.CompareEntries, time.Now())
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		node := open(t, config)
		answer := func(_ kad.Contact, q krpc.Query) krpc.Reply {
			if q.Method == krpc.Compare {
				return krpc.Reply{Same: true}
			}
			return honest(1, q)
		}
		m := net.Transport()
		if err := m.Serve(key(1), answer); err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		add(t, node, m.Addr())
		said := krpc.Query{Method: krpc.Compare, Digest: digest}
		// own is how often it compares of its own accord, with the next round and since the last.
		var last khashmir.Stats
		own := func(meanwhile func()) int {
			for {
				time.Sleep(time.Second)
				s, err := node.Stats()
				if err != nil {
					t.Fatal(err)
				}
				if s.Rounds > last.Rounds {
					compared := s.Compared - last.Compared
					last = s
					return compared
				}
				meanwhile()
			}
		}
		say := func() {
			if r := exchange(t, m, node.Contact(), said); !r.Same {
				t.Fatalf("it does not hold the same: %+v", r)
			}
		}
		for round := range kad.TrustingRounds {
			want := 0
			if round == 0 {
				want = 2 // one of them because somebody new has come
			}
			if n := own(say); n != want {
				t.Errorf("round %d: %d comparisons of its own, want %d", round+1, n, want)
			}
		}
		// He is not waited for who has said so half an interval ago, and may be dead.
		for round := range kad.TrustingRounds {
			say()
			if n := own(func() {}); n == 0 {
				t.Errorf("round %d: none of its own, for somebody compared at the last", kad.TrustingRounds+round+1)
			}
		}
	})
}

// With the first value that it is given a node does not wait until the next round is
// due, nor where all that it had has expired.
func TestTheFirstValueIsComparedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := join(t, transport.NewNetwork(1), 2, nil)
		for i := range 2 {
			for range 10 { // hours of peace: rounds are an hour apart
				add(t, nodes[0], nodes[1].Addr())
				time.Sleep(50 * time.Minute)
			}
			before, err := nodes[0].Stats()
			if err != nil || before.Store.Entries > 0 {
				t.Fatalf("%d entries, %v", before.Store.Entries, err)
			}
			if _, err := nodes[1].Store(t.Context(), kad.HashID([]byte{byte(i)}), []byte("value"), khashmir.TTL(30*time.Minute)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(kad.MinReplicateInterval + time.Second)
			if s, err := nodes[0].Stats(); err != nil || s.Rounds != before.Rounds+1 {
				t.Errorf("%d rounds, then %d, %v", before.Rounds, s.Rounds, err)
			}
		}
	})
}

// puttingStore has something done right after it was found to be empty.
type puttingStore struct {
	khashmir.Store
	mu   sync.Mutex
	when int // after how many such times, from now on
	then func()
}

func (s *puttingStore) Marks(r kad.Range, limit int, now time.Time) ([]store.Mark, error) {
	marks, err := s.Store.Marks(r, limit, now)
	if r == (kad.Range{}) && len(marks) == 0 {
		s.mu.Lock()
		s.when--
		then := s.then
		if s.when != 0 {
			then = nil
		}
		s.mu.Unlock()
		if then != nil {
			then()
		}
	}
	return marks, err
}

// So it is with a value that comes while the node is looking what it holds.
func TestAValueThatComesWhileARoundLooksIsComparedSoon(t *testing.T) {
	for when := range 2 {
		synctest.Test(t, func(t *testing.T) {
			disk := &puttingStore{Store: khashmir.NewMemoryStore()}
			nodes := join(t, transport.NewNetwork(1), 2, func(i int, c *khashmir.Config) {
				if i == 0 {
					c.Store = disk
				}
			})
			for range 10 { // hours of peace: rounds are an hour apart
				add(t, nodes[0], nodes[1].Addr())
				time.Sleep(50 * time.Minute)
			}
			came := make(chan error)
			disk.mu.Lock()
			disk.when, disk.then = when+1, func() {
				_, err := nodes[1].Store(t.Context(), kad.HashID([]byte("value")), []byte("value"))
				go func() { came <- err }()
			}
			disk.mu.Unlock()
			if err := <-came; err != nil {
				t.Fatal(err)
			}
			time.Sleep(kad.MinReplicateInterval + time.Second)
			if s, err := nodes[0].Stats(); err != nil || s.Rounds != 1 {
				t.Errorf("%d rounds, %v", s.Rounds, err)
			}
		})
	}
}

// A round that is due while another is under way begins when that is over.
func TestARoundThatCannotBeginStaysDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		net.SetLatency(400*time.Millisecond, 0)
		disk := khashmir.NewMemoryStore()
		nodes := join(t, net, 2, func(i int, c *khashmir.Config) {
			if i == 0 {
				c.Store = disk
			}
		})
		for range 10 { // hours of peace: rounds are an hour apart
			add(t, nodes[0], nodes[1].Addr())
			time.Sleep(50 * time.Minute)
		}
		fill(t, disk, 100)
		if _, err := nodes[1].Store(t.Context(), kad.HashID([]byte("one more")), []byte("value")); err != nil {
			t.Fatal(err)
		}
		// The newcomer draws out the round in which he is given what he is to hold.
		liar := peer(t, net, 100, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			if q.Method == krpc.Compare {
				return krpc.Reply{Split: true}
			}
			return honest(100, q)
		})
		add(t, nodes[0], liar.V4)
		before, err := nodes[0].Stats()
		if err != nil || before.Rounds > 0 {
			t.Fatal(before.Rounds, err)
		}
		time.Sleep(kad.MinReplicateInterval + time.Second)
		meanwhile, err := nodes[0].Stats()
		if err != nil || meanwhile.Rounds > 0 || meanwhile.Compared <= before.Compared {
			t.Fatal("no round is under way that would keep the whole one from beginning", meanwhile.Rounds, meanwhile.Compared, err)
		}
		time.Sleep(kad.MaxRound + 2*kad.MinReplicateInterval)
		if s, err := nodes[0].Stats(); err != nil || s.Rounds == 0 {
			t.Errorf("%d rounds, %v", s.Rounds, err)
		}
	})
}
