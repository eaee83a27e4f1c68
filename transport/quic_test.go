package transport_test

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

func newQUIC() port {
	return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: loopback})
}

// capped keeps that many idle connections.
func capped(n int) func() port {
	return func() port {
		return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: loopback, MaxConnections: n})
	}
}

// tight closes an idle connection at once for another.
func tight() port {
	return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: loopback, MaxConnections: 1, MaxBusyConnections: 1})
}

func TestAConnectionIsUsedInBothDirections(t *testing.T) {
	a, b := open(t, newQUIC, echo), open(t, newQUIC, echo)

	for range 10 {
		mustAnswer(t, a, b.Contact)
		mustAnswer(t, b, a.Contact)
	}

	if ha, hb := a.Stats().Handshakes, b.Stats().Handshakes; ha != 1 || hb != 1 {
		t.Errorf("%d and %d handshakes, want 1 and 1", ha, hb)
	}
}

func TestWhoWasFoundAtAnAddressIsAskedOnTheSameConnection(t *testing.T) {
	a, b := open(t, newQUIC, echo), open(t, newQUIC, echo)
	address := kad.NewContact(kad.PublicKey{}, b.Addr())

	mustAnswer(t, a, address)
	mustAnswer(t, a, b.Contact)
	mustAnswer(t, a, address)

	if h := a.Stats().Handshakes; h != 1 {
		t.Errorf("%d handshakes, want 1", h)
	}
}

func TestQuestionsAtOnceShareADial(t *testing.T) {
	a, b := open(t, newQUIC, echo), open(t, newQUIC, echo)
	eachGetsItsOwn(t, 100, func(int) (end, end) { return a, b })
	if h := a.Stats().Handshakes; h != 1 {
		t.Errorf("%d handshakes, want 1", h)
	}
}

func TestSimultaneousDialsLoseNothing(t *testing.T) {
	for range 50 {
		a, b := open(t, newQUIC, echo), open(t, newQUIC, echo)
		eachGetsItsOwn(t, 20, func(i int) (end, end) {
			if i%2 == 0 {
				return a, b
			}
			return b, a
		})
		// One of the two stays, and both ends agree which: nobody dials again.
		before := a.Stats().Handshakes
		if before > 2 {
			t.Fatalf("%d handshakes", before)
		}
		eventually(t, "one connection is left", func() bool {
			return a.Stats().Connections == 1 && b.Stats().Connections == 1
		})
		mustAnswer(t, a, b.Contact)
		mustAnswer(t, b, a.Contact)
		if after := a.Stats().Handshakes; after != before {
			t.Fatalf("dialled again: %d handshakes, then %d", before, after)
		}
		a.Close()
		b.Close()
	}
}

func TestIdleConnectionsAreKeptToTheCap(t *testing.T) {
	const limit = 4
	hub := open(t, capped(limit), echo)
	var peers []end
	for range 30 {
		peers = append(peers, open(t, newQUIC, echo))
	}

	eachGetsItsOwn(t, 300, func(i int) (end, end) {
		if i%2 == 0 {
			return hub, peers[i/2%30]
		}
		return peers[i/2%30], hub
	})

	eventually(t, "the cap holds", func() bool { return hub.Stats().Connections <= limit })
}

func TestTheLongestUnusedConnectionIsClosed(t *testing.T) {
	hub := open(t, capped(2), echo)
	first, second, third := open(t, newQUIC, echo), open(t, newQUIC, echo), open(t, newQUIC, echo)
	mustAnswer(t, hub, first.Contact)
	mustAnswer(t, hub, second.Contact)
	mustAnswer(t, hub, first.Contact)

	mustAnswer(t, hub, third.Contact)

	eventually(t, "the second is closed", func() bool { return second.Stats().Connections == 0 })
	mustAnswer(t, hub, first.Contact)
	if h := first.Stats().Handshakes; h != 1 {
		t.Errorf("the first was dialled %d times, want once", h)
	}
}

