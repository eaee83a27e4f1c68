package khashmir_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// dead are so many addresses where nobody is.
func dead(n int) (addrs []string) {
	for i := range n {
		addrs = append(addrs, fmt.Sprintf("192.0.2.1:%d", 1+i))
	}
	return addrs
}

// first is a value under a key, or why there is none.
func first(ctx context.Context, node *khashmir.Node, key kad.ID) (string, error) {
	for value, err := range node.Values(ctx, key, khashmir.Enough(1)) {
		return string(value), err
	}
	return "", nil
}

// What is asked of a node that has just been started goes well, at once and again, if
// anybody lives of those whom it was started with.
func TestWhatIsAskedOfANewcomerWaitsForItsFirstContacts(t *testing.T) {
	for _, test := range []struct {
		name  string
		given func(t *testing.T, w *meeting)
	}{
		{"the first is a living address", func(t *testing.T, w *meeting) {
			w.config.Bootstrap = append([]string{w.nodes[7].Addr().String()}, dead(200)...)
		}},
		{"it is a client", func(t *testing.T, w *meeting) {
			w.config.Bootstrap = append([]string{w.nodes[7].Addr().String()}, dead(200)...)
			w.config.Client = true
		}},
		{"the addresses are old, and who is saved lives", func(t *testing.T, w *meeting) {
			w.config.Bootstrap = dead(200)
			w.saved(t, w.nodes[3:11])
		}},
		{"who is saved is gone, and an address is good", func(t *testing.T, w *meeting) {
			w.config.Bootstrap = []string{w.nodes[7].Addr().String()}
			var gone []*khashmir.Node
			for i := range 100 {
				node := open(t, inMemory(w.net, 1000+i))
				w.net.Kill(node.Addr())
				gone = append(gone, node)
			}
			w.saved(t, gone)
		}},
		{"who answers first knows nobody", func(t *testing.T, w *meeting) {
			lonely := peer(t, w.net, 500, func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(500, q) })
			far := peer(t, w.net, 501, func(_ kad.Contact, q krpc.Query) krpc.Reply {
				time.Sleep(100 * time.Millisecond)
				r := honest(501, q)
				if q.Method != krpc.Ping {
					for _, node := range w.nodes[:kad.K] {
						r.Contacts = append(r.Contacts, node.Contact())
					}
				}
				return r
			})
			w.config.Bootstrap = []string{lonely.V4.String(), far.V4.String()}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &meeting{net: transport.NewNetwork(1)}
				w.nodes = join(t, w.net, 20, nil)
				if _, err := w.nodes[3].Store(t.Context(), wanted, []byte("notes")); err != nil {
					t.Fatal(err)
				}
				w.config = inMemory(w.net, 900)
				test.given(t, w)
				node := open(t, w.config)
				for range 2 {
					w.use(t, node)
				}
				begun := time.Now()
				if err := node.Abort(); err != nil || time.Since(begun) > time.Second {
					t.Errorf("it ends after %v: %v", time.Since(begun), err)
				}
			})
		})
	}
}

// meeting is of a newcomer with the nodes of a network.
type meeting struct {
	net    *transport.Network
	nodes  []*khashmir.Node
	config khashmir.Config // the newcomer's
}

// wanted is the key under which the network holds notes.
var wanted = kad.HashID([]byte("lecture"))

// saved has the newcomer know these from before.
func (w *meeting) saved(t *testing.T, nodes []*khashmir.Node) {
	t.Helper()
	var contacts []kad.Contact
	for _, node := range nodes {
		contacts = append(contacts, node.Contact())
	}
	if err := w.config.Store.SaveContacts(contacts); err != nil {
		t.Fatal(err)
	}
}

// use finds a value and a node and stores a value, all at once.
func (w *meeting) use(t *testing.T, node *khashmir.Node) {
	begun, answers := time.Now(), make(chan error, 3)
	go func() {
		value, err := first(t.Context(), node, wanted)
		if err == nil && value != "notes" {
			err = fmt.Errorf("it found %q", value)
		}
		answers <- err
	}()
	go func() {
		asked := make(map[kad.ID]int)
		ctx := khashmir.Observe(t.Context(), khashmir.Observer{Step: func(s khashmir.Step) {
			if s.Kind == khashmir.Asked {
				asked[s.Contact.ID]++
			}
		}})
		closest, err := node.FindNode(ctx, w.nodes[9].ID())
		if err == nil && closest[0].ID != w.nodes[9].ID() {
			err = fmt.Errorf("it found %v", closest)
		}
		for id, times := range asked {
			if times > 1 {
				err = fmt.Errorf("it asked %s %d times", id, times)
			}
		}
		answers <- err
	}()
	go func() {
		r, err := node.Store(t.Context(), kad.ID{1}, []byte("more"))
		if err == nil && len(r.Stored) < kad.Replicas {
			err = fmt.Errorf("%d hold it", len(r.Stored))
		}
		answers <- err
	}()
	for range 3 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(begun); took > time.Second { // the dead take longer
		t.Errorf("it took %v", took)
	}
}

