package khashmir_test

// Faults of the originals that this project never has. Each test names one;
// those about packets and sockets are in krpc and transport, those about the
// disk in store.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

func TestFaultStoresWentToTheFarthestOfTheKFound(t *testing.T) {
	nodes := join(t, transport.NewNetwork(1), 40, func(_ int, c *khashmir.Config) { c.Replicas = 3 })
	for i := range 20 {
		key := kad.HashID([]byte{byte(i)})
		result, err := nodes[i].Store(t.Context(), key, []byte("v"))
		if err != nil {
			t.Fatal(err)
		}
		got := idsOf(result.Stored)
		slices.SortFunc(got, key.CompareDistance)
		if want := byDistance(nodes, key)[:3]; !slices.Equal(got, want) {
			t.Fatalf("stored at %v, the closest are %v", got, want)
		}
	}
}

func TestFaultTheOriginatorNeverKeptItsOwnValueWhenAmongTheClosest(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 20, nil)
	key := nodes[0].ID() // nobody is closer
	result, err := nodes[0].Store(t.Context(), key, []byte("mine"))
	if err != nil || !slices.Contains(idsOf(result.Stored), nodes[0].ID()) {
		t.Fatalf("stored at %v, %v", result.Stored, err)
	}
	for _, other := range nodes[1:] {
		net.Kill(other.Addr())
	}
	for value := range nodes[0].Values(t.Context(), key) {
		if string(value) == "mine" {
			return
		}
	}
	t.Fatal("it is not here")
}

func TestFaultAFindThatHadValuesHidTheCloserNodes(t *testing.T) {
	net := transport.NewNetwork(1)
	target := kad.PublicKeyOf(key(2)).ID()
	far := peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(1, q) })
	near := open(t, inMemory(net, 2))
	middle := open(t, inMemory(net, 3))
	reader := open(t, inMemory(net, 4))
	add(t, near, far.Addr()) // so that near has somebody to ask
	if _, err := near.Store(t.Context(), target, []byte("near")); err != nil {
		t.Fatal(err)
	}
	if _, err := middle.Store(t.Context(), target, []byte("middle")); !errors.Is(err, khashmir.ErrNoContacts) {
		t.Fatal(err)
	}
	add(t, middle, near.Addr())
	add(t, reader, middle.Addr()) // reader knows middle alone, which has a value and knows near
	if got := values(t, reader, target); !slices.Equal(got, []string{"middle", "near"}) {
		t.Fatalf("found %q", got)
	}
}

func TestFaultRepliesWhoseIDIsNotTheOneAskedWereBelieved(t *testing.T) {
	net := transport.NewNetwork(1)
	liar := peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		r := honest(1, q)
		if q.Method == krpc.Ping {
			r.Key = kad.PublicKeyOf(key(2)) // the key of somebody else
		}
		return r
	})
	node := open(t, inMemory(net, 0))
	if c, err := node.AddContact(t.Context(), liar.Addr().String()); !errors.Is(err, khashmir.ErrWrongID) {
		t.Errorf("believed %v, %v", c, err)
	}
	if stats, _ := node.Stats(); stats.Contacts != 0 {
		t.Errorf("%d contacts in the table", stats.Contacts)
	}
}

// broken is a disk that fails.
type broken struct{ khashmir.Store }

var errDisk = errors.New("disk: /secret/path: goroutine 1 [running]")

func (broken) Put(kad.ID, kad.Entry, netip.Prefix, time.Time) error { return errDisk }
func (broken) Entries(kad.ID, uint64, int, time.Time) ([]kad.Entry, uint64, error) {
	return nil, 0, errDisk
}

func TestFaultTracebacksWentToStrangers(t *testing.T) {
	net := transport.NewNetwork(1)
	var logged bytes.Buffer
	config := inMemory(net, 0)
	config.Store = broken{khashmir.NewMemoryStore()}
	config.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	node := open(t, config)

	m := net.Transport()
	if err := m.Serve(key(1), func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{} }); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	to := kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr())
	token := exchange(t, m, to, krpc.Query{Method: krpc.FindNode, Target: kad.ID{1}}).Token
	for _, q := range []krpc.Query{
		{Method: krpc.StoreValue, Target: kad.ID{1}, Token: token, Entry: signed(1, kad.ID{1}, "v", time.Hour)},
		{Method: krpc.FindValue, Target: kad.ID{1}},
	} {
		r := exchange(t, m, to, q)
		if r.Error == nil || r.Error.Code != krpc.CodeServer || strings.Contains(r.Error.Message, "secret") {
			t.Errorf("%s: the stranger reads %v", q.Method, r.Error)
		}
	}
	if got := strings.Count(logged.String(), "secret"); got != 2 {
		t.Errorf("the owner reads of it %d times: %s", got, &logged)
	}
}