func TestAConnectionInUseIsNeverClosed(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{})
	hub := open(t, capped(1), echo)
	slow := open(t, newQUIC, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		close(arrived)
		<-release
		return krpc.Reply{Token: q.Token}
	})
	var got answer
	var slowly sync.WaitGroup
	slowly.Add(1)
	hub.Ask(slow.Contact, question("slow"), func(r krpc.Reply, err error) { got = answer{r, err}; slowly.Done() })
	<-arrived

	for range 20 {
		mustAnswer(t, hub, open(t, newQUIC, echo).Contact)
	}
	close(release)
	slowly.Wait()

	if got.err != nil || got.Token != "slow" {
		t.Errorf("got %+v", got)
	}
	if h := slow.Stats().Handshakes; h != 1 {
		t.Errorf("the slow question needed %d connections, want 1", h)
	}
}

func TestWhenAllConnectionsAreInUseMoreAreRefused(t *testing.T) {
	release := make(chan struct{})
	blocked := func(_ kad.Contact, q krpc.Query) krpc.Reply { <-release; return krpc.Reply{Token: q.Token} }
	small := func() port {
		return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: loopback, MaxConnections: 1, MaxBusyConnections: 2})
	}
	var arrived, answered sync.WaitGroup
	hub := open(t, small, echo)
	for range 2 {
		arrived.Add(1)
		answered.Add(1)
		busy := open(t, newQUIC, func(from kad.Contact, q krpc.Query) krpc.Reply { arrived.Done(); return blocked(from, q) })
		hub.Ask(busy.Contact, question("x"), func(_ krpc.Reply, err error) {
			if err != nil {
				t.Error(err)
			}
			answered.Done()
		})
	}
	arrived.Wait()
	other := open(t, newQUIC, echo)

	if got := ask(t, hub, other.Contact, question("x")); !errors.Is(got.err, transport.ErrBusy) {
		t.Errorf("dialling: got %v, want ErrBusy", got.err)
	}
	if got := ask(t, other, hub.Contact, question("x")); !errors.Is(got.err, transport.ErrBusy) {
		t.Errorf("dialled: got %v, want ErrBusy", got.err)
	}

	close(release)
	answered.Wait()
	mustAnswer(t, hub, other.Contact)
}

func TestSessionsAreResumed(t *testing.T) {
	asker := open(t, tight, echo)
	a, b := open(t, newQUIC, echo), open(t, newQUIC, echo)
	for range 3 {
		mustAnswer(t, asker, a.Contact)
		mustAnswer(t, asker, b.Contact)
	}
	if s := asker.Stats(); s.Resumed == 0 {
		t.Errorf("of %d handshakes none resumed a session", s.Handshakes)
	}
	// The asker's key is proven in a resumed session too.
	seen := make(chan kad.Contact, 10)
	c := open(t, newQUIC, func(from kad.Contact, q krpc.Query) krpc.Reply { seen <- from; return echo(from, q) })
	for range 3 {
		mustAnswer(t, asker, c.Contact)
		mustAnswer(t, asker, a.Contact)
		if from := <-seen; from != asker.Contact {
			t.Errorf("the handler saw %v, want %v", from, asker.Contact)
		}
	}
}

func TestAResumedSessionDoesNotStandInForAnotherNode(t *testing.T) {
	// given a session with a node that has left, and another at its address
	asker := open(t, tight, echo)
	gone, other := open(t, newQUIC, echo), open(t, newQUIC, echo)
	mustAnswer(t, asker, gone.Contact)
	mustAnswer(t, asker, other.Contact)
	gone.Close()
	there := func() port { return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: gone.Addr()}) }
	successor := open(t, there, echo)

	if got := ask(t, asker, gone.Contact, question("x")); !errors.Is(got.err, transport.ErrWrongID) {
		t.Errorf("got %v, want ErrWrongID", got.err)
	}
	mustAnswer(t, asker, successor.Contact)
}

