package khashmir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// Every public method of one node at once, from many goroutines, with some of
// the contexts ending on the way, and Close in the middle of it.
func TestCloseInTheMiddleOfEverything(t *testing.T) {
	for round := range 3 {
		overEveryTransport(t, 5, func(t *testing.T, nodes []*khashmir.Node) {
			h := &hammer{t: t, node: nodes[0], friend: nodes[1].Addr().String(), closeAt: int64(50 + 300*round)}
			h.strike(8)
			for _, other := range nodes[1:] {
				if err := other.Close(); err != nil {
					t.Error(err)
				}
			}
			eventually(t, "every callback that was promised", func() bool { return h.promised.Load() == 0 })
			eventually(t, "the end of every goroutine", func() bool { return len(ours()) == 0 })
		})
	}
}

func TestCloseWaitsForTheCallbacksThatRun(t *testing.T) {
	for name, n := range map[string]int{"alone": 1, "among others": 4} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node := join(t, transport.NewNetwork(1), n, nil)[0]
				var returned atomic.Int32
				node.StoreValueForKey(t.Context(), kad.ID{1}, []byte("v"), func(khashmir.Result, error) {
					time.Sleep(time.Hour)
					returned.Add(1)
				})
				node.ValueForKey(t.Context(), kad.ID{1}, func([][]byte, error) {
					time.Sleep(time.Hour)
					returned.Add(1)
				})
				time.Sleep(time.Minute)
				if err := node.Close(); err != nil {
					t.Fatal(err)
				}
				if got := returned.Load(); got < 2 {
					t.Errorf("Close returned before the callbacks: %d of them had", got)
				}
			})
		})
	}
}

// hammer strikes one node.
type hammer struct {
	t       *testing.T
	node    *khashmir.Node
	friend  string
	closeAt int64 // after how many calls the node is closed

	begun    atomic.Int64 // calls
	promised atomic.Int64 // callbacks that have still to come, one a call
}

// strike calls everything from n goroutines a method, until the node is closed.
func (h *hammer) strike(n int) {
	var strikers, closers sync.WaitGroup
	for _, method := range []func(ctx context.Context, key kad.ID) error{
		h.storeWithCallback, h.find, h.store, h.values, h.firstValue, h.findNode, h.addContact, h.keep, h.look,
	} {
		for range n {
			strikers.Go(func() {
				for {
					i := h.begun.Add(1)
					if i == h.closeAt { // two of them: one is told that the other was first
						for range 2 {
							closers.Go(h.close)
						}
					}
					if !h.once(i, method) {
						return
					}
				}
			})
		}
	}
	strikers.Wait()
	closers.Wait()
}

// once makes one call; every third has a context that another goroutine ends
// about then. It reports whether the node is still open.
func (h *hammer) once(i int64, method func(ctx context.Context, key kad.ID) error) bool {
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	if i%3 == 0 {
		go cancel()
	}
	err := method(ctx, kad.HashID(fmt.Append(nil, i%7)))
	switch {
	case err == nil, errors.Is(err, context.Canceled):
	case errors.Is(err, khashmir.ErrClosed):
		return false
	case errors.Is(err, khashmir.ErrNoAnswer), errors.Is(err, khashmir.ErrRefused), errors.Is(err, khashmir.ErrTimeout),
		errors.Is(err, khashmir.ErrNoContacts):
		// a machine may be slow
	case errors.Is(err, khashmir.ErrTooManyLookups), errors.Is(err, khashmir.ErrBusy):
		// those that find does not wait for, and their questions
	default:
		h.t.Errorf("call %d: %v", i, err)
	}
	return true
}

func (h *hammer) close() {
	if err := h.node.Close(); err != nil && !errors.Is(err, khashmir.ErrClosed) {
		h.t.Error(err)
	}
}

// storeWithCallback waits for its callback, which must come once.
func (h *hammer) storeWithCallback(ctx context.Context, key kad.ID) error {
	h.promised.Add(1)
	var fired atomic.Int32
	ended := make(chan error, 1)
	h.node.StoreValueForKey(ctx, key, []byte("with a callback"), func(r khashmir.Result, err error) {
		defer h.promised.Add(-1)
		if fired.Add(1) != 1 {
			h.t.Error("a store's callback fired again")
			return
		}
		h.node.Stats() // a callback may call the node
		if r.Key != key {
			h.t.Errorf("stored under %v, told of %v", key, r.Key)
		}
		ended <- err
	})
	return <-ended
}

// find does not wait: its callbacks come one at a time, and the last is empty.
func (h *hammer) find(ctx context.Context, key kad.ID) error {
	h.promised.Add(1)
	var inside, ends atomic.Int32
	h.node.ValueForKey(ctx, key, func(values [][]byte, err error) {
		if inside.Add(1) != 1 {
			h.t.Error("two callbacks of one find at once")
		}
		defer inside.Add(-1)
		if ends.Load() > 0 {
			h.t.Errorf("%d values and %v after the end", len(values), err)
		}
		if len(values) == 0 {
			ends.Add(1)
			h.promised.Add(-1)
		} else if err != nil {
			h.t.Errorf("%d values beside %v", len(values), err)
		}
	})
	return h.look(ctx, key)
}

func (h *hammer) store(ctx context.Context, key kad.ID) error {
	_, err := h.node.Store(ctx, key, fmt.Append(nil, h.begun.Load()%20))
	return err
}

func (h *hammer) values(ctx context.Context, key kad.ID) (last error) {
	for _, err := range h.node.Values(ctx, key) {
		last = err
	}
	return last
}

func (h *hammer) firstValue(ctx context.Context, key kad.ID) error {
	for _, err := range h.node.Values(ctx, key) {
		return err
	}
	return nil
}

func (h *hammer) findNode(ctx context.Context, key kad.ID) error {
	if _, err := h.node.FindNode(ctx, key); err != nil {
		return err
	}
	_, err := h.node.FindCloseNodes(ctx)
	return err
}

func (h *hammer) addContact(ctx context.Context, _ kad.ID) error {
	if _, err := h.node.AddContact(ctx, h.node.Addr().String()); !errors.Is(err, khashmir.ErrSelf) {
		return err
	}
	_, err := h.node.AddContact(ctx, h.friend)
	return err
}

func (h *hammer) keep(ctx context.Context, key kad.ID) error {
	value := fmt.Append(nil, h.begun.Load()%5)
	if _, err := h.node.Keep(ctx, key, value); err != nil {
		return err
	}
	_, err := h.node.Forget(key, value)
	return err
}

// look calls what only looks.
func (h *hammer) look(context.Context, kad.ID) error {
	if h.node.Contact().ID != h.node.ID() || !h.node.Addr().IsValid() {
		h.t.Error("the node forgot who it is")
	}
	_, err := h.node.Stats()
	return err
}

// eventually waits for what other goroutines do, without sleeping.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !happened() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s\n%s", what, strings.Join(ours(), "\n\n"))
		}
		runtime.Gosched()
	}
}

// ours is the stacks of the goroutines that run this project's code or its
// transport's, tests aside.
func ours() (stacks []string) {
	var all bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&all, 2)
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		for _, place := range []string{"kad/khashmir.", "kad/transport.", "kad/store.", "quic-go"} {
			if strings.Contains(stack, place) {
				stacks = append(stacks, stack)
				break
			}
		}
	}
	return stacks
}