func exchange(t *testing.T, m *transport.Mem, to kad.Contact, q krpc.Query) krpc.Reply {
	t.Helper()
	got := make(chan krpc.Reply, 1)
	m.Ask(to, q, func(r krpc.Reply, err error) {
		if err != nil {
			t.Error(err)
		}
		got <- r
	})
	return <-got
}

func TestFaultErrorsFromAStrangerWereExecuted(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	add(t, node, peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		if q.Method == krpc.StoreValue {
			return krpc.Reply{Error: &krpc.Error{Code: 999, Message: "__import__('os').abort() \x1b[2J"}}
		}
		return honest(1, q)
	}).Addr())
	result, err := node.Store(t.Context(), kad.ID{1}, []byte("v"))
	if !errors.Is(err, khashmir.ErrRefused) || len(result.Refused) != 1 {
		t.Fatalf("%v, %v", err, result.Refused)
	}
	if why := result.Refused[0].Err; !errors.Is(why, khashmir.ErrHolderFault) || strings.Contains(why.Error(), "import") {
		t.Errorf("the stranger's words reached the caller: %v", why)
	}
}

func TestFaultADeadBootstrapNodeKilledTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		alive := open(t, inMemory(net, 1))
		config := inMemory(net, 0)
		config.Bootstrap = []string{"192.0.2.1:1", "no such thing", alive.Addr().String()}
		node := open(t, config)
		time.Sleep(10 * time.Second)
		if stats, err := node.Stats(); err != nil || stats.Contacts != 1 {
			t.Fatalf("%d contacts, %v", stats.Contacts, err)
		}
	})
}

// counting counts what is saved.
type counting struct {
	khashmir.Store
	saves atomic.Int32
}

func (c *counting) SaveContacts(contacts []kad.Contact) error {
	c.saves.Add(1)
	return c.Store.SaveContacts(contacts)
}

func TestFaultTheAutomaticCheckpointRanOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		disk := &counting{Store: khashmir.NewMemoryStore()}
		config := inMemory(net, 0)
		config.Store = disk
		node, other := open(t, config), open(t, inMemory(net, 1))
		add(t, node, other.Addr())
		time.Sleep(10 * kad.CheckpointInterval)
		if got := disk.saves.Load(); got < 9 || got > 11 {
			t.Errorf("%d checkpoints in ten intervals", got)
		}
		saved, err := disk.Contacts()
		if err != nil || !slices.Equal(idsOf(saved), []kad.ID{other.ID()}) {
			t.Errorf("saved %v, %v", saved, err)
		}
	})
}

func TestFaultNothingWasEverDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := join(t, transport.NewNetwork(1), 10, nil)
		if _, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("v")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(kad.ValueTTL - time.Minute)
		if got := values(t, nodes[9], kad.ID{1}); len(got) != 1 {
			t.Errorf("a minute before its end: %q", got)
		}
		time.Sleep(2 * time.Minute)
		if got := values(t, nodes[9], kad.ID{1}); len(got) != 0 {
			t.Errorf("a minute after its end: %q", got)
		}
		time.Sleep(2 * kad.ExpireInterval)
		for _, node := range nodes {
			if stats, err := node.Stats(); err != nil || stats.Store.Entries != 0 {
				t.Errorf("%d entries left on the disk, %v", stats.Store.Entries, err)
			}
		}
	})
}

