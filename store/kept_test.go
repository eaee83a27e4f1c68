package store_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// kept is a value to keep, due so many seconds after start.
func kept(text string, due int) store.Kept {
	return store.Kept{Key: key, Value: []byte(text), TTL: time.Hour, Due: at(due)}
}

func wantDue(t *testing.T, s subject, now, limit int, expected ...store.Kept) {
	t.Helper()
	got, err := s.Due(at(now), limit)
	if err != nil || len(got) != len(expected) {
		t.Fatalf("at %d s: %d are due, %v, want %d", now, len(got), err, len(expected))
	}
	for i, k := range got {
		k.Due = k.Due.UTC()
		if expected[i].Due = expected[i].Due.UTC(); !reflect.DeepEqual(k, expected[i]) {
			t.Errorf("at %d s, number %d: %+v, want %+v", now, i, k, expected[i])
		}
	}
}

func keep(t *testing.T, s subject, k store.Kept) {
	t.Helper()
	if err := s.Keep(k); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsKeptComesDueTheLongestDueFirst(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		keep(t, s, kept("late", 30))
		keep(t, s, kept("soon", 10))
		keep(t, s, kept("", 20)) // an empty value is a value

		wantDue(t, s, 9, 10)
		wantDue(t, s, 10, 10, kept("soon", 10))
		wantDue(t, s, 99, 2, kept("soon", 10), kept("", 20))
		wantDue(t, s, 99, 0)
		wantDue(t, s, 99, -1)

		again := kept("soon", 40) // the same pair again
		again.TTL = time.Minute
		keep(t, s, again)
		wantDue(t, s, 99, 10, kept("", 20), kept("late", 30), again)
	})
}

func TestWhatIsForgottenIsNotDueAndCannotBePostponedBack(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		keep(t, s, kept("a", 10))
		keep(t, s, kept("b", 10))
		if err := s.Postpone(kept("b", 50)); err != nil {
			t.Fatal(err)
		}
		wantDue(t, s, 49, 10, kept("a", 10))

		if ok, err := s.Forget(key, []byte("a")); !ok || err != nil {
			t.Fatalf("forget: %t, %v", ok, err)
		}
		if ok, err := s.Forget(key, []byte("a")); ok || err != nil {
			t.Errorf("forgotten twice: %t, %v", ok, err)
		}
		if ok, err := s.Forget(kad.ID{}, []byte("b")); ok || err != nil {
			t.Errorf("another key's: %t, %v", ok, err)
		}
		if err := s.Postpone(kept("a", 20)); err != nil {
			t.Fatal(err)
		}
		wantDue(t, s, 99, 10, kept("b", 50))
	})
}

func TestWhatIsKeptSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	first := openAt(t, path, store.Config{})
	keep(t, first, kept("v", 10))
	first.Close()

	second := openAt(t, path, store.Config{})
	wantDue(t, second, 10, 10, kept("v", 10))
	second.Close()
	if err := second.Keep(kept("w", 1)); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
