package lookup_test

import (
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

func TestAScatteredSearchSparesTheClosest(t *testing.T) {
	// Given somebody who names the 8 closest of all
	named := make([]kad.Contact, kad.K)
	for i := range named {
		named[i] = contact(byte(i + 1))
	}
	asked := make(map[kad.ID]int)
	const searches = 400
	for n := range uint64(searches) {
		l := lookup.New(kad.ID{}, lookup.Config{Alpha: 1, Scatter: n + 1})
		l.Add(contact(100), contact(101))
		if first, _ := l.Next(); first != contact(100) {
			t.Fatalf("of the seeds %v was asked first, which is not the closest", first)
		}
		l.Reply(contact(100).ID, named)

		// when many ask the next one, each with a number of its own
		next, ok := l.Next()
		if !ok {
			t.Fatal("nobody is to be asked")
		}
		asked[next.ID]++
	}
	// then all of them get their share
	for _, c := range named {
		if n := asked[c.ID]; n < searches/kad.K/2 || n > 2*searches/kad.K {
			t.Errorf("%v was asked %d times of %d", c, n, searches)
		}
	}
}
