package khashmir_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// moodyStore is a store that a test may make slow, or full.
type moodyStore struct {
	khashmir.Store
	slow  time.Duration
	full  bool
	asked atomic.Bool
}

func (d *moodyStore) Put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error {
	d.asked.Store(true)
	time.Sleep(d.slow)
	if d.full {
		return khashmir.ErrFull
	}
	return d.Store.Put(key, e, group, now)
}

// hurry is a town of slow and full disks in which a value is stored promptly, at
// fewer than a lookup finds, so that there is somebody to take another's place.
type hurry struct {
	*town
	disks   map[kad.ID]*moodyStore
	asker   *khashmir.Node
	closest []kad.ID // to the key
	began   time.Time

	mu    sync.Mutex
	key   kad.ID
	ended time.Time // the store's lookup
	told  []telling
}

// telling is what the callback was told, and when.
type telling struct {
	result khashmir.Result
	err    error
	at     time.Time
}

// replicas of a value in a hurry, and half of them.
const replicas, half = 5, 3

func newHurry(t *testing.T) *hurry {
	h := &hurry{disks: make(map[kad.ID]*moodyStore)}
	h.town = newTown(t, 200, func(c *khashmir.Config) {
		d := &moodyStore{Store: c.Store}
		c.Store, h.disks[kad.PublicKeyOf(c.Key).ID()] = d, d
		c.Replicas, c.Observer.Lookup = replicas, h.lookedUp
		c.SettleBuckets = -1 // else all would know already how large the town is
	})
	h.net.SetLatency(5*time.Millisecond, 0)
	return h
}

func (h *hurry) lookedUp(l khashmir.Lookup) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.Target == h.key {
		h.ended = time.Now()
	}
}

// settle has all nodes know how large the town is, and lets the first rounds of
// replication pass. The next are minutes later, so that what a store leaves
// undone stays undone for a while.
func (h *hurry) settle() {
	h.t.Helper()
	h.acquaint()
	time.Sleep(2 * kad.MinReplicateInterval)
}

// far makes the asker somebody far from a key of whose surroundings it is sure
// that so many are its holders.
func (h *hurry) far(sure int) {
	h.t.Helper()
	for i := range byte(255) {
		h.about(h.nodes[0], kad.HashID([]byte{i}))
		if h.sure() == sure && slices.Index(h.closest, h.asker.ID()) > len(h.nodes)/2 {
			return
		}
	}
	h.t.Fatal("there is no such key")
}

// near makes the asker the closest to a key of whose surroundings it is sure that
// so many are its holders, with itself.
func (h *hurry) near(sure int) {
	h.t.Helper()
	for _, node := range h.nodes {
		if h.about(node, node.ID().Flip(159)); h.sure() == sure {
			return
		}
	}
	h.t.Fatal("there is no such node")
}

func (h *hurry) about(asker *khashmir.Node, key kad.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asker, h.key, h.closest = asker, key, byDistance(h.nodes, key)
}

// sure is how many are so close to the key that, by the asker's own idea of how
// large the town is, they are its holders.
func (h *hurry) sure() int {
	h.t.Helper()
	s, err := h.asker.Stats()
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.IndexFunc(h.closest, func(id kad.ID) bool {
		distance := h.key.Distance(id)
		rank := math.Ldexp(float64(binary.BigEndian.Uint64(distance[:])), -64) * float64(s.Network)
		return rank >= kad.PromptRank*replicas
	})
}

// store has the asker store promptly. Its context ends with the callback, and what
// goes on behind that has five seconds.
func (h *hurry) store() telling {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	h.began = time.Now()
	h.asker.StoreValueForKey(ctx, h.key, []byte("v"), func(r khashmir.Result, err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, telling{r, err, time.Now()})
		cancel()
	}, khashmir.Prompt())
	time.Sleep(5 * time.Second)
	synctest.Wait()
	if s, err := h.asker.Stats(); err != nil || s.InFlight != 0 {
		h.t.Errorf("%d calls are still under way, %v", s.InFlight, err)
	}
	if len(h.told) != 1 {
		h.t.Fatalf("told %d times", len(h.told))
	}
	if told := h.told[0]; told.err != nil || len(told.result.Stored) < half {
		h.t.Fatalf("told %v, stored by %d", told.err, len(told.result.Stored))
	}
	return h.told[0]
}

// holdIt checks that of the closest to the key exactly these hold the value,
// by rank.
func (h *hurry) holdIt(want ...int) {
	h.t.Helper()
	var got []int
	for _, holder := range h.holders(h.key) {
		got = append(got, slices.Index(h.closest, holder.ID()))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		h.t.Errorf("the value is held by the closest %v, want %v", got, want)
	}
}

// ranks are those of contacts among the closest to the key.
func (h *hurry) ranks(contacts []kad.Contact) (ranks []int) {
	for _, id := range idsOf(contacts) {
		ranks = append(ranks, slices.Index(h.closest, id))
	}
	slices.Sort(ranks)
	return ranks
}

