package khashmir_test

// What a second pair of eyes found, so that it stays found.

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
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
	"github.com/khashmir/kad/transport"
)

// a bootstrap contact that names no key is asked for ever.
func TestABootstrapContactWithoutAKeyIsNotAskedForEver(t *testing.T) {
	net := transport.NewNetwork(1)
	net.SetLatency(time.Millisecond, 0)
	synctest.Test(t, func(t *testing.T) {
		var pings atomic.Int32
		nobody := peer(t, net, 1, func(kad.Contact, krpc.Query) krpc.Reply {
			pings.Add(1)
			return krpc.Reply{}
		})
		config := inMemory(net, 0)
		config.Bootstrap = []string{nobody.Addr().String()}
		open(t, config)
		time.Sleep(time.Second)
		if pings.Load() > 4 {
			t.Errorf("asked %d times in a second", pings.Load())
		}
	})
}

// the K closest known are dead, others live: no lookup ever succeeds.
func TestALookupWhoseSeedsAreAllDeadAsksTheOthersItKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 14, nil)
		for _, n := range nodes[1:] {
			nodes[0].AddContact(t.Context(), n.Addr().String())
		}
		stats, _ := nodes[0].Stats()
		target := kad.ID{1}
		byID := map[kad.ID]*khashmir.Node{}
		for _, n := range nodes {
			byID[n.ID()] = n
		}
		killed := 0
		for _, id := range byDistance(nodes[1:], target)[:8] {
			net.Kill(byID[id].Addr())
			killed++
		}
		for i := range 20 {
			_, err := nodes[0].FindNode(t.Context(), target)
			if err == nil {
				t.Logf("found after %d attempts", i)
				return
			}
			if i == 19 {
				t.Errorf("%d contacts known, %d dead: after 20 attempts: %v", stats.Contacts, killed, err)
			}
		}
	})
}

// the only contact came back with another key; Bootstrap is never asked again.
func TestABootstrapContactWithANewKeyIsFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		first := inMemory(net, 1)
		old, err := khashmir.Open(first)
		if err != nil {
			t.Fatal(err)
		}
		addr := old.Addr()
		config := inMemory(net, 0)
		config.Bootstrap = []string{addr.String()}
		node := open(t, config)
		time.Sleep(time.Minute)
		old.Close()
		again := inMemory(net, 2)
		again.Transport = net.Transport(addr)
		fresh := open(t, again)
		time.Sleep(24 * time.Hour)
		found, err := node.FindNode(t.Context(), fresh.ID())
		if err != nil || len(found) == 0 || found[0].ID != fresh.ID() {
			t.Errorf("a day later: found %v, %v", found, err)
		}
	})
}

// Close while one goroutine ranges over Values inside a range over Values.
func TestCloseEndsNestedRanges(t *testing.T) {
	for range 40 {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 3, hasty)
		a, b := kad.ID{1}, kad.ID{2}
		for _, key := range []kad.ID{a, b} {
			if _, err := nodes[0].Store(t.Context(), key, []byte("v")); err != nil {
				t.Fatal(err)
			}
		}
		net.SetLatency(time.Hour, 0)
		net.SetTimeout(time.Hour)
		inner := make(chan struct{})
		out := make(chan struct{})
		go func() {
			defer close(out)
			for range nodes[0].Values(context.Background(), a) {
				for range nodes[0].Values(context.Background(), b) {
					select {
					case <-inner:
					default:
						close(inner)
					}
				}
			}
		}()
		<-inner
		done := make(chan struct{})
		go func() { nodes[0].Close(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("Close hangs")
		}
		<-out
	}
}

// Close in the body of a range over Values.
func TestCloseInTheBodyOfARange(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 3, hasty)
	if _, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("v")); err != nil {
		t.Fatal(err)
	}
	net.SetLatency(time.Hour, 0)
	net.SetTimeout(time.Hour)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range nodes[0].Values(context.Background(), kad.ID{1}) {
			nodes[0].Close()
		}
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("Close hangs")
	}
}

// an iterator that was pulled once and left alone.
func TestAnAbandonedPullDoesNotHoldUpClose(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 3, nil)
	if _, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("v")); err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(nodes[0].Values(context.Background(), kad.ID{1}))
	_ = stop
	next()
	done := make(chan struct{})
	go func() { nodes[0].Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("Close hangs")
	}
}