func TestFaultValuesHadNoSizeLimit(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 3, func(i int, c *khashmir.Config) {
		if i == 0 {
			c.MaxValueSize = 100_000 // more than the others take
		}
	})
	before, _ := nodes[1].Stats()
	if _, err := nodes[1].Store(t.Context(), kad.ID{1}, make([]byte, kad.MaxValueSize+1)); !errors.Is(err, khashmir.ErrTooLarge) {
		t.Errorf("one byte too many: %v", err)
	}
	if after, _ := nodes[1].Stats(); after.Asked != before.Asked {
		t.Errorf("%d questions were asked for nothing", after.Asked-before.Asked)
	}
	result, err := nodes[0].Store(t.Context(), kad.ID{1}, make([]byte, kad.MaxValueSize+1))
	if !errors.Is(err, khashmir.ErrRefused) || len(result.Refused) != 2 {
		t.Fatalf("%v, refused by %v", err, result.Refused)
	}
	for _, refusal := range result.Refused {
		if !errors.Is(refusal.Err, khashmir.ErrTooLarge) {
			t.Errorf("refused with %v", refusal.Err)
		}
	}
}

func TestFaultOneWritersAddOverwroteAnothersValues(t *testing.T) {
	nodes := join(t, transport.NewNetwork(1), 10, nil)
	for i, value := range []string{"a", "b", "c"} {
		if _, err := nodes[i].Store(t.Context(), kad.ID{1}, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if got := values(t, nodes[9], kad.ID{1}); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Fatalf("found %q", got)
	}
}

func TestFaultABlacklistComparedFreshObjectsAndNeverMatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		var mu sync.Mutex
		asked := make(map[kad.ID]int)
		leave := make(chan struct{})
		dead := peer(t, net, 50, func(kad.Contact, krpc.Query) krpc.Reply {
			mu.Lock()
			asked[kad.PublicKeyOf(key(50)).ID()]++
			mu.Unlock()
			<-leave // it hears, and never answers
			return krpc.Reply{}
		})
		defer close(leave)
		node := open(t, inMemory(net, 0))
		for i := 1; i <= 6; i++ { // all of them recommend it, each with a copy of its own
			add(t, node, peer(t, net, i, func(_ kad.Contact, q krpc.Query) krpc.Reply {
				r := honest(i, q)
				if q.Method == krpc.FindNode {
					r.Contacts = []kad.Contact{kad.NewContact(dead.Key, dead.V4)}
				}
				return r
			}).Addr())
		}
		if _, err := node.FindNode(t.Context(), dead.ID); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if asked[dead.ID] != 1 {
			t.Errorf("asked %d times", asked[dead.ID])
		}
	})
}

func TestAnIdentityIsKeptBesideTheValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	node := open(t, khashmir.Config{Path: path, Listen: "127.0.0.1:0"})
	id := node.ID()
	node.Close()
	disk, err := store.Open(path, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	kept, ok, err := disk.Identity()
	if err != nil || !ok || kad.PublicKeyOf(kept).ID() != id {
		t.Fatalf("the file keeps %v, %v, %v", kad.PublicKeyOf(kept).ID(), ok, err)
	}
}

func TestFaultManyDeadBootstrapNodesKilledTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		alive := open(t, inMemory(net, 1))
		config := inMemory(net, 0)
		for i := range 3 * kad.Alpha { // more than are asked at once, all of them before the one that lives
			config.Bootstrap = append(config.Bootstrap, fmt.Sprintf("192.0.2.1:%d", 1+i))
		}
		config.Bootstrap = append(config.Bootstrap, alive.Addr().String())
		node := open(t, config)
		time.Sleep(time.Minute)
		if found, err := node.FindNode(t.Context(), alive.ID()); err != nil || len(found) != 1 {
			t.Fatalf("found %v, %v", found, err)
		}
	})
}

func TestAStoreThatWasCalledOffAsksNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		net.SetLatency(100*time.Millisecond, 0)
		var stores atomic.Int32
		config := inMemory(net, 0)
		config.Replicas = 2 // the others wait for a refusal
		node := open(t, config)
		for i := 1; i <= kad.K; i++ {
			add(t, node, peer(t, net, i, func(_ kad.Contact, q krpc.Query) krpc.Reply {
				if q.Method == krpc.StoreValue {
					stores.Add(1)
					return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeFull}}
				}
				return honest(i, q)
			}).Addr())
		}
		ctx, cancel := context.WithCancel(t.Context())
		node.StoreValueForKey(ctx, kad.ID{1}, []byte("v"), func(_ khashmir.Result, err error) {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		for stores.Load() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
		synctest.Wait()
		asked := stores.Load()
		time.Sleep(time.Minute)
		if got := stores.Load(); got != asked {
			t.Errorf("asked %d before it was called off, and %d after", asked, got-asked)
		}
	})
}
