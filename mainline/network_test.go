package mainline_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/mainline"
)

// network is nodes on loopback that have all joined through the first.
func network(t testing.TB, count int, configure ...func(*mainline.Config)) []*mainline.Node {
	t.Helper()
	nodes := []*mainline.Node{open(t, configure...)}
	for range count - 1 {
		n := open(t, configure...)
		if err := n.Join(t.Context(), nodes[0].Addr().String()); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func TestNodesFindEachOther(t *testing.T) {
	nodes := network(t, 30)
	for i, n := range nodes {
		wanted := nodes[(i+7)%len(nodes)]
		found, err := n.FindNode(t.Context(), wanted.ID())
		if err != nil || len(found) == 0 || found[0].ID != wanted.ID() || found[0].V4 != wanted.Addr() {
			t.Errorf("node %d: %v, %v", i, found, err)
		}
	}
}

func TestAnnouncedPeersAreFoundByAllOthers(t *testing.T) {
	nodes := network(t, 20)
	r, err := nodes[3].AnnouncePeer(t.Context(), hash, 6881)
	if err != nil || len(r.Stored) != kad.K || len(r.Refused) != 0 || r.Target != hash {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := nodes[4].AnnouncePeer(t.Context(), hash, 0); err != nil {
		t.Fatal(err)
	}
	want := []netip.AddrPort{netip.AddrPortFrom(loopback4.Addr(), 6881), nodes[4].Addr()}
	slices.SortFunc(want, netip.AddrPort.Compare)
	for i, n := range nodes {
		peers, err := n.GetPeers(t.Context(), hash)
		slices.SortFunc(peers, netip.AddrPort.Compare)
		if err != nil || !slices.Equal(peers, want) {
			t.Errorf("node %d: %v, %v", i, peers, err)
		}
	}
	for peer, err := range nodes[9].Peers(t.Context(), hash) { // who has enough just breaks
		if !slices.Contains(want, peer) || err != nil {
			t.Error(peer, err)
		}
		break
	}
}

func TestItemsAreFoundByAllOthers(t *testing.T) {
	nodes := network(t, 20)
	r, err := nodes[2].PutImmutable(t.Context(), "hello")
	if err != nil || len(r.Stored) != kad.K {
		t.Fatalf("%+v, %v", r, err)
	}
	public := kad.PublicKeyOf(author)
	for seq, v := range []string{"first", "second"} {
		r, err := nodes[5].PutMutable(t.Context(), author, []byte("s"), v, int64(seq))
		if err != nil || r.Target != mainline.MutableTarget(public, []byte("s")) || len(r.Stored) != kad.K {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	for i, n := range nodes {
		item, err := n.Get(t.Context(), r.Target)
		if s := ""; err != nil || item.Mutable || item.Decode(&s) != nil || s != "hello" {
			t.Errorf("node %d: %+v, %v", i, item, err)
		}
		item, err = n.Get(t.Context(), mainline.MutableTarget(public, []byte("s")), mainline.GetOptions{Salt: []byte("s")})
		if s := ""; err != nil || !item.Mutable || item.Seq != 1 || item.Decode(&s) != nil || s != "second" {
			t.Errorf("node %d: %+v, %v", i, item, err)
		}
	}
	one := int64(1)
	_, err = nodes[0].Get(t.Context(), mainline.MutableTarget(public, []byte("s")), mainline.GetOptions{Salt: []byte("s"), Seq: &one})
	if !errors.Is(err, mainline.ErrNotFound) {
		t.Errorf("later than the latest: %v", err)
	}
	if _, err := nodes[0].Get(t.Context(), kad.ID{1}); !errors.Is(err, mainline.ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
}

func TestAPutThatIsNotTheNextIsRefusedByAllWithTheReason(t *testing.T) {
	nodes := network(t, 12)
	if _, err := nodes[0].PutMutable(t.Context(), author, nil, "v", 5); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		seq  int64
		cas  []int64
		want int
	}{{4, nil, bep5.CodeSeq}, {6, []int64{4}, bep5.CodeCAS}, {6, []int64{5}, 0}} {
		r, err := nodes[0].PutMutable(t.Context(), author, nil, "w", test.seq, test.cas...)
		if test.want == 0 {
			if err != nil || len(r.Stored) != kad.K {
				t.Errorf("seq %d: %+v, %v", test.seq, r, err)
			}
			continue
		}
		var refusal *mainline.Error
		if !errors.Is(err, mainline.ErrNotStored) || len(r.Refused) != kad.K || !errors.As(r.Refused[0].Err, &refusal) || refusal.Code != test.want {
			t.Errorf("seq %d: %+v, %v", test.seq, r, err)
		}
	}
}

func TestWhatNobodyCouldStoreIsRefusedAtOnce(t *testing.T) {
	n := open(t)
	if _, err := n.PutImmutable(t.Context(), strings.Repeat("x", 1000)); !errors.Is(err, mainline.ErrTooLarge) {
		t.Error(err)
	}
	if _, err := n.PutMutable(t.Context(), author, make([]byte, 65), "v", 1); !errors.Is(err, mainline.ErrTooLarge) {
		t.Error(err)
	}
	for _, call := range []func() error{
		func() error { _, err := n.PutMutable(t.Context(), author, nil, "v", -1); return err },
		func() error {
			_, err := n.PutMutable(t.Context(), ed25519.PrivateKey("short"), nil, "v", 1)
			return err
		},
		func() error { _, err := n.AnnouncePeer(t.Context(), hash, 65536); return err },
	} {
		if err := call(); err == nil || errors.Is(err, mainline.ErrNoContacts) {
			t.Error(err)
		}
	}
	if _, err := n.PutImmutable(t.Context(), "v"); !errors.Is(err, mainline.ErrNoContacts) {
		t.Error(err)
	}
}

func TestALiarsItemIsNotBelieved(t *testing.T) {
	n := open(t)
	liar := dial(t, n)
	args, target := mutable("", 9, "mine")
	args["v"] = "forged"
	liar.serveWith(func(m dict) dict {
		if m["q"] == "get" {
			return with(args, dict{"id": liar.id, "token": "tt"})
		}
		return dict{"id": liar.id}
	})
	if _, err := n.Ping(t.Context(), liar.addr()); err != nil {
		t.Fatal(err)
	}
	if item, err := n.Get(t.Context(), kad.ID([]byte(target))); !errors.Is(err, mainline.ErrNotFound) {
		t.Errorf("%+v, %v", item, err)
	}
	if item, err := n.Get(t.Context(), hash); !errors.Is(err, mainline.ErrNotFound) {
		t.Errorf("another target: %+v, %v", item, err)
	}
}

func TestWhoGivesNoTokenIsNotAskedToStore(t *testing.T) {
	n := open(t)
	miser := dial(t, n)
	var mu sync.Mutex
	var methods []any
	miser.serveWith(func(m dict) dict {
		mu.Lock()
		defer mu.Unlock()
		methods = append(methods, m["q"])
		return dict{"id": miser.id}
	})
	if _, err := n.Ping(t.Context(), miser.addr()); err != nil {
		t.Fatal(err)
	}
	if r, err := n.AnnouncePeer(t.Context(), hash, 1); !errors.Is(err, mainline.ErrNotStored) || len(r.Refused) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := n.PutImmutable(t.Context(), "v"); !errors.Is(err, mainline.ErrNotStored) || len(r.Refused) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(methods, []any{"ping", "get_peers", "get"}) {
		t.Errorf("asked %q", methods)
	}
}

func TestAScrapeAndASampleOfTheNetwork(t *testing.T) {
	nodes := network(t, 12)
	for i := range 3 {
		if _, err := nodes[i].AnnouncePeer(t.Context(), hash, 1000+i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nodes[4].AnnounceSeed(t.Context(), hash, 2000); err != nil {
		t.Fatal(err)
	}
	scraped, err := nodes[5].Scrape(t.Context(), hash)
	// All of them have one address.
	if err != nil || scraped.Nodes < kad.K || scraped.Peers < 0.5 || scraped.Peers > 1.5 || scraped.Seeds < 0.5 || scraped.Seeds > 1.5 {
		t.Errorf("%+v, %v", scraped, err)
	}
	closest, err := nodes[5].FindNode(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := nodes[6].SampleInfohashes(t.Context(), closest[0].V4, hash)
	if err != nil || samples.Held != 1 || !slices.Equal(samples.Hashes, []kad.ID{hash}) || len(samples.Closer) != kad.K {
		t.Errorf("%+v, %v", samples, err)
	}
}

func TestCallbacksRunOnceAndThoseOfAFindWithEachBatch(t *testing.T) {
	nodes := network(t, 10)
	n := nodes[9]
	var wg sync.WaitGroup
	once := func(what string) func(error) {
		wg.Add(1)
		ran := false
		return func(err error) {
			if ran || err != nil {
				t.Errorf("%s: again %v, %v", what, ran, err)
			}
			ran = true
			wg.Done()
		}
	}
	ctx := t.Context()
	ping, find, put, mput, sample, scrape, query := once("ping"), once("find"), once("put"), once("mutable"), once("sample"), once("scrape"), once("query")
	n.PingFunc(ctx, nodes[0].Addr(), func(_ kad.Contact, err error) { ping(err) })
	n.FindNodeFunc(ctx, hash, func(_ []kad.Contact, err error) { find(err) })
	n.PutImmutableFunc(ctx, "v", func(_ mainline.Result, err error) { put(err) })
	n.PutMutableFunc(ctx, author, nil, "v", 1, func(_ mainline.Result, err error) { mput(err) })
	n.SampleInfohashesFunc(ctx, nodes[0].Addr(), hash, func(_ mainline.Samples, err error) { sample(err) })
	n.ScrapeFunc(ctx, hash, func(_ mainline.Scraped, err error) { scrape(err) })
	n.QueryFunc(ctx, nodes[0].Addr(), "ping", nil, func(_ mainline.Reply, err error) { query(err) })
	announced, ended := once("announce"), once("get peers")
	n.AnnouncePeerFunc(ctx, hash, 7, func(_ mainline.Result, err error) {
		announced(err)
		peers := 0
		n.GetPeersFunc(ctx, hash, func(batch []netip.AddrPort, err error) {
			if peers += len(batch); len(batch) == 0 {
				if peers != 1 {
					t.Errorf("%d peers", peers)
				}
				ended(err)
			}
		})
	})
	wg.Wait()
	got := once("get")
	_, target := immutable("v")
	n.GetFunc(ctx, kad.ID([]byte(target)), func(_ mainline.Item, err error) { got(err) })
	wg.Wait()
}

func TestARawQueryAsksAnythingAndARefusalIsAnError(t *testing.T) {
	nodes := network(t, 3)
	r, err := nodes[0].Query(t.Context(), nodes[1].Addr(), "find_node", dict{"target": raw(hash), "want": []string{"n4"}})
	if err != nil || r.From.ID != nodes[1].ID() || len(r.Message.Contacts()) == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	values, err := r.Values()
	if err != nil || str(values["id"]) != raw(nodes[1].ID()) || values["nodes"] == nil {
		t.Errorf("%q, %v", values, err)
	}
	var refusal *mainline.Error
	if _, err := nodes[0].Query(t.Context(), nodes[1].Addr(), "vote", nil); !errors.As(err, &refusal) || refusal.Code != bep5.CodeUnknownMethod {
		t.Error(err)
	}
}

func TestAHandlerAnswersInTheNodesPlaceAndTheObserverHearsOfAll(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	n := open(t, func(c *mainline.Config) {
		c.Observer = func(in mainline.Incoming) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, in.Method)
		}
		c.Handler = func(in mainline.Incoming) (mainline.Answer, bool) {
			switch in.Method {
			case "moo":
				return mainline.Answer{Values: map[string]any{"sound": "moo", "to": string(in.Message.ID)}}, true
			case "hush":
				return mainline.Answer{}, true
			case "no":
				return mainline.Answer{Err: &mainline.Error{Code: 299, Text: "no"}}, true
			}
			return mainline.Answer{}, false
		}
	})
	c := dial(t, n)
	if r := c.values("moo", nil); r["sound"] != "moo" || str(r["to"]) != c.id || str(r["id"]) != raw(n.ID()) {
		t.Errorf("%q", r)
	}
	if got := c.refused("no", nil); got != 299 {
		t.Errorf("answered %d", got)
	}
	c.send("d1:ad2:id20:" + c.id + "e1:q4:hush1:t4:tttt1:y1:qe")
	if came := c.silence(); came != nil { // a ping, which the node answers itself
		t.Errorf("%q", came)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(heard, " "); got != "moo no hush ping" {
		t.Errorf("heard %q", got)
	}
}

func TestAnObserverMayBeginThingsOfItsOwn(t *testing.T) {
	nodes := network(t, 3)
	done := make(chan error, 2)
	var n *mainline.Node
	ready := make(chan struct{})
	n = open(t, func(c *mainline.Config) {
		c.Observer = func(in mainline.Incoming) {
			if in.Method != "moo" {
				return
			}
			<-ready
			n.GetFunc(t.Context(), hash, func(mainline.Item, error) { done <- nil })
			n.GetPeersFunc(t.Context(), hash, func(peers []netip.AddrPort, err error) {
				if len(peers) == 0 {
					done <- err
				}
			})
		}
	})
	close(ready)
	if err := n.Join(t.Context(), nodes[0].Addr().String()); err != nil {
		t.Fatal(err)
	}
	dial(t, n).refused("moo", nil)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestADeadBootstrapContactCostsALogLine(t *testing.T) {
	silent := dialAddr(t, netip.MustParseAddrPort("127.0.0.1:9"))
	friend := open(t)
	var log lockedLog
	n := open(t, func(c *mainline.Config) {
		c.Bootstrap = []string{silent.addr().String(), "no.such.host.invalid:6881", "nonsense", friend.Addr().String()}
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	// A search that begins before the node has joined waits for that.
	found, err := n.FindNode(t.Context(), friend.ID())
	if err != nil || len(found) != 1 || found[0].ID != friend.ID() {
		t.Errorf("%v, %v", found, err)
	}
	eventually(t, func() bool {
		n.Ping(t.Context(), friend.Addr())
		return strings.Count(log.String(), "a bootstrap contact") >= 3
	})
}

type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestANodeWithoutContactsSaysSoAtOnce(t *testing.T) {
	n := open(t)
	if _, err := n.FindNode(t.Context(), hash); !errors.Is(err, mainline.ErrNoContacts) {
		t.Error(err)
	}
	if _, err := n.GetPeers(t.Context(), hash); !errors.Is(err, mainline.ErrNoContacts) {
		t.Error(err)
	}
	if _, err := n.AnnouncePeer(t.Context(), hash, 1); !errors.Is(err, mainline.ErrNoContacts) {
		t.Error(err)
	}
	if _, err := n.Ping(t.Context(), loopback6); !errors.Is(err, mainline.ErrFamily) {
		t.Error(err)
	}
}

func TestAContextEndsACall(t *testing.T) {
	n := open(t)
	silent := dial(t, n)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	asked := make(chan error, 1)
	go func() {
		_, err := n.Ping(ctx, silent.addr())
		asked <- err
	}()
	silent.receive()
	cancel(enough)
	if err := <-asked; !errors.Is(err, enough) {
		t.Error(err)
	}
	for _, call := range []func() error{
		func() error { _, err := n.Ping(ctx, silent.addr()); return err },
		func() error { _, err := n.FindNode(ctx, hash); return err },
		func() error { _, err := n.GetPeers(ctx, hash); return err },
		func() error { _, err := n.Get(ctx, hash); return err },
		func() error { _, err := n.PutImmutable(ctx, "v"); return err },
	} {
		if err := call(); !errors.Is(err, enough) {
			t.Error(err)
		}
	}
}

func TestCloseEndsEverythingThatIsUnderWay(t *testing.T) {
	n := open(t)
	silent := dial(t, n)
	node := dial(t, n).serveOnce()
	if _, err := n.Ping(t.Context(), node.addr()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 4)
	go func() { _, err := n.Ping(t.Context(), silent.addr()); ended <- err }()
	silent.receive()
	go func() { _, err := n.FindNode(t.Context(), hash); ended <- err }()
	go func() { _, err := n.AnnouncePeer(t.Context(), hash, 1); ended <- err }()
	node.receive()
	node.receive()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := <-ended; !errors.Is(err, mainline.ErrClosed) {
			t.Error(err)
		}
	}
	if err := n.Close(); !errors.Is(err, mainline.ErrClosed) {
		t.Error(err)
	}
	if _, err := n.FindNode(t.Context(), hash); !errors.Is(err, mainline.ErrClosed) {
		t.Error(err)
	}
	called := make(chan error, 1)
	n.PingFunc(t.Context(), silent.addr(), func(_ kad.Contact, err error) { called <- err })
	if err := <-called; !errors.Is(err, mainline.ErrClosed) {
		t.Error(err)
	}
}

func TestAReplyWithAnotherIDThanTheOneAskedIsNotBelieved(t *testing.T) {
	n := open(t)
	c := dial(t, n)
	id := c.id
	c.serveWith(func(m dict) dict {
		if m["q"] == "ping" {
			return dict{"id": id}
		}
		return dict{"id": raw(hash), "nodes": "", "values": []string{"\x7f\x00\x00\x01\x00\x09"}}
	})
	if _, err := n.Ping(t.Context(), c.addr()); err != nil {
		t.Fatal(err)
	}
	if peers, err := n.GetPeers(t.Context(), hash); len(peers) != 0 || !errors.Is(err, mainline.ErrNoAnswer) {
		t.Errorf("%v, %v", peers, err)
	}
	if r := dial(t, n).values("find_node", dict{"target": raw(hash)}, dict{"ro": 1}); strings.HasPrefix(str(r["nodes"]), raw(hash)) {
		t.Error("the impostor is in the table")
	}
}

func TestALiarsContactsAreNotAskedWhereNobodyWouldWantIt(t *testing.T) {
	n := open(t)
	victim := dial(t, n)
	c := dial(t, n)
	c.serveWith(func(m dict) dict {
		nodes := ""
		for _, addr := range []string{"0.0.0.0:1", "224.0.0.1:5", "127.0.0.1:0"} {
			id := kad.HashID([]byte(addr))
			nodes += string(bep5.AppendContact(nil, id, netip.MustParseAddrPort(addr)))
		}
		return dict{"id": c.id, "nodes": nodes, "nodes6": "half a contact"}
	})
	if _, err := n.Ping(t.Context(), c.addr()); err != nil {
		t.Fatal(err)
	}
	found, err := n.FindNode(t.Context(), hash)
	if err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if came := victim.silence(); came != nil {
		t.Error(came)
	}
}