// AddContact ended by Close.
func TestAddContactEndedByCloseIsErrClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		silent := peer(t, net, 1, func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{} })
		net.Kill(silent.Addr())
		time.AfterFunc(time.Millisecond, func() { node.Close() })
		if _, err := node.AddContact(t.Context(), silent.Addr().String()); !errors.Is(err, khashmir.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// a liar's wrong address for a live node costs it its place.
func TestALiarsAddressDoesNotCostAnotherItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		config := inMemory(net, 0)
		config.K = 2
		node := open(t, config)
		target := kad.ID{}
		// by distance to target: liar, dead, victim
		var order []int
		for i := 1; len(order) < 40; i++ {
			order = append(order, i)
		}
		slices.SortFunc(order, func(a, b int) int {
			return target.CompareDistance(kad.PublicKeyOf(key(a)).ID(), kad.PublicKeyOf(key(b)).ID())
		})
		l, d, v := order[0], order[1], 0
		for _, i := range order { // between them and this node, in another bucket
			if id := kad.PublicKeyOf(key(i)).ID(); v == 0 && node.ID().CommonPrefix(id) >= 2 {
				v = i
			}
		}
		victim := peer(t, net, v, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(v, q) })
		var bad kad.Contact
		liar := peer(t, net, l, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(l, q)
			if q.Method == krpc.FindNode {
				r.Contacts = []kad.Contact{bad}
			}
			return r
		})
		dead := peer(t, net, d, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(d, q) })
		bad = kad.NewContact(victim.Key, netip.MustParseAddrPort("192.0.2.1:1"))
		add(t, node, liar.Addr())
		add(t, node, victim.Addr())
		add(t, node, dead.Addr())
		s, _ := node.Stats()
		net.Kill(dead.Addr())
		for range 3 {
			time.AfterFunc(1500*time.Millisecond, func() { node.AddContact(t.Context(), liar.Addr().String()) })
			found, err := node.FindNode(t.Context(), target)
			st, _ := node.Stats()
			t.Log(found, err, st.Contacts, st.Asked, st.Silent, node.ID(), liar, dead, victim)
			time.Sleep(10 * time.Second)
		}
		found, err := node.FindNode(t.Context(), victim.ID)
		if len(found) == 0 || found[0].ID != victim.ID {
			t.Errorf("the victim lost its place (%d contacts before): found %v %v", s.Contacts, found, err)
		}
	})
}

// an entry from the future.
func TestANegativeAgeDoesNotLengthenALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, age := range []time.Duration{-time.Hour, -1 << 63, 1<<63 - 1} {
			net := transport.NewNetwork(1)
			node := open(t, inMemory(net, 0))
			m := net.Transport()
			m.Serve(key(1), func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(1, q) })
			defer m.Close()
			to := kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr())
			token := exchange(t, m, to, krpc.Query{Method: krpc.FindNode, Target: kad.ID{1}}).Token
			entry := signed(1, kad.ID{1}, "v", kad.ValueTTL)
			entry.Age = age
			r := exchange(t, m, to, krpc.Query{Method: krpc.StoreValue, Target: kad.ID{1}, Token: token, Entry: entry})
			time.Sleep(kad.ValueTTL + 2*kad.ExpireInterval)
			if s, _ := node.Stats(); s.Store.Entries != 0 {
				t.Errorf("age %v: answered %v; %d entries after ValueTTL", age, r.Error, s.Store.Entries)
			}
		}
	})
}

// pages of tiny values: how many values does one liar get in?
func TestALiarsValuesAreBounded(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	var n atomic.Uint64
	add(t, node, peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		r := honest(1, q)
		if q.Method == krpc.FindValue {
			for range 800 {
				i := n.Add(1)
				r.Entries = append(r.Entries, krpc.Entry{Value: []byte{byte(i), byte(i >> 8), byte(i >> 16)}, TTL: time.Hour})
			}
			r.Next = q.Cursor + 1
		}
		return r
	}).Addr())
	if got := values(t, node, kad.ID{1}); len(got) > 2*kad.MaxEntriesPerKey {
		t.Errorf("%d values taken from one holder that may keep %d", len(got), kad.MaxEntriesPerKey)
	}
}

// a page that is lost: the search is not complete, yet err is nil.
func TestALostPageIsNotACompleteSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		add(t, node, peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(1, q)
			if q.Method == krpc.FindValue {
				if q.Cursor > 0 {
					return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeServer}}
				}
				r.Entries = []krpc.Entry{{Value: []byte("first page"), TTL: time.Hour}}
				r.Next = 1
			}
			return r
		}).Addr())
		var last error
		for _, err := range node.Values(t.Context(), kad.ID{1}) {
			last = err
		}
		if last == nil {
			t.Error("the second page was lost and nobody was told")
		}
	})
}

// docs/PROTOCOL.md: a page may be empty and still have a next.
func TestAnEmptyPageIsNotTheLast(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	add(t, node, peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		r := honest(1, q)
		if q.Method == krpc.FindValue {
			if q.Cursor == 0 {
				r.Next = 1
			} else {
				r.Entries = []krpc.Entry{{Value: []byte("v"), TTL: time.Hour}}
			}
		}
		return r
	}).Addr())
	if got := values(t, node, kad.ID{1}); len(got) != 1 {
		t.Errorf("found %q", got)
	}
}