// A name that nobody resolves is no reason to wait with those who are known.
func TestANameThatIsNotResolvedHoldsUpNobody(t *testing.T) {
	given := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = given }) // when the node is closed
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	network := transport.NewNetwork(1)
	nodes := join(t, network, 10, nil)
	if _, err := nodes[3].Store(t.Context(), wanted, []byte("notes")); err != nil {
		t.Fatal(err)
	}
	for _, saved := range []bool{true, false} {
		w := &meeting{net: network, config: inMemory(network, 900)}
		w.config.Bootstrap = []string{"no.such.host.invalid:7400"}
		if saved {
			w.saved(t, nodes)
		} else { // who is behind the name
			w.config.Bootstrap = append(w.config.Bootstrap, nodes[5].Addr().String())
		}
		begun, node := time.Now(), open(t, w.config)
		value, err := first(t.Context(), node, wanted)
		if took := time.Since(begun); err != nil || value != "notes" || took > kad.MeetTimeout/2 {
			t.Errorf("saved %v: it found %q after %v: %v", saved, value, took, err)
		}
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Where nobody was known, or but one, nothing was looked into. And to find its place a
// node does not wait for the last of those who are gone.
func TestWhoHasAskedTooEarlyFindsItsPlaceAllTheSame(t *testing.T) {
	for _, early := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			// Given a newcomer with one good address, and with many that are not
			w := &meeting{net: transport.NewNetwork(1)}
			w.nodes = join(t, w.net, 60, nil)
			w.config = inMemory(w.net, 900)
			w.config.Bootstrap = append([]string{w.nodes[7].Addr().String()}, dead(400)...)
			var mu sync.Mutex
			own := make(map[kad.ID]bool)
			w.config.Observer.Lookup = func(l khashmir.Lookup) {
				mu.Lock()
				defer mu.Unlock()
				if l.Target != wanted {
					own[l.Target] = true
				}
			}
			node := open(t, w.config)
			// when it is asked at once, or is not,
			if early {
				if _, err := first(t.Context(), node, wanted); err != nil {
					t.Fatal(err)
				}
			}
			// then it has looked for itself and into the far ranges before long.
			time.Sleep(kad.MeetTimeout + time.Second)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(own) != 1+kad.SettleBuckets {
				t.Errorf("asked early %v: %d lookups of its own, want one for itself and one for each of %d far ranges", early, len(own), kad.SettleBuckets)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := &meeting{net: transport.NewNetwork(1)}
		w.nodes = join(t, w.net, 60, nil)
		node := open(t, inMemory(w.net, 900))
		if _, err := first(t.Context(), node, wanted); !errors.Is(err, khashmir.ErrNoContacts) {
			t.Fatal(err)
		}
		add(t, node, w.nodes[7].Addr())
		before, err := node.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := node.FindCloseNodes(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after, err := node.Stats(); err != nil || after.Lookups-before.Lookups != 1+kad.SettleBuckets {
			t.Errorf("with nobody known: %d lookups; %v", after.Lookups-before.Lookups, err)
		}
	})
}

// startedWith is a node alone, with these addresses.
func startedWith(t *testing.T, bootstrap []string) *khashmir.Node {
	config := inMemory(transport.NewNetwork(1), 900)
	config.Bootstrap = bootstrap
	return open(t, config)
}

func TestWhoHasNobodyToWaitForIsToldSoAtOnce(t *testing.T) {
	for _, test := range []struct {
		bootstrap []string
		atLeast   time.Duration
		atMost    time.Duration
	}{
		{nil, 0, time.Millisecond},                    // nobody will answer
		{dead(1), time.Second, 5 * time.Second},       // until that is known
		{dead(500), kad.MeetTimeout, kad.MeetTimeout}, // which takes a while
	} {
		synctest.Test(t, func(t *testing.T) {
			node := startedWith(t, test.bootstrap)
			for range 2 {
				begun := time.Now()
				_, err := first(t.Context(), node, kad.ID{1})
				if took := time.Since(begun); !errors.Is(err, khashmir.ErrNoContacts) || took < test.atLeast || took > test.atMost {
					t.Errorf("with %d addresses: %v after %v", len(test.bootstrap), err, took)
				}
				test.atLeast, test.atMost = 0, time.Millisecond   // there is no more hope,
				time.Sleep(10*kad.MaintainInterval + time.Second) // however often they are asked again
			}
		})
	}
}

func TestWaitingForTheFirstContactCanBeEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := startedWith(t, dead(500))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := first(ctx, node, kad.ID{1}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("by its context: %v after %v", err, time.Since(begun))
		}
		closed := make(chan error, 1)
		go func() {
			_, err := first(t.Context(), node, kad.ID{1})
			closed <- err
		}()
		synctest.Wait()
		begun = time.Now()
		if err := node.Close(); err != nil || time.Since(begun) > time.Second {
			t.Fatalf("it closes after %v: %v", time.Since(begun), err)
		}
		if err := <-closed; !errors.Is(err, khashmir.ErrClosed) {
			t.Errorf("by the node: %v", err)
		}
	})
}
