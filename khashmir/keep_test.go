package khashmir_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

func TestFaultNothingWasEverRepublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := join(t, transport.NewNetwork(1), 20, nil)
		if _, err := nodes[0].Keep(t.Context(), kad.ID{1}, []byte("kept")); err != nil {
			t.Fatal(err)
		}
		if _, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("stored")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * kad.ValueTTL)
		if got := values(t, nodes[19], kad.ID{1}); !slices.Equal(got, []string{"kept"}) {
			t.Errorf("a week later: %q", got)
		}

		if ok, err := nodes[0].Forget(kad.ID{1}, []byte("kept")); !ok || err != nil {
			t.Fatalf("forget: %t, %v", ok, err)
		}
		time.Sleep(kad.ValueTTL + time.Minute)
		if got := values(t, nodes[19], kad.ID{1}); len(got) != 0 {
			t.Errorf("a lifetime after it was forgotten: %q", got)
		}
	})
}

func TestAPublisherKeepsItsValuesAliveThroughItsOwnRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		disk := &kept{khashmir.NewMemoryStore()}
		nodes := join(t, net, 15, func(i int, c *khashmir.Config) {
			if i == 0 {
				c.Store = disk
			}
		})
		if _, err := nodes[0].Keep(t.Context(), kad.ID{1}, []byte("v")); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			nodes[0].Close()
			time.Sleep(20 * time.Hour) // past its due time, within its lifetime
			config := inMemory(net, 0)
			config.Store = disk
			nodes[0] = open(t, config)
			time.Sleep(10 * time.Minute)
		}
		if got := values(t, nodes[9], kad.ID{1}); !slices.Equal(got, []string{"v"}) {
			t.Errorf("found %q", got)
		}
	})
}

func TestAKeptValueIsTriedAgainUntilItCanBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		lonely, late := open(t, inMemory(net, 0)), open(t, inMemory(net, 1))
		if _, err := lonely.Keep(t.Context(), kad.ID{1}, []byte("v")); !errors.Is(err, khashmir.ErrNoContacts) {
			t.Fatalf("with nobody there: %v", err)
		}
		add(t, lonely, late.Addr())
		time.Sleep(2 * kad.RepublishRetry)
		net.Kill(lonely.Addr())
		for value := range late.Values(t.Context(), kad.ID{1}) {
			if string(value) == "v" {
				return // it came to late's own disk
			}
		}
		t.Error("it was never stored")
	})
}

func TestWhatCanNeverBeStoredIsNotKept(t *testing.T) {
	net := transport.NewNetwork(1)
	disk := khashmir.NewMemoryStore()
	config := inMemory(net, 0)
	config.Store = disk
	node := open(t, config)
	if _, err := node.Keep(t.Context(), kad.ID{1}, make([]byte, kad.MaxValueSize+1)); !errors.Is(err, khashmir.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := node.Keep(t.Context(), kad.ID{1}, nil, khashmir.TTL(0)); !errors.Is(err, khashmir.ErrLifetime) {
		t.Errorf("no lifetime: %v", err)
	}
	if _, err := node.Keep(t.Context(), kad.ID{1}, nil, khashmir.TTL(kad.MinKeptTTL-time.Second)); !errors.Is(err, khashmir.ErrLifetime) {
		t.Errorf("too short to be kept alive: %v", err)
	}
	if due, err := disk.Due(time.Now().Add(time.Hour), 10); len(due) != 0 || err != nil {
		t.Errorf("kept all the same: %v, %v", due, err)
	}
	node.Close()
	if _, err := node.Keep(t.Context(), kad.ID{1}, nil); !errors.Is(err, khashmir.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := node.Forget(kad.ID{1}, nil); !errors.Is(err, khashmir.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestManyKeptValuesAreStoredAgainInOrderAndPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 3*kad.RepublishSlice + 7
		net := transport.NewNetwork(1)
		disk := &kept{khashmir.NewMemoryStore()}
		nodes := join(t, net, 10, func(i int, c *khashmir.Config) {
			if i == 0 {
				c.Store = disk
			}
		})
		keys := make([]kad.ID, n)
		for i := range keys {
			keys[i] = kad.HashID([]byte{byte(i), byte(i >> 8)})
			if _, err := nodes[0].Keep(t.Context(), keys[i], []byte("v")); err != nil {
				t.Fatal(err)
			}
		}
		nodes[0].Close()
		time.Sleep(2 * kad.ValueTTL) // all of them are gone, and all are due
		net.SetLatency(10*time.Millisecond, 0)
		config := inMemory(net, 0)
		config.Store = disk
		again := open(t, config)
		busiest := 0
		for range 12_000 { // two minutes
			time.Sleep(10 * time.Millisecond)
			stats, err := again.Stats()
			if err != nil {
				t.Fatal(err)
			}
			busiest = max(busiest, stats.InFlight)
		}
		for _, key := range keys {
			if got := values(t, nodes[9], key); len(got) != 1 {
				t.Fatalf("%v: %q", key, got)
			}
		}
		if busiest > kad.Alpha+2 { // housekeeping may look something up beside
			t.Errorf("%d calls at once", busiest)
		}
	})
}
