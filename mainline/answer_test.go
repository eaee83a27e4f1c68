package mainline_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/mainline"
)

var hash = kad.HashID([]byte("an info-hash"))

func TestAPingIsAnsweredWithOurIDTheAskersAddressAndOurVersion(t *testing.T) {
	n := open(t)
	c := dial(t, n)
	m := c.ask("ping", nil)
	seen, ok := bep5.ReadAddr([]byte(str(m["ip"])))
	if r := m["r"].(dict); str(r["id"]) != raw(n.ID()) || !ok || seen != c.addr() || str(m["v"]) != bep5.Version || len(r) != 1 {
		t.Errorf("%q", m)
	}
}

func TestTransactionIDsComeBackAsTheyWere(t *testing.T) {
	c := dial(t, open(t))
	for _, tx := range []string{"", "a", "aa", "1:t4", "1:y1:qe", strings.Repeat("x", 15), strings.Repeat("y", bep5.MaxTx)} {
		for _, method := range []string{"ping", "find_node", "get_peers", "get", "sample_infohashes", "moo", "cow"} {
			args := dict{"id": c.id, "target": raw(hash), "info_hash": raw(hash)}
			if method == "cow" {
				args = dict{}
			}
			c.askRaw(method, args, dict{"t": tx})
		}
	}
	c.send("d1:ad2:id20:" + c.id + "e1:q4:ping1:t513:" + strings.Repeat("z", bep5.MaxTx+1) + "1:y1:qe")
	if came := c.silence(); came != nil {
		t.Errorf("a transaction id too long was answered: %q", came)
	}
}

// known has n answer for so many nodes, and returns them.
func known(t *testing.T, n *mainline.Node, count int, ip ...string) (nodes []*client) {
	t.Helper()
	for i := range count {
		at := fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200)
		if n.Addr().Addr().Is6() {
			at = "::1"
		}
		c := dialAddr(t, n.Addr(), append(ip, at)[0]).serve()
		if _, err := n.Ping(t.Context(), c.addr()); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, c)
	}
	return nodes
}

func contactsIn(t *testing.T, nodes string) (ids []string) {
	t.Helper()
	if len(nodes)%bep5.ContactSize4 != 0 {
		t.Fatalf("nodes of %d bytes", len(nodes))
	}
	for ; nodes != ""; nodes = nodes[bep5.ContactSize4:] {
		ids = append(ids, nodes[:kad.IDSize])
	}
	return ids
}

func TestFindNodeNamesTheEightClosestOfAllItKnowsClosestFirst(t *testing.T) {
	n := open(t)
	c := dial(t, n)
	if r := c.values("find_node", dict{"target": raw(hash)}); str(r["nodes"]) != "" || r["nodes"] == nil {
		t.Errorf("an empty table: %q", r)
	}
	var ids []string
	for _, node := range known(t, n, 30) {
		ids = append(ids, node.id)
	}
	for i := range 50 {
		target := kad.HashID([]byte{byte(i)})
		got := contactsIn(t, str(c.values("find_node", dict{"target": raw(target)})["nodes"]))
		if len(got) != kad.K {
			t.Fatalf("%d nodes", len(got))
		}
		for j, id := range got {
			closer := 0
			for _, other := range ids {
				if target.CompareDistance(kad.ID([]byte(other)), kad.ID([]byte(id))) < 0 {
					closer++
				}
			}
			if closer != j {
				t.Fatalf("target %d: node %d of the answer is the %d. closest", i, j, closer)
			}
		}
	}
}

func TestUnknownMethodsWithATargetAreAnsweredAsFindNode(t *testing.T) {
	n := open(t)
	known(t, n, 3)
	c := dial(t, n)
	for _, args := range []dict{{"target": raw(hash)}, {"info_hash": raw(hash)}} {
		if r := c.values("moo", args); len(contactsIn(t, str(r["nodes"]))) != 3 {
			t.Errorf("%q: %q", args, r)
		}
	}
	if got := c.refused("moo", nil); got != bep5.CodeUnknownMethod {
		t.Errorf("without a target: %d", got)
	}
}

