package store_test

import (
	"fmt"
	"path/filepath"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

func TestItemsComeBackAfterARestartInTheOrderTheyEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	s, err := store.Open(path, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	immutable := store.Item{Target: kad.ID{1}, Value: []byte("i1e"), Expires: at(20)}
	mutable := store.Item{Target: kad.ID{2}, Key: make([]byte, 32), Salt: []byte("salt"), Seq: 3, Signature: make([]byte, 64), Value: []byte("2:hi"), Expires: at(10)}
	older := mutable
	older.Seq, older.Value = 1, []byte("3:old")
	if err := s.SaveItems([]store.Item{immutable, older, mutable}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openAt(t, path, store.Config{})
	for _, test := range []struct {
		now  int
		want []store.Item
	}{{0, []store.Item{mutable, immutable}}, {10, []store.Item{immutable}}, {20, nil}} {
		got, err := s.Items(at(test.now))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(test.want) { // nil and empty are the same
			t.Errorf("at %d s: %+v, %v", test.now, got, err)
		}
	}
}

func TestItemsThatHaveEndedAreDropped(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{})
	var items []store.Item
	for i := range 5 {
		items = append(items, store.Item{Target: kad.ID{byte(i + 1)}, Value: []byte("i1e"), Expires: at(i)})
	}
	if err := s.SaveItems(items); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := s.DropItems(at(2), 2); err != nil || n != want {
			t.Errorf("dropped %d, %v; want %d", n, err, want)
		}
	}
	if left, err := s.Items(at(0)); err != nil || len(left) != 2 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
