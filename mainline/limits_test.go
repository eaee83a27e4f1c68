package mainline_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/mainline"
)

func (c *client) announce(hash kad.ID, port int) {
	c.t.Helper()
	token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
	c.values("announce_peer", dict{"info_hash": raw(hash), "port": port, "token": token})
}

func (c *client) ports(hash kad.ID) string {
	c.t.Helper()
	var ports []string
	for _, v := range strs(c.values("get_peers", dict{"info_hash": raw(hash)})["values"]) {
		addr, _ := bep5.ReadAddr([]byte(v))
		ports = append(ports, fmt.Sprint(addr.Port()))
	}
	return strings.Join(ports, " ")
}

func TestWhatWasAnnouncedLongestAgoMakesRoom(t *testing.T) {
	clock := newClock()
	n := open(t, withClock(clock), func(c *mainline.Config) { c.MaxSwarms, c.MaxSwarmPeers, c.MaxPeers = 3, 3, 5 })
	c := dial(t, n)
	tick := func() { clock.pass(time.Second) }
	for port := 1; port <= 4; port++ {
		c.announce(kad.ID{1}, port)
		tick()
	}
	if got := c.ports(kad.ID{1}); got != "4 2 3" {
		t.Errorf("the first of a swarm: %q", got)
	}
	c.announce(kad.ID{2}, 1)
	tick()
	c.announce(kad.ID{1}, 2)
	tick()
	c.announce(kad.ID{3}, 1) // five peers in all
	tick()
	c.announce(kad.ID{4}, 1) // a fourth swarm
	if a, b, d := c.ports(kad.ID{1}), c.ports(kad.ID{2}), c.ports(kad.ID{4}); a != "4 2 3" || b != "" || d != "1" {
		t.Errorf("the swarm announced longest ago: %q %q %q", a, b, d)
	}
	tick()
	c.announce(kad.ID{4}, 2) // a sixth peer
	if a, b := c.ports(kad.ID{1}), c.ports(kad.ID{4}); a != "" || b != "1 2" {
		t.Errorf("the peers in all: %q %q", a, b)
	}
}

func TestOneAddressHasAFewPeersOfASwarmAtTheMost(t *testing.T) {
	n := open(t, func(c *mainline.Config) { c.Loopback = false })
	c, other := dial(t, n), dial(t, n, "127.0.0.2")
	other.announce(hash, 9)
	for port := 1; port <= kad.MaxPeersPerAddress+5; port++ {
		c.announce(hash, port)
	}
	ports := strings.Fields(c.ports(hash))
	if len(ports) != kad.MaxPeersPerAddress+1 || ports[0] != "9" {
		t.Errorf("%q", ports)
	}
}

func TestTheItemPutLongestAgoMakesRoom(t *testing.T) {
	n := open(t, func(c *mainline.Config) { c.MaxItems = 2 })
	c := dial(t, n)
	for _, v := range []string{"a", "b", "c"} {
		args, target := immutable(v)
		c.values("put", with(args, dict{"token": c.token(target)}))
	}
	for v, want := range map[string]any{"a": nil, "b": "b", "c": "c"} {
		_, target := immutable(v)
		if r := c.values("get", dict{"target": target}); r["v"] != want {
			t.Errorf("%s: %q", v, r)
		}
	}
}

