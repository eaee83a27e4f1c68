package khashmir_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// dead are so many addresses where nobody is.
func dead(n int) (addrs []string) {
	for i := range n {
		addrs = append(addrs, fmt.Sprintf("192.0.2.1:%d", 1+i))
	}
	return addrs
}

// started is a node that has just been started, with the addresses of some.
func started(t *testing.T, net *transport.Network, client bool, bootstrap ...string) *khashmir.Node {
	config := inMemory(net, 900)
	config.Client, config.Bootstrap = client, bootstrap
	return open(t, config)
}

// first is a value under a key, or why there is none.
func first(ctx context.Context, node *khashmir.Node, key kad.ID) (string, error) {
	for value, err := range node.Values(ctx, key, khashmir.Enough(1)) {
		return string(value), err
	}
	return "", nil
}

func TestWhatIsAskedOfANewcomerWaitsForItsFirstContact(t *testing.T) {
	for _, client := range []bool{false, true} {
		newcomerIsAsked(t, client)
	}
}

func newcomerIsAsked(t *testing.T, client bool) {
	synctest.Test(t, func(t *testing.T) {
		// Given a network that holds a value
		net := transport.NewNetwork(1)
		nodes := join(t, net, 20, nil)
		id, want := kad.HashID([]byte("lecture")), "notes"
		if _, err := nodes[3].Store(t.Context(), id, []byte(want)); err != nil {
			t.Fatal(err)
		}
		// when one comes who knows the address of one node, and of many that are gone,
		node := started(t, net, client, append([]string{nodes[7].Addr().String()}, dead(200)...)...)
		// then all that is asked of it goes well, at once and again,
		for range 2 {
			begun, answers := time.Now(), make(chan error, 3)
			go func() {
				value, err := first(t.Context(), node, id)
				if err == nil && value != want {
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
				closest, err := node.FindNode(ctx, nodes[9].ID())
				if err == nil && closest[0].ID != nodes[9].ID() {
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
			// and none of it waits for the dead; nor does the end.
			if took := time.Since(begun); took > time.Second {
				t.Errorf("it took %v", took)
			}
		}
		begun := time.Now()
		if err := node.Abort(); err != nil || time.Since(begun) > time.Second {
			t.Errorf("it ends after %v: %v", time.Since(begun), err)
		}
	})
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
			node := started(t, transport.NewNetwork(1), false, test.bootstrap...)
			for range 2 {
				begun := time.Now()
				_, err := first(t.Context(), node, kad.ID{1})
				if took := time.Since(begun); !errors.Is(err, khashmir.ErrNoContacts) || took < test.atLeast || took > test.atMost {
					t.Errorf("with %d addresses: %v after %v", len(test.bootstrap), err, took)
				}
				if len(test.bootstrap) < 500 {
					test.atLeast, test.atMost = 0, time.Millisecond // there is no more hope
				}
			}
		})
	}
}

func TestWaitingForTheFirstContactCanBeEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := started(t, transport.NewNetwork(1), false, dead(500)...)
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