func TestARestartedNodeIsNoticedAtOnce(t *testing.T) {
	// given a connection, and a crash: no goodbye arrives
	key := newKey()
	asker, crashed := open(t, newQUIC, echo), serve(t, newQUIC(), key, echo)
	road := newRoad(t, crashed.Addr())
	there := kad.NewContact(crashed.Key, road.addr())
	mustAnswer(t, asker, there)
	road.block(true)
	crashed.Close()
	restarted := serve(t, newQUIC(), key, echo)
	road.leadTo(restarted.Addr())
	road.block(false)
	start := time.Now()

	mustAnswer(t, asker, there)

	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestAConnectionOnWhichNothingComesBackIsDialledAgain(t *testing.T) {
	t.Parallel()
	// given a node that is replaced by one of another key, without goodbye
	asker, first, second := open(t, newQUIC, echo), open(t, newQUIC, echo), open(t, newQUIC, echo)
	road := newRoad(t, first.Addr())
	address := kad.NewContact(kad.PublicKey{}, road.addr())
	mustAnswer(t, asker, address)
	road.leadTo(second.Addr())

	if got := ask(t, asker, address, question("x")); !errors.Is(got.err, transport.ErrTimeout) {
		t.Fatalf("got %v, want ErrTimeout", got.err)
	}
	mustAnswer(t, asker, address)
	if h := second.Stats().Handshakes; h != 1 {
		t.Errorf("%d handshakes with the second, want 1", h)
	}
}

func TestTheSecondAddressIsTriedWhenTheFirstIsDead(t *testing.T) {
	t.Parallel()
	everywhere := func() port { return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true}) }
	asker, answerer := open(t, everywhere, echo), open(t, everywhere, echo)
	if !asker.Addr().Addr().Is6() {
		t.Log("no IPv6 here: only IPv4 is asked")
		mustAnswer(t, asker, at(answerer, "127.0.0.1"))
		return
	}
	dead := open(t, newQUIC, echo)
	dead.Close()
	to := at(answerer, "::1")
	to.V4 = dead.Addr()

	mustAnswer(t, asker, to)
	mustAnswer(t, asker, at(answerer, "127.0.0.1"))
}

func TestAnAddressOfTheOtherFamilyIsUnreachableAtOnce(t *testing.T) {
	asker, answerer := open(t, newQUIC, echo), open(t, newQUIC, echo)
	start := time.Now()
	got := ask(t, asker, at(answerer, "::1"), question("x"))
	if took := time.Since(start); !errors.Is(got.err, transport.ErrUnreachable) || took > kad.DialTimeout/2 {
		t.Errorf("got %v after %v", got.err, took)
	}
}

func TestAnOccupiedPortIsASentence(t *testing.T) {
	first := open(t, newQUIC, echo)
	second := transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: first.Addr()})
	err := second.Serve(newKey(), echo)
	if err == nil || !errors.As(err, new(*net.OpError)) {
		t.Errorf("got %v", err)
	}
	second.Close()
}

func TestTooManyQuestionsAtOnceAreRefused(t *testing.T) {
	const n = 6000
	release := make(chan struct{})
	asker := open(t, newQUIC, echo)
	answerer := open(t, newQUIC, func(kad.Contact, krpc.Query) krpc.Reply { <-release; return krpc.Reply{} })
	defer close(release)
	var busy, other atomic.Int32
	var all sync.WaitGroup
	for range n {
		all.Add(1)
		asker.Ask(answerer.Contact, krpc.Query{Method: krpc.Ping}, func(_ krpc.Reply, err error) {
			defer all.Done()
			if errors.Is(err, transport.ErrBusy) {
				busy.Add(1)
			} else {
				other.Add(1)
			}
		})
	}
	asker.Close()
	all.Wait()
	if busy.Load() == 0 || other.Load() == 0 {
		t.Errorf("%d refused, %d not", busy.Load(), other.Load())
	}
}

// mustAnswer asks, and fails the test without an answer.
func mustAnswer(t testing.TB, from end, to kad.Contact) {
	t.Helper()
	if got := ask(t, from, to, question("hello")); got.err != nil || got.Token != "hello" {
		t.Fatalf("got %q, %v", got.Token, got.err)
	}
}

// at is the end's contact at another address of the same port.
func at(e end, ip string) kad.Contact {
	return kad.NewContact(e.Key, netip.AddrPortFrom(netip.MustParseAddr(ip), e.Addr().Port()))
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