func TestANodeThatIsToldWhereItIsTakesAnIDThatFits(t *testing.T) {
	n := open(t)
	before := n.ID()
	where := netip.MustParseAddrPort("203.0.113.7:6881")
	ask := func(i int, ip string) {
		t.Helper()
		c := dial(t, n, fmt.Sprintf("127.0.5.%d", i))
		answered := make(chan error, 1)
		go func() { _, err := n.Ping(t.Context(), c.addr()); answered <- err }()
		m, _ := c.receive()
		c.send("d2:ip6:" + ip + "1:rd2:id20:" + c.id + "e1:t4:" + str(m["t"]) + "1:y1:re")
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * kad.EnoughVotes { // one address has one vote
		ask(1, string(bep5.AppendAddr(nil, where)))
	}
	for i := 2; i < kad.EnoughVotes; i++ {
		ask(i, string(bep5.AppendAddr(nil, where)))
	}
	if n.ID() != before {
		t.Fatal("the ID changed too soon")
	}
	ask(kad.EnoughVotes, string(bep5.AppendAddr(nil, where)))
	if id := n.ID(); id == before || !mainline.IsSecure(id, where.Addr()) {
		t.Errorf("the ID is %s", id)
	}
	if r := dial(t, n).values("find_node", dict{"target": raw(hash)}, dict{"ro": 1}); len(str(r["nodes"])) != kad.K*bep5.ContactSize4 {
		t.Error("the contacts are gone")
	}
}

func TestQuestionsWaitForTheirTurn(t *testing.T) {
	clock := newClock()
	n := open(t, withClock(clock), func(c *mainline.Config) {
		c.Loopback, c.PacketsPerMinute, c.DestinationsPerMinute = false, 40, 20
	})
	var heard atomic.Int32
	pings := func(count int, same bool) (all []chan error) {
		answering := func() *client {
			c := dial(t, n)
			return c.serveWith(func(dict) dict { heard.Add(1); return dict{"id": c.id} })
		}
		c := answering()
		for range count {
			if !same {
				c = answering()
			}
			done := make(chan error, 1)
			n.PingFunc(t.Context(), c.addr(), func(_ kad.Contact, err error) { done <- err })
			all = append(all, done)
		}
		return all
	}
	wait := func(all []chan error) {
		t.Helper()
		for _, done := range all {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	// A quarter of what a minute allows may come at once: 5 addresses, 10 packets.
	all := pings(12, false)
	wait(all[:5])
	if got := heard.Load(); got != 5 {
		t.Errorf("%d of 12 addresses were asked at once", got)
	}
	clock.pass(9 * time.Second) // three more
	wait(all[5:8])
	if got := heard.Load(); got != 8 {
		t.Errorf("9 s later %d", got)
	}
	clock.pass(time.Minute)
	wait(all[8:])

	clock.pass(time.Minute)
	heard.Store(0)
	all = pings(14, true) // one address, many packets
	wait(all[:10])
	if got := heard.Load(); got != 10 {
		t.Errorf("%d of 14 packets were sent at once", got)
	}
	clock.pass(time.Minute)
	wait(all[10:])
}

func TestAnIDKeepsTheAddressThatItWasFirstSeenAt(t *testing.T) {
	n := open(t)
	a := dial(t, n).serve()
	if _, err := n.Ping(t.Context(), a.addr()); err != nil {
		t.Fatal(err)
	}
	thief := dial(t, n, "127.0.0.2")
	thief.id = a.id
	thief.serve()
	if _, err := n.Ping(t.Context(), thief.addr()); err != nil {
		t.Fatal(err)
	}
	r := dial(t, n).values("find_node", dict{"target": a.id}, dict{"ro": 1})
	if want := string(bep5.AppendContact(nil, kad.ID([]byte(a.id)), a.addr())); str(r["nodes"]) != want {
		t.Errorf("nodes %q, want %q", r["nodes"], want)
	}
}

func TestAContactThatDoesNotKnowBEP44KeepsItsPlace(t *testing.T) {
	n := open(t)
	living := known(t, n, 9)
	old := dial(t, n)
	old.serveWith(func(m dict) dict {
		if m["q"] == "get" {
			return nil // silence
		}
		return dict{"id": old.id, "nodes": ""}
	})
	if _, err := n.Ping(t.Context(), old.addr()); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if _, err := n.Get(t.Context(), kad.ID([]byte(old.id)).Flip(159-i)); !errors.Is(err, mainline.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := n.Ping(t.Context(), living[0].addr()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return n.Stats().Asked >= 40 })
	r := dial(t, n).values("find_node", dict{"target": old.id}, dict{"ro": 1})
	if !strings.HasPrefix(str(r["nodes"]), old.id) {
		t.Error("it is named no more")
	}
}

func TestAContactThatDiedIsNotNamedWhileThereAreOthersAndGoesInTheEnd(t *testing.T) {
	n := open(t)
	living := known(t, n, 9)
	dead := dial(t, n).serve()
	if _, err := n.Ping(t.Context(), dead.addr()); err != nil {
		t.Fatal(err)
	}
	dead.conn.Close()
	named := func() bool {
		r := dial(t, n).values("find_node", dict{"target": dead.id}, dict{"ro": 1})
		return strings.Contains(str(r["nodes"]), dead.id)
	}
	if !named() {
		t.Fatal("it was never named")
	}
	failed := make(chan error, 1)
	n.PingFunc(t.Context(), dead.addr(), func(_ kad.Contact, err error) { failed <- err })
	for range 3 { // others answer meanwhile, so it is not our own network that is silent
		if _, err := n.FindNode(t.Context(), kad.ID([]byte(dead.id))); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Ping(t.Context(), living[0].addr()); err != nil {
			t.Fatal(err)
		}
	}
	<-failed
	eventually(t, func() bool { return !named() })
}
