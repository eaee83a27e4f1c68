package lookup_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

// network is a static network with exact tables. Each node's table is what the
// paper's is once every bucket is as full as it can be: of the nodes that share
// exactly their first i bits with it, all, or any K if there are more.
type network struct {
	k      int
	nodes  []kad.Contact // by ID
	tables [][]int       // for each node, the places in nodes of those it knows
	dead   []bool
}

func newNetwork(ids []kad.ID, k int, rng *rand.Rand) *network {
	slices.SortFunc(ids, kad.ID.Compare)
	ids = slices.Compact(ids)
	n := &network{k: k, tables: make([][]int, len(ids)), dead: make([]bool, len(ids))}
	for _, id := range ids {
		n.nodes = append(n.nodes, kad.Contact{ID: id, V4: netip.MustParseAddrPort("192.0.2.1:4000")})
	}
	for place := range ids {
		n.tables[place] = n.table(place, rng)
	}
	return n
}

// table narrows the range of nodes down to the one at place, bit by bit; what
// each bit cuts off is a bucket.
func (n *network) table(place int, rng *rand.Rand) []int {
	var table []int
	low, high := 0, len(n.nodes)
	for bit := 0; high-low > 1; bit++ {
		ones, _ := slices.BinarySearchFunc(n.nodes[low:high], 1, func(c kad.Contact, one int) int {
			return int(c.ID[bit/8]>>(7-bit%8)&1) - one
		})
		ones += low
		if place < ones {
			table = appendSome(table, ones, high, n.k, rng)
			high = ones
		} else {
			table = appendSome(table, low, ones, n.k, rng)
			low = ones
		}
	}
	return table
}

// appendSome appends k different numbers from low to high, or all.
func appendSome(table []int, low, high, k int, rng *rand.Rand) []int {
	start := len(table)
	for i := low; i < high && high-low <= k; i++ {
		table = append(table, i)
	}
	for high-low > k && len(table) < start+k {
		if i := low + rng.IntN(high-low); !slices.Contains(table[start:], i) {
			table = append(table, i)
		}
	}
	return table
}

// answer is what the node id answers: the k closest to target in its table.
func (n *network) answer(id, target kad.ID) []kad.Contact {
	table := slices.Clone(n.tables[n.place(id)])
	slices.SortFunc(table, func(a, b int) int { return target.CompareDistance(n.nodes[a].ID, n.nodes[b].ID) })
	var known []kad.Contact
	for _, place := range table[:min(n.k, len(table))] {
		known = append(known, n.nodes[place])
	}
	return known
}

func (n *network) place(id kad.ID) int {
	place, ok := slices.BinarySearchFunc(n.nodes, id, func(c kad.Contact, id kad.ID) int { return c.ID.Compare(id) })
	if !ok {
		panic("no such node: " + id.String())
	}
	return place
}

func (n *network) isDead(id kad.ID) bool { return n.dead[n.place(id)] }

// closest is the n of contacts closest to target, in order; contacts is sorted.
func closest(contacts []kad.Contact, target kad.ID, n int) []kad.Contact {
	slices.SortFunc(contacts, func(a, b kad.Contact) int { return target.CompareDistance(a.ID, b.ID) })
	return contacts[:min(n, len(contacts))]
}

// search plays the node's part for a lookup, and checks its conduct. Questions
// are answered in random order; some are late before that.
type search struct {
	t         *testing.T
	lookup    *lookup.Lookup
	rng       *rand.Rand
	us        kad.ID // who looks, or the one node that the client who looks knows
	self      kad.ID // who looks, unless it is a client
	alpha     int
	lateness  float64                                         // how likely a question in flight turns late when drawn
	scattered bool                                            // who is asked first does not hang on the distance alone
	waits     bool                                            // late ones get to answer before the end
	answer    func(id kad.ID) (closer []kad.Contact, ok bool) // not ok: it fails

	asked, answered map[kad.ID]bool
	inFlight, late  []kad.ID
}

// run plays until the search is over.
func (s *search) run() {
	s.asked, s.answered = map[kad.ID]bool{}, map[kad.ID]bool{}
	for {
		s.ask()
		if s.lookup.Done() && (!s.waits || len(s.late) == 0) {
			return
		}
		if len(s.inFlight)+len(s.late) == 0 {
			s.t.Fatal("not done, and nothing is under way")
		}
		s.event()
	}
}

func (s *search) ask() {
	for {
		c, ok := s.lookup.Next()
		if !ok {
			break
		}
		if c.ID == s.self || s.asked[c.ID] || c.ID.IsZero() || !c.Reachable() {
			s.t.Fatalf("asks %s, itself: %t, again: %t", c, c.ID == s.self, s.asked[c.ID])
		}
		s.asked[c.ID] = true
		s.inFlight = append(s.inFlight, c.ID)
	}
	if s.lookup.InFlight() != len(s.inFlight) || len(s.inFlight) > s.alpha || s.lookup.Questions() != len(s.asked) {
		s.t.Fatalf("%d in flight, it says %d; %d asked, it says %d", len(s.inFlight), s.lookup.InFlight(), len(s.asked), s.lookup.Questions())
	}
}

// event is what happens next to one of the questions under way.
func (s *search) event() {
	if i := s.rng.IntN(len(s.inFlight) + len(s.late)); i >= len(s.inFlight) {
		s.settle(&s.late, i-len(s.inFlight))
	} else if s.rng.Float64() < s.lateness {
		id := s.inFlight[i]
		s.inFlight = slices.Delete(s.inFlight, i, i+1)
		s.late = append(s.late, id)
		s.lookup.Late(id)
	} else {
		s.settle(&s.inFlight, i)
	}
}

func (s *search) settle(from *[]kad.ID, i int) {
	id := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	if closer, ok := s.answer(id); ok {
		s.answered[id] = true
		s.lookup.Reply(id, closer)
	} else {
		s.lookup.Fail(id)
	}
}