func TestEveryMistakeInAQueryIsToldWithItsCode(t *testing.T) {
	c := dial(t, open(t))
	token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
	short := raw(hash)[:19]
	for _, test := range []struct {
		name, method string
		args         dict
		want         int64
	}{
		{"ping without id", "ping", dict{"id": nil}, 203},
		{"ping with a short id", "ping", dict{"id": short}, 203},
		{"ping with a number for an id", "ping", dict{"id": 5}, 203},
		{"find_node without target", "find_node", nil, 203},
		{"find_node with a short target", "find_node", dict{"target": short}, 203},
		{"find_node with a long target", "find_node", dict{"target": raw(hash) + "x"}, 203},
		{"find_node with a list for a target", "find_node", dict{"target": []string{"x"}}, 203},
		{"find_node without id", "find_node", dict{"id": nil, "target": raw(hash)}, 203},
		{"get_peers without info_hash", "get_peers", dict{"target": raw(hash)}, 203},
		{"get_peers with a short info_hash", "get_peers", dict{"info_hash": short}, 203},
		{"announce_peer without info_hash", "announce_peer", dict{"port": 1, "token": token}, 203},
		{"announce_peer without a token", "announce_peer", dict{"info_hash": raw(hash), "port": 1}, 203},
		{"announce_peer with a bad token", "announce_peer", dict{"info_hash": raw(hash), "port": 1, "token": "x"}, 203},
		{"announce_peer with a number for a token", "announce_peer", dict{"info_hash": raw(hash), "port": 1, "token": 7}, 203},
		{"announce_peer without a port", "announce_peer", dict{"info_hash": raw(hash), "token": token}, 203},
		{"announce_peer at port 0", "announce_peer", dict{"info_hash": raw(hash), "port": 0, "token": token}, 203},
		{"announce_peer at port -1", "announce_peer", dict{"info_hash": raw(hash), "port": -1, "token": token}, 203},
		{"announce_peer at port 65536", "announce_peer", dict{"info_hash": raw(hash), "port": 65536, "token": token}, 203},
		{"announce_peer at a port of letters", "announce_peer", dict{"info_hash": raw(hash), "port": "80", "token": token}, 203},
		{"get without a target", "get", nil, 203},
		{"get with a seq of letters", "get", dict{"target": raw(hash), "seq": "1"}, 203},
		{"put without v", "put", dict{"token": token}, 203},
		{"sample_infohashes without a target", "sample_infohashes", nil, 203},
		{"an unknown method", "vote", nil, 204},
		{"a method with no name", "", nil, 203},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := c.refused(test.method, test.args); got != test.want {
				t.Errorf("answered %d, want %d", got, test.want)
			}
		})
	}
	for _, args := range []any{"", 5, []string{}, "d"} {
		if got := code(c.askRaw("ping", args)); got != 203 {
			t.Errorf("arguments %v: answered %d", args, got)
		}
	}
	if got := code(c.askRaw("ping", dict{"id": c.id}, dict{"q": 5})); got != 203 {
		t.Errorf("a method that is a number: answered %d", got)
	}
}

func TestAReplyOrAnErrorThatNobodyAskedForIsNeverAnswered(t *testing.T) {
	c := dial(t, open(t))
	c.send("d1:rd2:id20:" + c.id + "e1:t4:aaaa1:y1:re")
	c.send("d1:eli201e5:sorrye1:t4:aaaa1:y1:ee")
	c.send("d1:rd2:id3:xxxe1:t4:aaaa1:y1:re")
	c.send("d1:e0:1:t4:aaaa1:y1:ee")
	if came := c.silence(); came != nil {
		t.Errorf("%q", came)
	}
}

func TestAnnouncedPeersAreFoundAndEndAfterHalfAnHour(t *testing.T) {
	clock := newClock()
	n := open(t, withClock(clock))
	c := dial(t, n)
	r := c.values("get_peers", dict{"info_hash": raw(hash)})
	if token := str(r["token"]); len(token) < 2 || r["values"] != nil || r["nodes"] == nil {
		t.Errorf("nothing is held: %q", r)
	}
	token := str(r["token"])
	c.values("announce_peer", dict{"info_hash": raw(hash), "port": 6881, "token": token})
	c.values("announce_peer", dict{"info_hash": raw(hash), "port": 1, "implied_port": 1, "token": token})
	c.values("announce_peer", dict{"info_hash": raw(hash), "implied_port": 1, "token": token}) // again, and no port at all
	want := []netip.AddrPort{netip.AddrPortFrom(c.addr().Addr(), 6881), c.addr()}
	held := func() (peers []netip.AddrPort) {
		for _, v := range strs(c.values("get_peers", dict{"info_hash": raw(hash)})["values"]) {
			p, _ := bep5.ReadAddr([]byte(v))
			peers = append(peers, p)
		}
		return peers
	}
	if got := held(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("held %v, want %v", got, want)
	}
	clock.pass(29 * time.Minute)
	if got := held(); len(got) != 2 {
		t.Errorf("after 29 min %v", got)
	}
	clock.pass(2 * time.Minute)
	if got := held(); len(got) != 0 {
		t.Errorf("after 31 min %v", got)
	}
	if r := c.values("sample_infohashes", dict{"target": raw(hash)}); r["num"] != int64(0) {
		t.Errorf("the swarm is still there: %v", r["num"])
	}
}