// docs/PROTOCOL.md, 210: gets a new token, tries once more.
func TestABadTokenIsTriedOnceMore(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	var finds, stores atomic.Int32
	add(t, node, peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		r := honest(1, q)
		switch q.Method {
		case krpc.FindNode:
			finds.Add(1)
			r.Token = "new"
			if finds.Load() == 1 {
				r.Token = "old"
			}
		case krpc.StoreValue:
			stores.Add(1)
			if q.Token == "old" {
				r.Error = &krpc.Error{Code: krpc.CodeBadToken}
			}
		}
		return r
	}).Addr())
	if res, err := node.Store(t.Context(), kad.ID{1}, []byte("v")); err != nil {
		t.Errorf("%v %v", res, err)
	}
}

// a context over before it began: nothing is asked and nothing kept.
func TestACancelledStoreKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 3, nil)
		before, _ := nodes[0].Stats()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := nodes[0].Store(ctx, kad.ID{9}, []byte("v"))
		synctest.Wait()
		after, _ := nodes[0].Stats()
		if after.Asked != before.Asked {
			t.Errorf("%v, yet %d questions went out", err, after.Asked-before.Asked)
		}
		lone := open(t, inMemory(net, 50))
		_, err = lone.Store(ctx, kad.ID{9}, []byte("v"))
		time.Sleep(time.Second)
		if s, _ := lone.Stats(); s.Store.Entries != 0 {
			t.Errorf("%v, yet the value was kept", err)
		}
	})
}

// Close waits for the name server.
func TestSecondCloseWaits(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 2, nil)
	hold := make(chan struct{})
	in := make(chan struct{})
	nodes[0].StoreValueForKey(t.Context(), kad.ID{1}, nil, func(khashmir.Result, error) { close(in); <-hold })
	<-in
	first := make(chan struct{})
	go func() { nodes[0].Close(); close(first) }()
	for { // until the first Close has begun
		if _, err := nodes[0].Stats(); errors.Is(err, khashmir.ErrClosed) {
			break
		}
	}
	second := make(chan struct{})
	go func() { nodes[0].Close(); close(second) }()
	select {
	case <-second:
		t.Error("the second Close returned while a callback still ran")
	case <-time.After(200 * time.Millisecond):
	}
	close(hold)
	<-first
}

// A suspect whose ping came to nothing without a witness is asked again.
func TestSuspectIsCheckedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		config := inMemory(net, 0)
		config.K = 1
		config.Store = &keeping{Store: config.Store}
		config.Clock = &ticking{ChaCha8: rand.NewChaCha8([32]byte{})}
		node := open(t, config)
		// two peers in the same (far) half, so that the bucket cannot split for them
		var far []int
		self := node.ID()
		for i := 1; len(far) < 3; i++ {
			if self.CommonPrefix(kad.PublicKeyOf(key(i)).ID()) == 0 {
				far = append(far, i)
			}
		}
		a := peer(t, net, far[0], func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(far[0], q) })
		b := peer(t, net, far[1], func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(far[1], q) })
		add(t, node, a.Addr())
		net.Kill(a.Addr())
		time.Sleep(kad.MinPingInterval)
		// b is seen; a becomes the suspect, its ping is lost, and nobody else has answered meanwhile
		for range 10 {
			add(t, node, b.Addr())
			time.Sleep(kad.MinPingInterval)
		}
		net.Kill(b.Addr())
		net.Revive(b.Addr())
		saved := false
		for _, c := range tableOf(t, config, node) {
			saved = saved || c.ID == b.ID
		}
		found := []kad.Contact{}
		if saved {
			found = append(found, b)
		}
		if len(found) == 0 {
			t.Error("the dead suspect kept its place against a live newcomer for ten intervals")
		}
	})
}

// ticking is a clock on which no two moments are the same, as on a real one.
type ticking struct {
	*rand.ChaCha8
	n atomic.Int64
}

func (c *ticking) Now() time.Time { return time.Now().Add(time.Duration(c.n.Add(1))) }
func (c *ticking) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

type keeping struct {
	khashmir.Store
	mu    sync.Mutex
	saved []kad.Contact
}

func (k *keeping) SaveContacts(c []kad.Contact) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved = c
	return nil
}

// tableOf closes the node and returns what it saved.
func tableOf(t *testing.T, config khashmir.Config, node *khashmir.Node) []kad.Contact {
	node.Close()
	return config.Store.(*keeping).saved
}

// hasty nodes do not take long to leave.
func hasty(_ int, c *khashmir.Config) { c.LeaveTimeout = time.Millisecond }
