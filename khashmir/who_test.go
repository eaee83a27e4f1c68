package khashmir_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

func TestOnlyWhoDoesNotKnowWhomItAsksIsToldTheKey(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	m := net.Transport()
	if err := m.Serve(key(1), func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(1, q) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	self := kad.PublicKeyOf(key(0))
	known, unknown := kad.NewContact(self, node.Addr()), kad.Contact{}.WithAddr(node.Addr())

	if r := exchange(t, m, unknown, krpc.Query{Method: krpc.Ping, Who: true}); r.Error != nil || r.Key != self {
		t.Errorf("asked who it is, it answers %+v", r)
	}
	if r := exchange(t, m, known, krpc.Query{Method: krpc.Ping}); r.Error != nil || !r.Key.IsZero() {
		t.Errorf("asked by who knows that, it answers %+v", r)
	}
}

// pinged is a participant that answers as it should, and keeps of each ping
// whether it was asked who it is.
type pinged struct {
	kad.Contact
	mu    sync.Mutex
	asked []bool
}

func newPinged(t *testing.T, net *transport.Network, i int) *pinged {
	p := &pinged{}
	p.Contact = peer(t, net, i, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		p.mu.Lock()
		defer p.mu.Unlock()
		if q.Method == krpc.Ping {
			p.asked = append(p.asked, q.Who)
		}
		return honest(i, q)
	})
	return p
}

func (p *pinged) want(t *testing.T, when string, want ...bool) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.asked, want) {
		t.Errorf("%s: the pings asked who: %v; want %v", when, p.asked, want)
	}
	p.asked = nil
}

func TestANodeAsksForTheKeyWhereItKnowsAnAddressAloneAndOnlyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		config := inMemory(net, 0)
		config.Path, config.Store = t.TempDir()+"/node.db", nil
		added, named := newPinged(t, net, 1), newPinged(t, net, 2)
		config.Bootstrap = []string{named.Addr().String()}

		// when a node starts with an address, then it asks who is there, once,
		// and then the one who said so
		node := open(t, config)
		time.Sleep(time.Second)
		named.want(t, "at the start", true, false)

		// and so when it is given one
		add(t, node, added.Addr())
		added.want(t, "added", true, false)

		// but whom it has saved it knows.
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
		config.Transport = net.Transport(node.Addr())
		open(t, config)
		time.Sleep(time.Second)
		added.want(t, "saved", false)
	})
}

func TestAStrangerThatAsksIsPingedBackAndNotAskedWhoItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		asked := make(chan krpc.Query, 8)
		m := net.Transport()
		m.Serve(key(1), func(_ kad.Contact, q krpc.Query) krpc.Reply {
			asked <- q
			return honest(1, q)
		})
		t.Cleanup(func() { m.Close() })
		exchange(t, m, kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr()), krpc.Query{Method: krpc.FindNode, Target: kad.ID{1}})
		time.Sleep(time.Second)
		if q := <-asked; q.Method != krpc.Ping || q.Who || len(asked) > 0 {
			t.Errorf("it was asked %+v, and %d times more", q, len(asked))
		}
		if got := table(node); !slices.Equal(got, []kad.ID{kad.PublicKeyOf(key(1)).ID()}) {
			t.Errorf("the node knows %v", got)
		}
	})
}

// Whom we have just asked may well ping us before its answer is here. That is no
// reason to ping it too.
func TestWhoOwesUsAnAnswerIsNotPingedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		pings := 0
		m := net.Transport()
		m.Serve(key(2), func(_ kad.Contact, q krpc.Query) krpc.Reply {
			switch q.Method {
			case krpc.FindNode:
				exchange(t, m, node.Contact(), krpc.Query{Method: krpc.Ping})
				synctest.Wait() // whatever came of that has
			case krpc.Ping:
				pings++
			}
			return honest(2, q)
		})
		t.Cleanup(func() { m.Close() })
		asked := kad.NewContact(kad.PublicKeyOf(key(2)), m.Addr())
		add(t, node, peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(1, q)
			if q.Method == krpc.FindNode {
				r.Contacts = []kad.Contact{asked}
			}
			return r
		}).Addr())
		if _, err := node.FindNode(t.Context(), kad.ID{1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if pings > 0 || !slices.Contains(table(node), asked.ID) {
			t.Errorf("it was pinged %d times, and the node knows %v", pings, table(node))
		}
	})
}

func TestWhoDoesNotSayWhoItIsIsNoContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nobody := peer(t, net, 1, func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{} })
		alive := open(t, inMemory(net, 2))
		config := inMemory(net, 0)
		config.Bootstrap = []string{nobody.Addr().String(), alive.Addr().String()}
		node := open(t, config)

		c, err := node.AddContact(t.Context(), nobody.Addr().String())
		if !errors.Is(err, khashmir.ErrProtocol) || !strings.Contains(err.Error(), "whose it is") || c != (kad.Contact{}) {
			t.Errorf("got %v, %v", c, err)
		}
		time.Sleep(time.Second)
		if got := table(node); !slices.Equal(got, []kad.ID{alive.ID()}) {
			t.Errorf("the node knows %v", got)
		}
	})
}

// On streams the key has no packet of its own: it comes with the answer.
func TestANodeIsFoundByItsAddressOnEveryWire(t *testing.T) {
	for name, streams := range map[string]bool{"datagrams": false, "streams": true} {
		t.Run(name, func(t *testing.T) {
			wired := func(i int) khashmir.Config {
				return khashmir.Config{
					Key: key(i), Store: khashmir.NewMemoryStore(),
					Transport: transport.NewQUIC(transport.QUICConfig{Listen: netip.MustParseAddrPort("127.0.0.1:0"), StreamsOnly: streams}),
				}
			}
			there, met := open(t, wired(1)), make(chan kad.Contact, 8)
			config := wired(2)
			config.Client = true // whom nobody pings back
			config.Bootstrap = []string{there.Addr().String()}
			config.Observer.Met = func(c kad.Contact) { met <- c }
			open(t, config)
			select {
			case c := <-met:
				if c.ID != there.ID() {
					t.Errorf("bootstrap has found %v", c)
				}
			case <-within(t, 30*time.Second).Done():
				t.Error("bootstrap has found nobody")
			}
			c, err := open(t, wired(3)).AddContact(t.Context(), there.Addr().String())
			if err != nil || c.ID != there.ID() {
				t.Errorf("added %v, %v", c, err)
			}
		})
	}
}
