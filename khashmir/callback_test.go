package khashmir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// ending is how a call should end, and the state of the network that makes it.
type ending struct {
	name  string
	setup func(t *testing.T, net *transport.Network) *khashmir.Node
	ctx   func(t *testing.T, node *khashmir.Node) context.Context
	want  error
}

var endings = []ending{
	{
		name:  "all is well",
		setup: func(t *testing.T, net *transport.Network) *khashmir.Node { return join(t, net, 12, nil)[0] },
	},
	{
		name:  "no contacts",
		setup: func(t *testing.T, net *transport.Network) *khashmir.Node { return open(t, inMemory(net, 0)) },
		want:  khashmir.ErrNoContacts,
	},
	{
		name: "nobody answers",
		setup: func(t *testing.T, net *transport.Network) *khashmir.Node {
			nodes := join(t, net, 4, nil)
			for _, node := range nodes[1:] {
				net.Kill(node.Addr())
			}
			return nodes[0]
		},
		want: khashmir.ErrNoAnswer,
	},
	{
		name:  "the context is cancelled before",
		setup: func(t *testing.T, net *transport.Network) *khashmir.Node { return silentContact(t, net) },
		ctx: func(t *testing.T, _ *khashmir.Node) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		},
		want: context.Canceled,
	},
	{
		name:  "the context ends on the way",
		setup: func(t *testing.T, net *transport.Network) *khashmir.Node { return silentContact(t, net) },
		ctx: func(t *testing.T, _ *khashmir.Node) context.Context {
			return within(t, time.Millisecond)
		},
		want: context.DeadlineExceeded,
	},
	{
		name: "the node was closed before",
		setup: func(t *testing.T, net *transport.Network) *khashmir.Node {
			node := open(t, inMemory(net, 0))
			node.Close()
			return node
		},
		want: khashmir.ErrClosed,
	},
	{
		name:  "the node is closed on the way",
		setup: func(t *testing.T, net *transport.Network) *khashmir.Node { return silentContact(t, net) },
		ctx: func(t *testing.T, node *khashmir.Node) context.Context {
			time.AfterFunc(time.Millisecond, func() { node.Close() })
			return t.Context()
		},
		want: khashmir.ErrClosed,
	},
}

// silentContact is a node whose only contact has stopped answering.
func silentContact(t *testing.T, net *transport.Network) *khashmir.Node {
	nodes := join(t, net, 2, nil)
	net.Kill(nodes[1].Addr())
	return nodes[0]
}

func (e ending) context(t *testing.T, node *khashmir.Node) context.Context {
	if e.ctx == nil {
		return t.Context()
	}
	return e.ctx(t, node)
}

// Fault of the original: the store callback fired several times, or not at
// all with no contacts.
func TestTheStoreCallbackFiresExactlyOnceHoweverItEnds(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node := e.setup(t, transport.NewNetwork(1))
				var fired atomic.Int32
				var got error
				node.StoreValueForKey(e.context(t, node), kad.ID{1}, []byte("v"), func(_ khashmir.Result, err error) {
					fired.Add(1)
					got = err
				})
				time.Sleep(time.Minute)
				synctest.Wait()
				if fired.Load() != 1 || !errors.Is(got, e.want) {
					t.Fatalf("fired %d times, last with %v; want once with %v", fired.Load(), got, e.want)
				}
			})
		})
	}
}

func TestTheFindCallbackEndsWithExactlyOneEmptyBatchHoweverItEnds(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node := e.setup(t, transport.NewNetwork(1))
				var mu sync.Mutex
				var errs []error
				node.ValueForKey(e.context(t, node), kad.ID{1}, func(values [][]byte, err error) {
					mu.Lock()
					defer mu.Unlock()
					if len(values) == 0 {
						errs = append(errs, err)
					} else if err != nil || len(errs) > 0 {
						t.Errorf("a batch of %d with %v after %d endings", len(values), err, len(errs))
					}
				})
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if len(errs) != 1 || !errors.Is(errs[0], e.want) {
					t.Fatalf("ended %d times, with %v; want once with %v", len(errs), errs, e.want)
				}
			})
		})
	}
}

func TestTheBlockingCallsReturnTheSameErrors(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node := e.setup(t, transport.NewNetwork(1))
				if _, err := node.Store(e.context(t, node), kad.ID{1}, []byte("v")); !errors.Is(err, e.want) {
					t.Errorf("Store: %v", err)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				node := e.setup(t, transport.NewNetwork(1))
				var last error
				for _, err := range node.Values(e.context(t, node), kad.ID{1}) {
					last = err
				}
				if !errors.Is(last, e.want) {
					t.Errorf("Values: %v", last)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				node := e.setup(t, transport.NewNetwork(1))
				if _, err := node.FindNode(e.context(t, node), kad.ID{1}); !errors.Is(err, e.want) {
					t.Errorf("FindNode: %v", err)
				}
			})
		})
	}
}

