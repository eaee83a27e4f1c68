package lookup_test

import (
	"math/rand/v2"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

// BenchmarkLookup is a whole search in a static network of 10,000 nodes, whose
// answers cost nothing: alpha questions in flight, the oldest answered first.
func BenchmarkLookup(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := newNetwork(crowds["anywhere"](10_000, rng), kad.K, rng)
	searches := make([]rehearsed, 64)
	for i := range searches {
		us := n.nodes[rng.IntN(len(n.nodes))]
		r := &searches[i]
		*r = rehearsed{us: us, target: kad.RandomID(rng), answers: map[kad.ID][]kad.Contact{}}
		r.seeds = n.answer(us.ID, r.target)
		r.search(func(id kad.ID) { r.answers[id] = n.answer(id, r.target) })
	}
	questions, hops := 0, 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l := searches[i%len(searches)].search(func(kad.ID) {})
		questions += l.Questions()
		hops += l.Hops()
	}
	b.ReportMetric(float64(questions)/float64(b.N), "questions/op")
	b.ReportMetric(float64(hops)/float64(b.N), "hops/op")
}

// rehearsed is a search whose answers are known beforehand.
type rehearsed struct {
	us      kad.Contact
	target  kad.ID
	seeds   []kad.Contact
	answers map[kad.ID][]kad.Contact
}

func (r *rehearsed) search(before func(answerOf kad.ID)) *lookup.Lookup {
	l := lookup.New(r.target, lookup.Config{Self: r.us.ID})
	l.Self(r.us)
	l.Add(r.seeds...)
	var inFlight [kad.Alpha]kad.ID
	for first, asked := 0, 0; !l.Done(); first++ {
		for c, ok := l.Next(); ok; c, ok = l.Next() {
			inFlight[asked%kad.Alpha] = c.ID
			asked++
		}
		from := inFlight[first%kad.Alpha]
		before(from)
		l.Reply(from, r.answers[from])
	}
	if len(l.Closest()) != kad.K {
		panic("too few found")
	}
	return l
}
