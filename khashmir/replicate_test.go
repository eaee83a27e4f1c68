package khashmir_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// town is a network in which nodes come and go, with a look into their stores.
type town struct {
	t      *testing.T
	net    *transport.Network
	nodes  []*khashmir.Node
	stores map[*khashmir.Node]khashmir.Store
	change func(*khashmir.Config)
	born   int
}

func newTown(t *testing.T, n int, change func(*khashmir.Config)) *town {
	w := &town{t: t, net: transport.NewNetwork(1), stores: make(map[*khashmir.Node]khashmir.Store), change: change}
	t.Cleanup(func() { // of those that are left: the others are to be forgotten
		for _, node := range w.nodes {
			node.Abort()
		}
	})
	for range n {
		w.come()
	}
	for _, node := range w.nodes {
		node.FindCloseNodes(t.Context())
	}
	return w
}

// come has a newcomer join through somebody who is there.
func (w *town) come() *khashmir.Node {
	w.t.Helper()
	config := inMemory(w.net, w.born)
	config.Store = khashmir.NewMemoryStore()
	if w.change != nil {
		w.change(&config)
	}
	node, err := khashmir.Open(config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.stores[node] = config.Store
	for i := range min(3, len(w.nodes)) {
		add(w.t, node, w.nodes[(w.born*7+i)%len(w.nodes)].Addr())
	}
	if len(w.nodes) > 0 {
		if _, err := node.FindCloseNodes(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.born++
	w.nodes = append(w.nodes, node)
	return node
}

// leaves takes node out of the network: politely, or not.
func (w *town) leaves(node *khashmir.Node, politely bool) {
	w.t.Helper()
	w.nodes = slices.DeleteFunc(w.nodes, func(o *khashmir.Node) bool { return o == node })
	end := node.Abort
	if politely {
		end = node.Close
	}
	if err := end(); err != nil {
		w.t.Error(err)
	}
	delete(w.stores, node)
}

// holders are the nodes that hold something live under key.
func (w *town) holders(key kad.ID) (holders []*khashmir.Node) {
	w.t.Helper()
	for _, node := range w.nodes {
		page, _, err := w.stores[node].Entries(key, 0, 1, time.Now())
		if err != nil {
			w.t.Fatal(err)
		}
		if len(page) > 0 {
			holders = append(holders, node)
		}
	}
	return holders
}

// store has a node store the i-th value under the i-th key.
func (w *town) store(node *khashmir.Node, i int, options ...khashmir.StoreOption) (kad.ID, string) {
	w.t.Helper()
	key, value := kad.HashID([]byte{byte(i), byte(i >> 8)}), fmt.Sprint("value ", i)
	if _, err := node.Store(w.t.Context(), key, []byte(value), options...); err != nil {
		w.t.Fatal(err)
	}
	return key, value
}

func (w *town) sum() (sum khashmir.Stats) {
	w.t.Helper()
	for _, node := range w.nodes {
		s, err := node.Stats()
		if err != nil {
			w.t.Fatal(err)
		}
		sum.Compared += s.Compared
		sum.Handed += s.Handed
		sum.Rounds += s.Rounds
		sum.Asked += s.Asked
	}
	return sum
}

// The fault: nothing was ever replicated.
func TestANewcomerIsGivenAtOnceWhatItIsClosestTo(t *testing.T) {
	for _, values := range []int{40, 400} { // of which a node has few, or many
		t.Run(fmt.Sprint(values), func(t *testing.T) { newcomersAreGiven(t, values) })
	}
}

func newcomersAreGiven(t *testing.T, values int) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 24, nil)
		time.Sleep(5 * time.Minute)
		var keys []kad.ID
		for i := range values {
			key, _ := w.store(w.nodes[i%len(w.nodes)], i)
			keys = append(keys, key)
		}
		before := w.sum()
		for range 24 {
			w.come()
		}
		time.Sleep(time.Minute)
		missing, places := 0, 0
		for _, key := range keys {
			closest := byDistance(w.nodes, key)[:kad.Replicas]
			var held []kad.ID
			for _, node := range w.holders(key) {
				held = append(held, node.ID())
			}
			for _, id := range closest {
				places++
				if !slices.Contains(held, id) {
					missing++
				}
			}
		}
		if missing > 0 {
			t.Errorf("%d of %d places are empty", missing, places)
		}
		after := w.sum()
		t.Logf("%d places; handed over %d, compared %d", places, after.Handed-before.Handed, after.Compared-before.Compared)
	})
}

func TestCloseHandsOverToWhoTakesThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 30, nil)
		var keys []kad.ID
		for i := range 10 {
			key, _ := w.store(w.nodes[i], i)
			keys = append(keys, key)
		}
		// When all that hold the first go one after another, in the same minute.
		begun := time.Now()
		for _, node := range w.holders(keys[0]) {
			w.leaves(node, true)
		}
		took := time.Since(begun)
		// Then others have taken their places: most at once, though nobody has
		// noticed yet that the first are gone, and all after the next rounds.
		atLeast := func(n int) {
			for _, key := range keys {
				if got := w.holders(key); len(got) < n {
					t.Errorf("%d hold %s", len(got), key)
				}
			}
		}
		atLeast(kad.Replicas / 2)
		if got := values(t, w.nodes[0], keys[0]); len(got) != 1 {
			t.Errorf("found %q", got)
		}
		if took > time.Minute {
			t.Errorf("it took %v", took)
		}
		time.Sleep(kad.ReplicateInterval)
		atLeast(kad.Replicas)
	})
}

// With a half-life of an hour for nodes, values live out their day.
func TestValuesOutliveTheirHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 24, nil)
		w.net.SetLatency(30*time.Millisecond, 20*time.Millisecond)
		const count = 12
		for i := range count {
			w.store(w.nodes[i%len(w.nodes)], i)
		}
		began := time.Now()
		random := rand.New(rand.NewPCG(7, 7))
		deaths := 0
		for {
			// Each of n nodes dies at a rate of ln 2 an hour; another comes.
			rate := float64(len(w.nodes)) * math.Ln2 / float64(time.Hour)
			wait, left := time.Duration(random.ExpFloat64()/rate), kad.ValueTTL-time.Minute-time.Since(began)
			time.Sleep(min(wait, left))
			if wait >= left {
				break
			}
			w.leaves(w.nodes[random.IntN(len(w.nodes))], false)
			w.come()
			deaths++
		}
		lost := 0
		for i := range count {
			key := kad.HashID([]byte{byte(i), 0})
			if got := values(t, w.nodes[i%len(w.nodes)], key); !slices.Equal(got, []string{fmt.Sprint("value ", i)}) {
				t.Errorf("value %d: found %q, %d hold it", i, got, len(w.holders(key)))
				lost++
			}
		}
		s, _ := w.nodes[0].Stats()
		t.Logf("%d nodes died, %d of %d values are lost; half-life seen %v; %+v", deaths, lost, count, s.HalfLife, w.sum())
		time.Sleep(began.Add(kad.ValueTTL + time.Minute).Sub(time.Now()))
		for i := range count {
			if got := w.holders(kad.HashID([]byte{byte(i), 0})); len(got) > 0 {
				t.Errorf("value %d outlived its day at %d nodes", i, len(got))
			}
		}
	})
}

// Equal digests are all that holders exchange where nothing changes, and one
// holder's round spares the others theirs.
func TestWhereNothingChangesLittleIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 30, nil)
		for i := range 100 {
			w.store(w.nodes[i%len(w.nodes)], i, khashmir.TTL(kad.MaxValueTTL))
		}
		time.Sleep(24 * time.Hour)
		before := w.sum()
		time.Sleep(24 * time.Hour)
		after := w.sum()
		if handed := after.Handed - before.Handed; handed > 0 {
			t.Errorf("%d entries were handed over in a network without change", handed)
		}
		perHour := float64(after.Compared-before.Compared) / 24 / float64(len(w.nodes))
		t.Logf("%.1f comparisons a node and hour, %.1f rounds", perHour, float64(after.Rounds-before.Rounds)/24/float64(len(w.nodes)))
		// Without trust in others' rounds it is as many as ranges with sharers.
		if perHour > 25 {
			t.Errorf("%.1f comparisons a node and hour", perHour)
		}
	})
}