func TestAllRefusedIsAnErrorThatSaysWhoAndWhy(t *testing.T) {
	net := transport.NewNetwork(1)
	node := open(t, inMemory(net, 0))
	for i := 1; i <= 3; i++ {
		add(t, node, peer(t, net, i, func(_ kad.Contact, q krpc.Query) krpc.Reply {
			if q.Method == krpc.StoreValue {
				return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeFull, Message: "no"}}
			}
			return honest(i, q)
		}).Addr())
	}
	result, err := node.Store(t.Context(), kad.ID{1}, []byte("v"))
	if !errors.Is(err, khashmir.ErrRefused) || len(result.Refused) != 3 {
		t.Fatalf("%v, refused by %v", err, result.Refused)
	}
	for _, refusal := range result.Refused {
		if !errors.Is(refusal.Err, khashmir.ErrFull) {
			t.Errorf("%v refused with %v", refusal.Contact, refusal.Err)
		}
	}
}

func TestValuesArriveOnceEachAndLocalOnesFirst(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 8, nil) // each of the 8 holds everything
	key := kad.ID{1}
	for i := range 5 {
		if _, err := nodes[0].Store(t.Context(), key, fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	// One more that this node alone does not hold.
	stranger := peer(t, net, 100, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		r := honest(100, q)
		if q.Method == krpc.FindValue {
			r.Entries = []krpc.Entry{{Value: []byte("theirs"), TTL: time.Hour}, {Value: []byte("0"), TTL: time.Hour}}
		}
		return r
	})
	add(t, nodes[0], stranger.Addr())

	var got []string
	done := make(chan struct{})
	nodes[0].ValueForKey(t.Context(), key, func(values [][]byte, err error) {
		for _, v := range values {
			got = append(got, string(v))
		}
		if len(values) == 0 {
			close(done)
		}
	})
	<-done
	if want := []string{"0", "1", "2", "3", "4", "theirs"}; !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
}

func TestBreakingOutOfValuesCancelsTheLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 20, nil)
		key := kad.ID{1}
		if _, err := nodes[0].Store(t.Context(), key, []byte("v")); err != nil {
			t.Fatal(err)
		}
		net.SetLatency(time.Second, 0)
		for range nodes[0].Values(t.Context(), key) {
			break
		}
		synctest.Wait()
		stats, err := nodes[0].Stats()
		if err != nil || stats.InFlight != 0 {
			t.Fatalf("%d calls go on, %v", stats.InFlight, err)
		}
	})
}

func TestCallbacksComeOneAtATimeAndMayCallTheNode(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 12, nil)
	key := kad.ID{1}
	if _, err := nodes[1].Store(t.Context(), key, []byte("v")); err != nil {
		t.Fatal(err)
	}
	var inside atomic.Int32
	done := make(chan error, 1)
	nodes[0].ValueForKey(t.Context(), key, func(values [][]byte, _ error) {
		if inside.Add(1) != 1 {
			t.Error("two callbacks at once")
		}
		defer inside.Add(-1)
		if len(values) == 0 {
			_, err := nodes[0].Store(t.Context(), key, []byte("from a callback"))
			done <- err
		}
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestTheCallersBytesAreItsOwnAgainAtOnce(t *testing.T) {
	nodes := join(t, transport.NewNetwork(1), 6, nil)
	value := []byte("before")
	done := make(chan struct{})
	nodes[0].StoreValueForKey(t.Context(), kad.ID{1}, value, func(khashmir.Result, error) { close(done) })
	copy(value, bytes.Repeat([]byte("!"), len(value)))
	<-done
	if got := values(t, nodes[3], kad.ID{1}); !slices.Equal(got, []string{"before"}) {
		t.Fatalf("found %q", got)
	}
}

func TestALoopOfCallsIsRefusedBeforeItFillsTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		nodes := join(t, net, 2, func(_ int, c *khashmir.Config) { c.MaxLookups = 3 })
		net.SetLatency(time.Second, 0)
		var refused, ended atomic.Int32
		for range 10 {
			nodes[0].ValueForKey(t.Context(), kad.ID{1}, func(values [][]byte, err error) {
				ended.Add(1)
				if errors.Is(err, khashmir.ErrTooManyLookups) {
					refused.Add(1)
				}
			})
		}
		time.Sleep(time.Minute)
		if ended.Load() != 10 || refused.Load() != 7 {
			t.Fatalf("%d ended, %d of them refused", ended.Load(), refused.Load())
		}
	})
}