func TestTokensAreBoundToTheAddressAndLastForOneToTwoIntervals(t *testing.T) {
	clock := newClock()
	n := open(t, withClock(clock))
	c, stranger := dial(t, n), dial(t, n, "127.0.0.2")
	other := kad.HashID([]byte("another"))
	announce := func(c *client, hash kad.ID, token string) int64 {
		return c.refused("announce_peer", dict{"info_hash": raw(hash), "port": 1, "token": token})
	}
	token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
	if got := announce(stranger, hash, token); got != 203 {
		t.Errorf("another address: %d", got)
	}
	if got := announce(c, other, token); got != 0 {
		t.Errorf("another target: %d", got)
	}
	if got := announce(dial(t, n), hash, token); got != 0 {
		t.Errorf("another port of the same address: %d", got)
	}
	clock.pass(kad.TokenInterval)
	if got := announce(c, hash, token); got != 0 {
		t.Errorf("one interval later: %d", got)
	}
	if fresh := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"]); fresh == token {
		t.Error("the token is still the same")
	}
	clock.pass(kad.TokenInterval)
	if got := announce(c, hash, token); got != 203 {
		t.Errorf("two intervals later: %d", got)
	}
}

func TestAnswersStayWithin1024BytesHoweverManyPeersThereAre(t *testing.T) {
	n := open(t)
	known(t, n, 10)
	c := dial(t, n)
	token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
	for port := 1; port <= 300; port++ {
		c.values("announce_peer", dict{"info_hash": raw(hash), "port": port, "token": token, "seed": port % 2})
	}
	for _, args := range []dict{
		{}, {"scrape": 1}, {"want": []string{"n4", "n6"}}, {"scrape": 1, "want": []string{"n4", "n6"}}, {"noseed": 1},
	} {
		args["info_hash"] = raw(hash)
		r := c.values("get_peers", args, dict{"t": strings.Repeat("t", 128)}) // ask checks the length
		if len(strs(r["values"])) == 0 {
			t.Errorf("%q: no peers", args)
		}
	}
	seen := map[string]bool{}
	for range 60 { // a part of them each time, and all in the end
		for _, p := range strs(c.values("get_peers", dict{"info_hash": raw(hash)})["values"]) {
			seen[p] = true
		}
	}
	if len(seen) < 250 {
		t.Errorf("in 60 answers %d of 300 peers were named", len(seen))
	}
}

