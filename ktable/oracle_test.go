package ktable_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

// spaces are small ID spaces: only the bits named vary, so that full buckets,
// splits and merges are common at every depth.
var spaces = map[string][]int{
	"the far end":  {0, 1, 2, 3, 4, 5},
	"the near end": {154, 155, 156, 157, 158, 159},
	"with gaps":    {0, 1, 7, 8, 63, 64, 159},
}

func TestTheTableDoesWhatTheModelDoes(t *testing.T) {
	const seeds, operations = 2, 2000
	for _, k := range []int{1, 2, 3, 8} {
		for name, bits := range spaces {
			for seed := range uint64(seeds) {
				t.Run(fmt.Sprintf("K=%d, %s, seed %d", k, name, seed), func(t *testing.T) {
					p := newPlay(t, k, bits, seed)
					for range operations {
						p.step()
						buckets := p.table.Buckets()
						p.compare(buckets)
						p.checkShape(buckets)
					}
				})
			}
		}
	}
}

// play runs the same random operations on a table and on the model.
type play struct {
	t      *testing.T
	rng    *rand.Rand
	self   kad.ID
	ids    []kad.ID // the whole ID space, our own included
	config ktable.Config
	table  *ktable.Table
	model  *model
	now    time.Time
	before string // the latest operation, for the message
}

func newPlay(t *testing.T, k int, bits []int, seed uint64) *play {
	p := &play{t: t, rng: rand.New(rand.NewPCG(seed, uint64(k))), now: start}
	base := kad.HashID([]byte("a place in the ID space"))
	for n := range 1 << len(bits) {
		id := base
		for i, bit := range bits {
			if n>>i&1 == 1 {
				id = id.Flip(bit)
			}
		}
		p.ids = append(p.ids, id)
	}
	p.self = p.ids[p.rng.IntN(len(p.ids))]
	p.config = ktable.Config{
		K: k, Replacements: 1 + p.rng.IntN(3), MaxFailures: 1 + p.rng.IntN(3), MinPingInterval: time.Minute, Wide: p.rng.IntN(4),
	}
	p.table, p.model = ktable.New(p.self, p.config), newModel(p.self, p.config)
	return p
}

// step draws an operation. Phases of mostly answers and of mostly silence take
// turns, so that the table both fills up and empties.
func (p *play) step() {
	if p.rng.IntN(3) > 0 {
		p.now = p.now.Add(time.Duration(p.rng.IntN(5_000_000)) * time.Microsecond)
	}
	id := p.ids[p.rng.IntN(len(p.ids))]
	likely, seldom := p.seen, p.failed
	if p.now.Sub(start)/(7*time.Minute)%2 == 1 {
		likely, seldom = p.failed, p.seen
	}
	switch n := p.rng.IntN(20); {
	case n < 13:
		likely(id)
	case n < 18:
		seldom(id)
	default:
		p.before = fmt.Sprintf("LookedUp(%s)", id)
		p.table.LookedUp(id, p.now)
		p.model.LookedUp(id, p.now)
	}
}

func (p *play) seen(id kad.ID) {
	c := kad.Contact{ID: id, V4: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(1+p.rng.IntN(3)))}
	if p.rng.IntN(50) == 0 {
		c.V4 = netip.AddrPort{}
	}
	p.before = fmt.Sprintf("Seen(%s)", c)
	got, gotOK := p.table.Seen(c, p.now)
	want, wantOK := p.model.Seen(c, p.now)
	if got != want || gotOK != wantOK {
		p.t.Fatalf("%s: suspect %v %t, want %v %t", p.before, got, gotOK, want, wantOK)
	}
}

func (p *play) failed(id kad.ID) {
	p.before = fmt.Sprintf("Failed(%s)", id)
	if got, want := p.table.Failed(id), p.model.Failed(id); got != want {
		p.t.Fatalf("%s: dropped %t, want %t", p.before, got, want)
	}
}

// compare asks both for their whole state, and some questions.
func (p *play) compare(got []ktable.Bucket) {
	p.t.Helper()
	if want := p.model.Buckets(); !slices.EqualFunc(got, want, equal) {
		p.t.Fatalf("after %s:\n got %v\nwant %v", p.before, got, want)
	}
	for range 4 {
		id := p.ids[p.rng.IntN(len(p.ids))]
		if got, want := p.table.Wants(id), p.model.Wants(id); got != want {
			p.t.Fatalf("after %s: Wants(%s) = %t, want %t", p.before, id, got, want)
		}
	}
	target, n := p.ids[p.rng.IntN(len(p.ids))], p.rng.IntN(3*p.config.K+2)
	if p.rng.IntN(4) == 0 {
		target = kad.RandomID(p.rng)
	}
	head := []kad.Contact{{ID: kad.ID{1}}, {ID: kad.ID{2}}}[:p.rng.IntN(3)]
	closest, want := p.table.Closest(slices.Clone(head), target, n), append(head, p.model.Closest(target, n)...)
	if !slices.Equal(closest, want) {
		p.t.Fatalf("after %s: the %d closest to %s:\n got %v\nwant %v", p.before, n, target, closest, want)
	}
}

func equal(a, b ktable.Bucket) bool {
	return a.Range == b.Range && a.Waiting == b.Waiting && a.LookedUp == b.LookedUp && slices.Equal(a.Contacts, b.Contacts)
}

// checkShape holds the table against what the package promises, without the model.
func (p *play) checkShape(buckets []ktable.Bucket) {
	p.t.Helper()
	last := len(buckets) - 1
	var placed []kad.Contact
	seen := map[kad.ID]bool{}
	for i, b := range buckets {
		width, most := p.config.K, p.config.K<<max(0, p.config.Wide-i)
		if i < last {
			width = most
		}
		p.check(len(b.Contacts) <= most, "bucket %d holds %d", i, len(b.Contacts)) // the last may have been wide
		p.check(b.Waiting <= p.config.Replacements, "%d wait for bucket %d", b.Waiting, i)
		p.check(b.Waiting == 0 || len(b.Contacts) >= width, "somebody waits for bucket %d, which has room", i)
		for j, m := range b.Contacts {
			id := m.Contact.ID
			p.check(!seen[id], "%s has two places", id)
			p.check(id.CommonPrefix(b.Range.Prefix) >= b.Range.Bits, "%s is in the wrong bucket", id)
			p.check(j == 0 || !m.LastSeen.Before(b.Contacts[j-1].LastSeen), "bucket %d is out of order", i)
			c, ok := p.table.Get(id)
			p.check(ok && c == m.Contact, "Get(%s) = %v %t", id, c, ok)
			seen[id] = true
			placed = append(placed, m.Contact)
		}
	}
	p.check(last == 0 || len(buckets[last].Contacts) > 0 && len(buckets[last-1].Contacts) > 0, "not merged")
	p.check(p.table.Len() == len(placed), "Len is %d, not %d", p.table.Len(), len(placed))
	p.check(slices.Equal(slices.Collect(p.table.Contacts()), placed), "Contacts differ from Buckets")
	for _, id := range p.ids {
		_, ok := p.table.Get(id)
		p.check(ok == seen[id], "Get(%s) is %t", id, ok)
	}
}

func (p *play) check(ok bool, format string, args ...any) {
	if !ok {
		p.t.Helper()
		p.t.Fatalf("after "+p.before+": "+format, args...)
	}
}
