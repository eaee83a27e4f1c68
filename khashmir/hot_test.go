package khashmir_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// quarter is the part of a large network that lies around a key: those of its
// nodes whom anybody asks who wants what is there.
type quarter struct {
	t        *testing.T
	key      kad.ID
	net      *transport.Network
	nodes    []*khashmir.Node // the closest to key first
	stranger *transport.Mem
	closest  []int // identities that are closer, and not there yet
}

// newQuarter has n nodes there, of a network of size.
func newQuarter(t *testing.T, size, n int) *quarter {
	t.Helper()
	q := &quarter{t: t, key: kad.HashID([]byte("wanted")), net: transport.NewNetwork(1)}
	ids, all := make([]kad.ID, size), make([]int, size)
	for i := range size {
		ids[i], all[i] = kad.PublicKeyOf(key(i)).ID(), i
	}
	slices.SortFunc(all, func(a, b int) int { return q.key.CompareDistance(ids[a], ids[b]) })
	q.closest = all[:2]
	for _, i := range all[2 : 2+n] {
		config := inMemory(q.net, i)
		config.SettleBuckets, config.MaintainInterval = -1, time.Hour // the rest of the network is not there
		node := open(t, config)
		for _, other := range q.nodes {
			add(t, node, other.Addr())
		}
		q.nodes = append(q.nodes, node)
	}
	for _, node := range q.nodes {
		for range 4 { // from which it learns how large the network is
			if _, err := node.FindNode(t.Context(), q.key); err != nil {
				t.Fatal(err)
			}
		}
	}
	q.stranger = q.net.Transport()
	if err := q.stranger.Serve(key(size), func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{} }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.stranger.Close() })
	return q
}

// store has the closest node store values of so many bytes under key.
func (q *quarter) store(key kad.ID, size int, values ...string) {
	q.t.Helper()
	for _, value := range values {
		padded := append([]byte(value), make([]byte, size)...)
		if _, err := q.nodes[0].Store(q.t.Context(), key, padded); err != nil {
			q.t.Fatal(err)
		}
	}
}

// ask has a stranger ask node for any value.
func (q *quarter) ask(node *khashmir.Node, change func(*krpc.Query)) krpc.Reply {
	q.t.Helper()
	query := krpc.Query{Method: krpc.FindValue, Target: q.key, Any: true}
	if change != nil {
		change(&query)
	}
	return exchange(q.t, q.stranger, node.Contact(), query)
}

// heat has node asked until it says that key is hot, and is how often it gave.
func (q *quarter) heat(node *khashmir.Node) (gave int) {
	q.t.Helper()
	for range 10 * kad.HotAnswers {
		r := q.ask(node, nil)
		if r.Hot > 0 {
			return gave
		}
		if len(r.Entries) > 0 {
			gave++
		}
	}
	return gave
}

func TestAHotKeyIsGivenSoOftenAndThenOthersAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given a node of a large network, with some pages under one key and one
		// value under another
		q := newQuarter(t, 3000, 12)
		node := q.nodes[0]
		other := q.key.Flip(159)
		q.store(q.key, kad.PageSize/3, "one", "two", "three")
		q.store(other, 0, "another")
		next := q.ask(node, func(q *krpc.Query) { q.Any = false }).Next
		if next == 0 {
			t.Fatal("all is on the first page")
		}
		for round := range 2 {
			// when it was asked for the one too often
			if gave := q.heat(node); gave != kad.HotAnswers {
				t.Fatalf("round %d: it gave the values %d times, want %d", round, gave, kad.HotAnswers)
			}
			// then it sends on whoever asks next, for a while,
			time.Sleep(kad.HotInterval - time.Second)
			if r := q.ask(node, nil); r.Hot < kad.HotAnswers || len(r.Entries) > 0 || r.Next != 0 || len(r.Contacts) != kad.K || r.Token == "" {
				t.Errorf("it answers %+v", r)
			}
			// but who wants all there is, a later page or another key, or insists.
			for name, change := range map[string]func(*krpc.Query){
				"all":        func(q *krpc.Query) { q.Any = false },
				"later page": func(q *krpc.Query) { q.Cursor = next },
				"insists":    func(q *krpc.Query) { q.Hot = true },
				"other key":  func(q *krpc.Query) { q.Target = other },
			} {
				if r := q.ask(node, change); r.Hot > 0 || len(r.Entries) == 0 {
					t.Errorf("%s: hot: %d, %d entries", name, r.Hot, len(r.Entries))
				}
			}
			time.Sleep(time.Second)
		}
	})
}

func TestInASmallNetworkNothingIsHot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuarter(t, 600, 12)
		q.store(q.key, 0, "wanted")
		if gave := q.heat(q.nodes[0]); gave != 10*kad.HotAnswers {
			t.Errorf("it gave the value %d times of %d", gave, 10*kad.HotAnswers)
		}
		// nor where nobody knows how large it is
		q = newQuarter(t, 3000, 6)
		q.store(q.key, 0, "wanted")
		if gave := q.heat(q.nodes[0]); gave != 10*kad.HotAnswers {
			t.Errorf("it gave the value %d times of %d", gave, 10*kad.HotAnswers)
		}
	})
}

func TestWhatIsHotEverywhereIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given values of which all holders say that they are hot
		q := newQuarter(t, 3000, 12)
		q.store(q.key, 0, "one", "two", "three")
		for _, node := range q.nodes[:kad.Replicas] {
			if gave := q.heat(node); gave != kad.HotAnswers {
				t.Fatalf("a holder gave the values %d times", gave)
			}
		}
		for _, node := range q.nodes[kad.Replicas:] {
			// then they are found, as many as are wanted,
			for _, want := range []int{1, 3} {
				found := 0
				for value, err := range node.Values(t.Context(), q.key, khashmir.Enough(want)) {
					if err != nil {
						t.Fatal(err)
					}
					if value != nil {
						found++
					}
				}
				if found < want {
					t.Errorf("found %d values of %d", found, want)
				}
			}
			// and all of them.
			if got := values(t, node, q.key); len(got) != 3 {
				t.Errorf("found %d values of 3", len(got))
			}
		}
	})
}

// witness is a contact closer to the key that answers find_value in its own way,
// and counts.
type witness struct {
	asked, insisted, given atomic.Int32
}

func (q *quarter) witness(answer krpc.Reply) *witness {
	q.t.Helper()
	w := new(witness)
	i := q.closest[0]
	q.closest = q.closest[1:]
	at := peer(q.t, q.net, i, func(_ kad.Contact, question krpc.Query) krpc.Reply {
		switch {
		case question.Method == krpc.FindValue:
			w.asked.Add(1)
			if question.Hot {
				w.insisted.Add(1)
			}
			return answer
		case question.Method == krpc.StoreValue && question.Cache:
			w.given.Add(1)
		case question.Method == krpc.StoreValue:
			return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeFull, Message: "full"}}
		}
		return honest(i, question)
	})
	for _, node := range q.nodes {
		add(q.t, node, at.Addr())
	}
	return w
}

func TestWhoSaysThatItIsHotIsGivenNoCopy(t *testing.T) {
	for _, hot := range []uint64{0, 57} {
		t.Run(fmt.Sprint("hot ", hot), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// given a value, and one nearby who has none or says that it is hot
				q := newQuarter(t, 3000, 12)
				w := q.witness(krpc.Reply{Hot: hot, Token: "token"})
				q.store(q.key, 0, "wanted")
				for _, node := range q.nodes[:kad.Replicas] {
					q.heat(node)
				}
				// when some look for it, and have to insist
				for _, node := range q.nodes[kad.Replicas:] {
					if find(t, node, q.key) == "" {
						t.Fatal("nothing was found")
					}
				}
				// then who has none is given a copy, and who may have one is not.
				synctest.Wait()
				if given := w.given.Load(); w.asked.Load() == 0 || (given > 0) == (hot > 0) {
					t.Errorf("asked %d times, given %d copies", w.asked.Load(), given)
				}
			})
		})
	}
}

// A find of what is nowhere costs one question more for each who lies.
func TestWhoAlwaysSaysThatItIsHotIsAskedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuarter(t, 3000, 12)
		liars := []*witness{
			q.witness(krpc.Reply{Hot: 1}),
			q.witness(krpc.Reply{Hot: 1, Entries: []krpc.Entry{{Value: []byte("expired")}}}),
		}
		for _, node := range q.nodes {
			for _, wants := range [][]khashmir.FindOption{{khashmir.Enough(1)}, nil} {
				for value, err := range node.Values(t.Context(), q.key, wants...) {
					t.Errorf("found %q, %v", value, err)
				}
			}
		}
		for i, l := range liars {
			if l.insisted.Load() == 0 || l.asked.Load() != 3*l.insisted.Load() {
				t.Errorf("liar %d was asked %d times, and again %d times", i, l.asked.Load(), l.insisted.Load())
			}
		}
	})
}

// Whatever is asked for, the counts have a bound: what is beyond is given as ever.
func TestTheKeysThatAreCountedHaveABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// given a node that holds more keys than it counts, and gave each once
		q := newQuarter(t, 3000, 12)
		node, keys := q.nodes[0], make([]kad.ID, kad.HotKeys+1)
		for i := range keys {
			keys[i] = kad.HashID(fmt.Append(nil, "key", i))
			entry := signed(3000, keys[i], "value", time.Hour)
			of := func(q *krpc.Query) { q.Target = keys[i] }
			r := exchange(t, q.stranger, node.Contact(), krpc.Query{
				Method: krpc.StoreValue, Target: keys[i], Token: q.ask(node, of).Token, Entry: entry,
			})
			if r.Error != nil || len(q.ask(node, of).Entries) != 1 {
				t.Fatalf("key %d is not there: %v", i, r.Error)
			}
		}
		// when the first and the last are wanted, then the first is hot.
		for i, want := range map[int]bool{0: true, kad.HotKeys: false} {
			q.key = keys[i]
			if hot := q.heat(node) < 10*kad.HotAnswers; hot != want {
				t.Errorf("key %d is hot: %t", i, hot)
			}
		}
	})
}
