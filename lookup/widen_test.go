package lookup_test

import (
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

func TestASearchThatIsWidenedGoesOn(t *testing.T) {
	// Given a search that has found the two it wanted, and heard of two more
	l := lookup.New(kad.ID{}, lookup.Config{K: 2, Alpha: 1})
	l.Add(contact(1), contact(2), contact(3), contact(4))
	ask := func(want kad.Contact) {
		t.Helper()
		if c, ok := l.Next(); !ok || c != want {
			t.Fatalf("asks %v, %v; want %v", c, ok, want)
		}
		l.Reply(want.ID, nil)
	}
	ask(contact(1))
	ask(contact(2))
	if !l.Done() || len(l.Closest()) != 2 {
		t.Fatalf("done: %v, closest: %v", l.Done(), l.Closest())
	}
	// when it is to find four
	l.Widen(4)
	// then it asks on
	if l.Done() {
		t.Fatal("widened, it is still over")
	}
	ask(contact(3))
	ask(contact(4))
	if !l.Done() || len(l.Closest()) != 4 {
		t.Errorf("done: %v, closest: %v", l.Done(), l.Closest())
	}
	// and it does not become narrower
	if l.Widen(1); len(l.Closest()) != 4 {
		t.Errorf("narrowed to %v", l.Closest())
	}
}