func TestAPromptStoreIsToldOfHalfAndGoesOnWhenItsContextHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a town that knows how large it is, and a key of whose holders
		// one is slow, and another is slow to say that it is full
		h := newHurry(t)
		h.settle()
		h.far(half)
		for _, id := range h.closest[half:replicas] {
			h.disks[id].slow = time.Second
		}
		h.disks[h.closest[4]].full = true

		// when a value is stored, and the context ends with the callback
		told := h.store()

		// then the callback waits for none of the slow,
		if took := told.at.Sub(h.began); took >= time.Second || !told.result.GoesOn {
			t.Errorf("told after %v, goes on: %v", took, told.result.GoesOn)
		}
		if got := h.ranks(told.result.Stored); !slices.Equal(got, []int{0, 1, 2}) {
			t.Errorf("told that the closest %v have stored it", got)
		}
		// and the slow one is waited for, and in the place of the full one another
		// is asked.
		h.holdIt(0, 1, 2, 3, 5)
	})
}

func TestAPromptStoreAsksThoseWhoAreSurelyCloseBeforeItsLookupIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a town that knows how large it is, and a key of which
		// the three next to the three closest have just died
		h := newHurry(t)
		h.settle()
		h.far(half)
		for _, node := range h.nodes {
			if slices.Contains(h.closest[half:2*half], node.ID()) {
				h.net.Kill(node.Addr())
			}
		}

		// when a value is stored
		told := h.store()

		// then it is there before the lookup has found out about the dead,
		if h.ended.IsZero() || !told.at.Before(h.ended) {
			t.Errorf("told after %v, and the lookup ended after %v", told.at.Sub(h.began), h.ended.Sub(h.began))
		}
		// and then others are found in their place.
		h.holdIt(0, 1, 2, 6, 7)
	})
}

func TestAPromptStoreGuessesNothingWhereTheSizeIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a town of which the asker knows by its neighbours alone how large it is
		h := newHurry(t)
		h.about(h.nodes[0], kad.HashID([]byte("prompt")))
		// when a value is stored
		told := h.store()
		// then nobody is asked to store before it is known who is closest.
		if !h.ended.Before(told.at) {
			t.Errorf("told after %v, and the lookup ended after %v", told.at.Sub(h.began), h.ended.Sub(h.began))
		}
		h.holdIt(0, 1, 2, 3, 4)
	})
}

func TestWhoWasAskedTooEarlyIsNoReplica(t *testing.T) {
	for name, c := range map[string]struct {
		full bool
		want []int
	}{
		"and has it":  {false, []int{0, 1, 2, 3, 4, replicas}},
		"and is full": {true, []int{0, 1, 2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Given a node among so many others that it takes one for close that
				// is not
				h := newHurry(t)
				h.settle()
				h.near(replicas + 1)
				tooFar := h.disks[h.closest[replicas]]
				tooFar.slow, tooFar.full = time.Second, c.full

				// when it stores a value for which it is the closest itself
				h.store()

				// then that one is asked in nobody's place, and nobody in its.
				if !tooFar.asked.Load() {
					t.Error("nobody was asked too early")
				}
				h.holdIt(c.want...)
			})
		})
	}
}

func TestAPromptStoreWaitsForOthersWhereThoseThatWereSureRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a town that knows how large it is, and a key whose three
		// closest are full
		h := newHurry(t)
		h.settle()
		h.far(half)
		for _, id := range h.closest[:half] {
			h.disks[id].full = true
		}

		// when a value is stored
		told := h.store()

		// then three others have it before that is told,
		if got := h.ranks(told.result.Stored); got[0] < half {
			t.Errorf("told that the closest %v have stored it", got)
		}
		for _, refusal := range told.result.Refused {
			if !errors.Is(refusal.Err, khashmir.ErrFull) {
				t.Errorf("refused for %v", refusal.Err)
			}
		}
		// and as many as usual in the end.
		h.holdIt(3, 4, 5, 6, 7)
	})
}

func TestAPromptStoreWithNobodyThereFailsLikeAnyOther(t *testing.T) {
	node := open(t, khashmir.Config{Path: t.TempDir() + "/node.db", Listen: "127.0.0.1:0"})
	r, err := node.Store(t.Context(), kad.ID{1}, []byte("v"), khashmir.Prompt())
	want, wantErr := node.Store(t.Context(), kad.ID{1}, []byte("v"))
	if err != wantErr || r.GoesOn || len(r.Stored) != len(want.Stored) {
		t.Errorf("%+v, %v; without Prompt %+v, %v", r, err, want, wantErr)
	}
}

func TestAPromptStoreInANetworkWithoutRoomIsToldOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := join(t, transport.NewNetwork(1), 20, func(_ int, c *khashmir.Config) {
			c.Store = &moodyStore{Store: c.Store, full: true}
		})
		r, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("v"), khashmir.Prompt())
		if !errors.Is(err, khashmir.ErrRefused) || r.GoesOn || len(r.Stored) > 0 || len(r.Refused) < kad.Replicas {
			t.Errorf("stored by %d, refused by %d, goes on: %v, %v", len(r.Stored), len(r.Refused), r.GoesOn, err)
		}
	})
}
