package store_test

import (
	"path/filepath"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// One process may hold a thousand stores, most of which do nothing most of the
// time.
func TestAStoreThatIsOpenedOrSweptTakesNoMemoryForWhatItDoesNotDo(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{})
	small(t, s, "opened", 32<<10) // for the statements of a first put

	for i := range 100 {
		put(t, s, kad.HashID([]byte{byte(i)}), value("a", 'a', 0, 60), 0)
	}
	want(t, s, kad.HashID([]byte{7}), 0, value("a", 'a', 0, 60))
	if statements, pages := s.Takes(); statements == 0 || pages <= 16<<10 {
		t.Fatalf("a busy store takes %d bytes for statements and %d for pages: they are not counted", statements, pages)
	}
	if _, err := s.Expire(at(1), kad.ExpireSlice); err != nil {
		t.Fatal(err)
	}
	small(t, s, "swept", 0)

	put(t, s, key, value("b", 'b', 1, 60), 1)
	want(t, s, key, 1, value("b", 'b', 1, 60))
	want(t, s, kad.HashID([]byte{7}), 1, value("a", 'a', 0, 60))
}

// What was dropped is gone, whatever happens after.
func TestASweepSaysWhatItDroppedWhereTheRestFails(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "node.db"), store.Config{})
	for i := range 3 {
		put(t, s, kad.HashID([]byte{byte(i)}), value("a", 'a', 0, 10), 0)
	}
	calm := s.Restless()
	dropped, err := s.Expire(at(10), kad.ExpireSlice)
	calm()
	if dropped != 3 || err == nil {
		t.Errorf("it dropped 3 and could not rest; it said %d, %v", dropped, err)
	}
	if dropped, err := s.Expire(at(10), kad.ExpireSlice); dropped != 0 || err != nil {
		t.Errorf("after that: %d, %v", dropped, err)
	}
}

func small(t *testing.T, s *store.SQLite, after string, most int) {
	t.Helper()
	if statements, pages := s.Takes(); statements > most || pages > 16<<10 {
		t.Fatalf("%s, it takes %d bytes for statements and %d for pages", after, statements, pages)
	}
}
