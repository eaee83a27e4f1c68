package khashmir_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// trail collects what an observer hears.
type trail struct {
	mu      sync.Mutex
	lookups []khashmir.Lookup
	steps   []khashmir.Step
	served  []khashmir.Served
	met     []khashmir.Contact
	lost    []khashmir.Contact
}

func (h *trail) observer() khashmir.Observer {
	return khashmir.Observer{
		Lookup: func(l khashmir.Lookup) { keep(h, &h.lookups, l) },
		Step:   func(s khashmir.Step) { keep(h, &h.steps, s) },
		Served: func(s khashmir.Served) { keep(h, &h.served, s) },
		Met:    func(c khashmir.Contact) { keep(h, &h.met, c) },
		Lost:   func(c khashmir.Contact) { keep(h, &h.lost, c) },
	}
}

func keep[T any](h *trail, all *[]T, one T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*all = append(*all, one)
}

// kinds counts the steps by kind.
func (h *trail) kinds() map[khashmir.StepKind]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	counts := make(map[khashmir.StepKind]int)
	for _, s := range h.steps {
		counts[s.Kind]++
	}
	return counts
}

// A caller's observer hears of its own lookup, step by step and in order, and of
// no other.
func TestAnObserverFollowsAStoreAndAFind(t *testing.T) {
	nodes := join(t, transport.NewNetwork(1), 30, nil)
	var storing, finding trail
	key := khashmir.HashID([]byte("watched"))

	result, err := nodes[3].Store(khashmir.Observe(t.Context(), storing.observer()), key, []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	nodes[3].FindNode(t.Context(), nodes[9].ID()) // not watched
	found := 0
	for range nodes[20].Values(khashmir.Observe(t.Context(), finding.observer()), key) {
		found++
	}
	nodes[3].Abort() // when they are closed nothing is told any more
	nodes[20].Abort()

	if len(storing.lookups) != 1 || len(finding.lookups) != 1 {
		t.Fatalf("heard of %d and %d lookups, want 1 each", len(storing.lookups), len(finding.lookups))
	}
	store, find := storing.lookups[0], finding.lookups[0]
	if store.Target != key || store.Values || !find.Values || find.Target != key {
		t.Errorf("heard of %+v and %+v", store, find)
	}
	counts := storing.kinds()
	if counts[khashmir.Asked] != store.Questions || counts[khashmir.Answered] != store.Answers || counts[khashmir.Stored] != len(result.Stored) {
		t.Errorf("the store has %+v, and %v; stored at %d", store, counts, len(result.Stored))
	}
	checkOrder(t, storing.steps)
	checkOrder(t, finding.steps)
	shown := 0
	for _, s := range finding.steps {
		if s.Values > 0 {
			shown++
		}
	}
	if found != 1 || shown == 0 {
		t.Errorf("found %d values, shown by %d", found, shown)
	}
}

// checkOrder: who answers was asked before, and whom nobody has named yet was in
// the asker's own table.
func checkOrder(t *testing.T, steps []khashmir.Step) {
	t.Helper()
	asked := make(map[khashmir.ID]bool)
	for i, s := range steps {
		who := s.Contact.ID
		switch s.Kind {
		case khashmir.Asked:
			asked[who] = true
		case khashmir.Answered:
			if !asked[who] || len(s.Contacts) == 0 || s.Took < 0 {
				t.Errorf("step %d: %+v", i, s)
			}
		}
		if i > 0 && s.At.Before(steps[i-1].At) {
			t.Errorf("step %d was before the one before", i)
		}
	}
}

// A node's own observer hears of what others ask, of who comes and of who is
// lost.
func TestAnObserverHearsOfQuestionsAndContacts(t *testing.T) {
	var own trail
	nodes := join(t, transport.NewNetwork(1), 10, func(i int, c *khashmir.Config) {
		c.MaxFailures = 1
		if i == 0 {
			c.Observer = own.observer()
		}
	})
	nodes[2].FindNode(t.Context(), nodes[0].ID())
	gone := nodes[1].ID()
	nodes[1].Abort()
	nodes[0].FindNode(t.Context(), gone) // the others answer, so it is not our network
	nodes[0].Abort()

	if !slices.ContainsFunc(own.served, func(s khashmir.Served) bool {
		return s.Method == string(krpc.FindNode) && s.Target == nodes[0].ID() && s.Refusal == 0 && s.From.ID == nodes[2].ID()
	}) {
		t.Errorf("nobody has asked: %+v", own.served)
	}
	if len(own.met) != 9 {
		t.Errorf("met %d, want 9", len(own.met))
	}
	if len(own.lost) != 1 || own.lost[0].ID != gone {
		t.Errorf("lost %v, want %s", own.lost, gone)
	}
	if !slices.ContainsFunc(own.steps, func(s khashmir.Step) bool {
		return s.Kind == khashmir.Failed && s.Contact.ID == gone && s.Err != nil
	}) {
		t.Error("no step says that it did not answer")
	}
}

func TestObserversAreOneThatTellsAll(t *testing.T) {
	var first, second trail
	both := khashmir.Observers(first.observer(), khashmir.Observer{}, second.observer())
	both.Step(khashmir.Step{Kind: khashmir.Asked})
	both.Lookup(khashmir.Lookup{})
	both.Served(khashmir.Served{})
	both.Met(khashmir.Contact{})
	both.Lost(khashmir.Contact{})
	for _, h := range []*trail{&first, &second} {
		if len(h.steps) != 1 || len(h.lookups) != 1 || len(h.served) != 1 || len(h.met) != 1 || len(h.lost) != 1 {
			t.Errorf("one of them heard %+v", h)
		}
	}
	if none := khashmir.Observers(khashmir.Observer{}, khashmir.Observer{}); none.Step != nil || none.Lookup != nil {
		t.Error("observers that hear nothing are told nothing")
	}
}

// What an observer is given is its own.
func TestAnObserverMayDoWhatItLikesWithContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		net.SetLatency(5*time.Millisecond, 0)
		nodes := join(t, net, 60, nil)
		told := khashmir.Observer{Step: func(s khashmir.Step) { slices.Reverse(s.Contacts) }}
		for _, target := range nodes[30:] {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			found, err := nodes[0].FindNode(khashmir.Observe(ctx, told), target.ID())
			cancel()
			want := slices.DeleteFunc(byDistance(nodes, target.ID())[:kad.K], func(id kad.ID) bool { return id == nodes[0].ID() })
			if err != nil || !slices.Equal(idsOf(found), want) {
				t.Errorf("found %v, want %v, %v", idsOf(found), want, err)
			}
		}
	})
}