func TestWhatIsRemovedGoesEverywhereAndDoesNotComeBackFromASleeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 20, nil)
		key, value := w.store(w.nodes[0], 1)
		others, _ := w.store(w.nodes[0], 2)
		holders := w.holders(key)
		sleeper := holders[0]
		if sleeper == w.nodes[0] {
			sleeper = holders[1]
		}
		// Somebody else cannot take it back.
		if _, err := w.nodes[5].Remove(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
		if got := values(t, w.nodes[9], key); len(got) != 1 {
			t.Fatalf("after another's removal: %q", got)
		}
		// Given a holder that sleeps while its publisher does.
		w.net.Kill(sleeper.Addr())
		if _, err := w.nodes[0].Remove(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
		if got := values(t, w.nodes[9], key); len(got) != 0 {
			t.Fatalf("after its removal: %q", got)
		}
		time.Sleep(3 * time.Hour)
		w.net.Revive(sleeper.Addr())
		// When it is awake again, then it hears of it, and tells nobody else.
		time.Sleep(2 * time.Hour)
		if got := w.holders(key); len(got) != 0 {
			t.Errorf("%d hold it again", len(got))
		}
		if got := w.holders(others); len(got) < kad.Replicas {
			t.Errorf("of the other value there are %d copies", len(got))
		}
		// And the publisher can store it again.
		w.store(w.nodes[0], 1)
		if got := values(t, w.nodes[9], key); len(got) != 1 {
			t.Errorf("stored again: %q", got)
		}
	})
}

func TestAPartitionHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 30, nil)
		before, _ := w.store(w.nodes[0], 0)
		halves := [2][]netip.AddrPort{}
		for i, node := range w.nodes {
			halves[i%2] = append(halves[i%2], node.Addr())
		}
		w.net.Partition(halves[0], halves[1])
		time.Sleep(30 * time.Minute)
		left, _ := w.store(w.nodes[0], 1)
		right, _ := w.store(w.nodes[1], 2)
		time.Sleep(6 * time.Hour)
		w.net.Partition()
		healed := time.Now()
		whole := func() bool {
			for _, node := range w.nodes {
				for _, key := range []kad.ID{before, left, right} {
					if len(values(t, node, key)) != 1 {
						return false
					}
				}
			}
			return true
		}
		for !whole() {
			if time.Since(healed) > 2*time.Hour {
				t.Fatal("the halves did not find each other")
			}
			time.Sleep(10 * time.Second)
		}
		t.Logf("whole %v after it healed", time.Since(healed).Round(time.Second))
	})
}

func TestACopyIsBelievedForItsSignatureAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		node := open(t, inMemory(net, 0))
		m := net.Transport()
		m.Serve(key(1), func(_ kad.Contact, q krpc.Query) krpc.Reply { return honest(1, q) })
		defer m.Close()
		to := kad.NewContact(kad.PublicKeyOf(key(0)), node.Addr())
		target := kad.ID{1}
		token := exchange(t, m, to, krpc.Query{Method: krpc.FindNode, Target: target}).Token
		theirs := func(change func(*krpc.Entry)) krpc.Entry {
			e := signed(2, target, "theirs", time.Hour)
			e.Publisher = kad.PublicKeyOf(key(2))
			change(&e)
			return e
		}
		for name, test := range map[string]struct {
			entry krpc.Entry
			want  int
		}{
			"as it was":       {theirs(func(*krpc.Entry) {}), 0},
			"older":           {theirs(func(e *krpc.Entry) { e.Age = time.Minute }), 0},
			"too old":         {theirs(func(e *krpc.Entry) { e.Age = time.Hour }), krpc.CodeExpired},
			"another value":   {theirs(func(e *krpc.Entry) { e.Value = []byte("mine") }), krpc.CodeSignature},
			"a longer life":   {theirs(func(e *krpc.Entry) { e.TTL *= 2 }), krpc.CodeSignature},
			"a newer version": {theirs(func(e *krpc.Entry) { e.Seq++ }), krpc.CodeSignature},
			"unsigned":        {theirs(func(e *krpc.Entry) { e.Signature = kad.Signature{} }), krpc.CodeSignature},
			"own unsigned":    {krpc.Entry{Value: []byte("v"), TTL: time.Hour, Seq: 1}, krpc.CodeSignature},
			"removed": {theirs(func(e *krpc.Entry) {
				hash := (kad.Entry{Value: e.Value}).Hash()
				e.Value, e.Removed, e.Seq = hash[:], true, e.Seq+1
			}), krpc.CodeSignature},
			"removed what is no hash": {theirs(func(e *krpc.Entry) { e.Removed = true }), krpc.CodeSignature},
		} {
			r := exchange(t, m, to, krpc.Query{Method: krpc.StoreValue, Target: target, Token: token, Entry: test.entry})
			got := 0
			if r.Error != nil {
				got = r.Error.Code
			}
			if got != test.want {
				t.Errorf("%s: answered %d, want %d", name, got, test.want)
			}
		}
	})
}
