package khashmir_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

func TestAskingAloneGivesNobodyAPlaceInTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		to := kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr())
		ask := func(i int, answers bool) {
			m := net.Transport()
			m.Serve(key(i), func(_ kad.Contact, q krpc.Query) krpc.Reply {
				if !answers {
					time.Sleep(time.Hour)
				}
				return honest(i, q)
			})
			t.Cleanup(func() { m.Close() })
			exchange(t, m, to, krpc.Query{Method: krpc.Ping})
		}
		ask(1, false)
		ask(2, true)
		time.Sleep(time.Minute)
		if stats, _ := node.Stats(); stats.Contacts != 1 {
			t.Errorf("%d contacts; only the one that answers back belongs there", stats.Contacts)
		}
		time.Sleep(2 * time.Hour) // let the silent one's handler end
	})
}

func TestAWriteNeedsATokenGivenToTheSameContactLately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		to := kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr())
		var asker [2]*transport.Mem
		for i := range asker {
			asker[i] = net.Transport()
			asker[i].Serve(key(i+1), func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(i+1, q) })
			t.Cleanup(func() { asker[i].Close() })
		}
		store := func(i int, token string) int {
			r := exchange(t, asker[i], to, krpc.Query{
				Method: krpc.StoreValue, Target: kad.ID{1}, Token: token,
				Entry: signed(i+1, kad.ID{1}, "v", time.Hour),
			})
			if r.Error != nil {
				return r.Error.Code
			}
			return 0
		}
		token := exchange(t, asker[0], to, krpc.Query{Method: krpc.FindNode}).Token
		for _, test := range []struct {
			name  string
			asker int
			token string
			wait  time.Duration
			want  int
		}{
			{"none", 0, "", 0, krpc.CodeBadToken},
			{"made up", 0, "12345678", 0, krpc.CodeBadToken},
			{"somebody else's", 1, token, 0, krpc.CodeBadToken},
			{"its own", 0, token, 0, 0},
			{"its own, an interval later", 0, token, kad.TokenInterval, 0},
			{"its own, too old", 0, token, kad.TokenInterval, krpc.CodeBadToken},
		} {
			time.Sleep(test.wait)
			if got := store(test.asker, test.token); got != test.want {
				t.Errorf("%s: code %d, want %d", test.name, got, test.want)
			}
		}
	})
}

func TestUnknownMethodsGetAnErrorReply(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	m := net.Transport()
	m.Serve(key(1), func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(1, q) })
	defer m.Close()
	r := exchange(t, m, kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr()), krpc.Query{Method: "from_the_future"})
	if r.Error == nil || r.Error.Code != krpc.CodeUnknownMethod {
		t.Fatalf("answered %+v", r)
	}
}

func TestAHolderThatNeverRunsOutOfPagesIsCutOff(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	var pages atomic.Uint64
	add(t, node, peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		r := honest(1, q)
		if q.Method == krpc.FindValue {
			n := pages.Add(1)
			r.Entries = []krpc.Entry{{Value: fmt.Append(nil, n), TTL: time.Hour}}
			r.Next = n
		}
		return r
	}).Addr())
	if got := values(t, node, kad.ID{1}); len(got) != kad.MaxEntriesPerKey {
		t.Fatalf("%d values taken from it", len(got))
	}
}

func TestALiarCannotKeepALookupGoing(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	target := kad.ID{}
	var made atomic.Int32
	made.Store(1000)
	var liar func(i int) kad.Contact
	liar = func(i int) kad.Contact {
		return peer(t, net, i, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			r := honest(i, q)
			if q.Method == krpc.FindNode {
				for range 4 { // each answer names four more liars, all alive
					r.Contacts = append(r.Contacts, liar(int(made.Add(1))))
				}
			}
			return r
		})
	}
	add(t, node, liar(1).Addr())
	before, _ := node.Stats()
	if _, err := node.FindNode(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	after, _ := node.Stats()
	if asked := after.Asked - before.Asked; asked > kad.MaxLookupQuestions {
		t.Fatalf("%d questions asked", asked)
	}
}

func TestOneDeadNetworkCableEmptiesNoTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 12, nil)
		before, _ := nodes[0].Stats()
		net.Kill(nodes[0].Addr())
		time.Sleep(6 * time.Hour)
		for range 20 {
			nodes[0].FindNode(t.Context(), kad.ID{1})
		}
		net.Revive(nodes[0].Addr())
		after, _ := nodes[0].Stats()
		if after.Contacts != before.Contacts || before.Contacts == 0 {
			t.Errorf("%d contacts before, %d after", before.Contacts, after.Contacts)
		}
	})
}

func TestContactsThatDiedLeaveTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 6, nil)
		net.Kill(nodes[5].Addr())
		for range 2 * kad.MaxFailures {
			nodes[0].FindNode(t.Context(), nodes[5].ID())
			time.Sleep(time.Minute)
		}
		found, err := nodes[0].FindNode(t.Context(), nodes[5].ID())
		if err != nil || len(found) != 4 {
			t.Errorf("found %v, %v", found, err)
		}
		if stats, _ := nodes[0].Stats(); stats.Contacts != 4 {
			t.Errorf("%d contacts in the table", stats.Contacts)
		}
	})
}

func TestARestartedNodeRejoinsThroughItsSavedContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		disk := khashmir.NewMemoryStore()
		nodes := join(t, net, 10, func(i int, c *khashmir.Config) {
			if i == 0 {
				c.Store = &kept{disk}
			}
		})
		before, _ := nodes[0].Stats()
		nodes[0].Close()
		config := inMemory(net, 0)
		config.Store = &kept{disk}
		config.Bootstrap = []string{"192.0.2.1:1"} // dead
		again := open(t, config)
		time.Sleep(10 * time.Second)
		if after, _ := again.Stats(); after.Contacts < before.Contacts {
			t.Errorf("%d contacts before, %d after", before.Contacts, after.Contacts)
		}
	})
}

// kept survives the node's Close, as a file does.
type kept struct{ khashmir.Store }

func (*kept) Close() error { return nil }

func TestAnEntryTravelsWithItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		asker := net.Transport()
		asker.Serve(key(1), func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(1, q) })
		defer asker.Close()
		if _, err := node.Store(t.Context(), kad.ID{1}, []byte("v")); !errors.Is(err, khashmir.ErrNoContacts) {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)

		to := kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr())
		r := exchange(t, asker, to, krpc.Query{Method: krpc.FindValue, Target: kad.ID{1}})

		if len(r.Entries) != 1 || r.Entries[0].Age.Truncate(time.Second) != 3*time.Hour || r.Entries[0].TTL != kad.ValueTTL {
			t.Errorf("after three hours: %+v", r.Entries)
		}
	})
}