func TestAnswersStayWithin1024BytesWhenBothFamiliesAreWanted(t *testing.T) {
	n := open(t, func(c *mainline.Config) { c.Listen6 = loopback6 })
	for range 12 {
		for _, addr := range n.Addrs() {
			if _, err := n.Ping(t.Context(), dialAddr(t, addr).serve().addr()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, addr := range n.Addrs() {
		c := dialAddr(t, addr)
		token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
		for port := 1; port <= 200; port++ {
			c.values("announce_peer", dict{"info_hash": raw(hash), "port": port, "token": token})
		}
		for i := range 40 {
			c.announce(kad.HashID([]byte{byte(i)}), 9)
		}
		both := []string{"n4", "n6"}
		for _, tx := range []string{"t", strings.Repeat("t", 128)} { // ask checks the length
			c.values("get_peers", dict{"info_hash": raw(hash), "want": both, "scrape": 1}, dict{"t": tx})
			r := c.values("get_peers", dict{"info_hash": raw(hash), "want": both}, dict{"t": tx})
			if len(str(r["nodes"])) != 8*26 || len(str(r["nodes6"])) != 8*38 || len(strs(r["values"])) < 10 {
				t.Errorf("%d bytes of nodes, %d of nodes6, %d peers", len(str(r["nodes"])), len(str(r["nodes6"])), len(strs(r["values"])))
			}
			r = c.values("sample_infohashes", dict{"target": raw(hash), "want": both}, dict{"t": tx})
			if len(str(r["samples"])) != kad.MaxSamples*20 {
				t.Errorf("%d bytes of samples", len(str(r["samples"])))
			}
			for _, size := range []int{10, 300, 500, 600} {
				args, target := mutable(fmt.Sprint(size), 1, strings.Repeat("v", size))
				c.values("put", with(args, dict{"token": c.token(target)}))
				if r := c.values("get", dict{"target": target, "want": both}, dict{"t": tx}); len(str(r["v"])) != size {
					t.Errorf("%d bytes of v", len(str(r["v"])))
				}
			}
		}
	}
}

func TestAReadOnlyAskerIsAnsweredAndNotKept(t *testing.T) {
	n := open(t)
	asker, c := dial(t, n), dial(t, n)
	asker.values("ping", nil, dict{"ro": 1})
	asker.serve()
	if r := c.values("find_node", dict{"target": asker.id}); str(r["nodes"]) != "" {
		t.Errorf("%q", r)
	}
	// Whoever asks without ro is pinged back, and kept once he answers.
	other := dial(t, n)
	other.send("d1:ad2:id20:" + other.id + "e1:q4:ping1:t2:aa1:y1:qe")
	other.serve()
	eventually(t, func() bool {
		return strings.HasPrefix(str(c.values("find_node", dict{"target": other.id}, dict{"ro": 1})["nodes"]), other.id)
	})
	if r := c.values("find_node", dict{"target": asker.id}, dict{"ro": 1}); strings.Contains(str(r["nodes"]), asker.id) {
		t.Error("the read-only asker is in the table")
	}
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if happened() {
			return
		}
		runtime.Gosched() // and happened asks over a socket
	}
	t.Error("it did not happen")
}

func TestAReadOnlyNodeAnswersNobodyAndSaysSo(t *testing.T) {
	n := open(t, func(c *mainline.Config) { c.ReadOnly = true })
	c := dial(t, n)
	c.send("d1:ad2:id20:" + c.id + "e1:q4:ping1:t2:aa1:y1:qe")
	answered := make(chan error, 1)
	go func() {
		_, err := n.Ping(t.Context(), c.addr())
		answered <- err
	}()
	m, _ := c.receive()
	if m["y"] != "q" || m["ro"] != int64(1) {
		t.Errorf("the first packet is %q", m)
	}
	c.send("d1:rd2:id20:" + c.id + "e1:t4:" + str(m["t"]) + "1:y1:re")
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestLoopbackHasNoPlaceInTheTableUnlessItIsAllowed(t *testing.T) {
	n := open(t, func(c *mainline.Config) { c.Loopback = false })
	c := dial(t, n).serve()
	if _, err := n.Ping(t.Context(), c.addr()); err != nil { // who is named by the user is asked
		t.Fatal(err)
	}
	if r := dial(t, n).values("find_node", dict{"target": c.id}); str(r["nodes"]) != "" {
		t.Errorf("%q", r)
	}
}

func TestAFloodFromOneAddressIsCutOff(t *testing.T) {
	clock := newClock()
	n := open(t, withClock(clock), func(c *mainline.Config) { c.Loopback = false })
	c := dial(t, n, "127.0.0.9")
	for range kad.FloodLimit {
		c.values("ping", nil)
	}
	c.send("d1:ad2:id20:" + c.id + "e1:q4:ping1:t4:over1:y1:qe")
	dial(t, n, "127.0.0.10").values("ping", nil) // others are answered still
	clock.pass(kad.FloodInterval * time.Second)
	if came := c.silence(); came != nil {
		t.Errorf("%q", came)
	}
}

func TestIPv6HasItsOwnContactsAndPeers(t *testing.T) {
	n := open(t, func(c *mainline.Config) { c.Listen6 = loopback6 })
	addrs := n.Addrs()
	if len(addrs) != 2 || !addrs[0].Addr().Is4() || !addrs[1].Addr().Is6() {
		t.Fatal(addrs)
	}
	four, six := dialAddr(t, addrs[0]), dialAddr(t, addrs[1])
	node4 := dialAddr(t, addrs[0]).serve()
	node6 := dialAddr(t, addrs[1]).serve()
	for _, c := range []*client{node4, node6} {
		if _, err := n.Ping(t.Context(), c.addr()); err != nil {
			t.Fatal(err)
		}
	}
	both := []string{"n4", "n6"}
	for _, test := range []struct {
		c             *client
		want          any
		nodes, nodes6 bool
	}{
		{four, nil, true, false}, {six, nil, false, true}, {four, both, true, true}, {six, both, true, true},
		{four, []string{"n6"}, false, true}, {six, []string{"n4"}, true, false}, {four, []string{}, true, false}, {four, []string{"n9"}, true, false},
	} {
		args := dict{"target": raw(hash)}
		if test.want != nil {
			args["want"] = test.want
		}
		r := test.c.values("find_node", args, dict{"ro": 1})
		if got := str(r["nodes"]); (len(got) == 26 && got[:20] == node4.id) != test.nodes || (r["nodes"] != nil) != test.nodes {
			t.Errorf("%v, want %v: nodes %q", test.c.to, test.want, got)
		}
		if got := str(r["nodes6"]); (len(got) == 38 && got[:20] == node6.id) != test.nodes6 || (r["nodes6"] != nil) != test.nodes6 {
			t.Errorf("%v, want %v: nodes6 %q", test.c.to, test.want, got)
		}
	}
	for _, c := range []*client{four, six} {
		token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
		c.values("announce_peer", dict{"info_hash": raw(hash), "port": 9, "token": token})
	}
	for c, size := range map[*client]int{four: 6, six: 18} {
		if v := strs(c.values("get_peers", dict{"info_hash": raw(hash)})["values"]); len(v) != 1 || len(v[0]) != size {
			t.Errorf("at %v %q", c.to, v)
		}
	}
}

func TestSampleInfohashes(t *testing.T) {
	clock := newClock()
	n := open(t, withClock(clock))
	known(t, n, 8)
	c := dial(t, n)
	held := map[string]bool{}
	for i := range 100 {
		hash := kad.HashID([]byte(fmt.Sprint("torrent", i)))
		token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
		c.values("announce_peer", dict{"info_hash": raw(hash), "port": 9, "token": token})
		held[raw(hash)] = true
		if i == 4 {
			r := c.values("sample_infohashes", dict{"target": raw(hash)})
			if len(str(r["samples"])) != 5*20 || r["num"] != int64(5) || r["interval"] != int64(0) || len(str(r["nodes"])) != 8*26 {
				t.Errorf("%q", r)
			}
		}
	}
	draw := func() string {
		r := c.values("sample_infohashes", dict{"target": raw(hash)})
		interval, _ := r["interval"].(int64)
		samples := str(r["samples"])
		if r["num"] != int64(100) || len(samples) != kad.MaxSamples*20 || interval < 0 || interval > 21600 {
			t.Errorf("%q", r)
		}
		for s := samples; s != ""; s = s[20:] {
			if !held[s[:20]] {
				t.Errorf("%x is not held", s[:20])
			}
		}
		return samples
	}
	first := draw()
	if draw() != first {
		t.Error("the sample changed within its interval")
	}
	changed := false
	for range 20 {
		clock.pass(kad.SampleInterval * time.Second)
		changed = changed || draw() != first
	}
	if !changed {
		t.Error("the sample never changes")
	}
}

func TestScrapeTellsSeedsFromOthers(t *testing.T) {
	n := open(t)
	for i := range 60 {
		c := dial(t, n, fmt.Sprintf("127.0.3.%d", i+1))
		token := str(c.values("get_peers", dict{"info_hash": raw(hash)})["token"])
		seed := 0
		if i < 20 {
			seed = 1
		}
		c.values("announce_peer", dict{"info_hash": raw(hash), "port": 9, "token": token, "seed": seed})
	}
	c := dial(t, n)
	r := c.values("get_peers", dict{"info_hash": raw(hash), "scrape": 1})
	var seeds, peers mainline.Bloom
	if copy(seeds[:], str(r["BFsd"])) != 256 || copy(peers[:], str(r["BFpe"])) != 256 {
		t.Fatalf("%q", r)
	}
	if s, p := seeds.Estimate(), peers.Estimate(); s < 18 || s > 22 || p < 37 || p > 43 {
		t.Errorf("20 seeds and 40 others are estimated as %.1f and %.1f", s, p)
	}
	for _, v := range strs(c.values("get_peers", dict{"info_hash": raw(hash), "noseed": 1})["values"]) {
		if ip, _ := bep5.ReadAddr([]byte(v)); ip.Addr().As4()[3] <= 20 {
			t.Errorf("noseed, and %v", ip)
		}
	}
	if e := new(mainline.Bloom).Estimate(); e != 0 {
		t.Errorf("an empty filter is estimated as %v", e)
	}
	if r := c.values("get_peers", dict{"info_hash": raw(kad.ID{1}), "scrape": 1}); r["BFsd"] != nil && strings.Trim(str(r["BFsd"]), "\x00") != "" {
		t.Error("a filter for what nobody announced")
	}
}
