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
	small(t, s, "opened")

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
	small(t, s, "swept")

	put(t, s, key, value("b", 'b', 1, 60), 1)
	want(t, s, key, 1, value("b", 'b', 1, 60))
	want(t, s, kad.HashID([]byte{7}), 1, value("a", 'a', 0, 60))
}

func small(t *testing.T, s *store.SQLite, after string) {
	t.Helper()
	if statements, pages := s.Takes(); statements > 0 || pages > 16<<10 {
		t.Fatalf("%s, it takes %d bytes for statements and %d for pages", after, statements, pages)
	}
}
