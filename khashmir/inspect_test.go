package khashmir_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

func TestANodeOpenedOnABackupIsTheSameNode(t *testing.T) {
	nodes := onWire(t, 9)
	key := khashmir.HashID([]byte("backed up"))
	if _, err := nodes[0].Store(t.Context(), key, []byte("value")); err != nil {
		t.Fatal(err)
	}
	holders, last := 0, 0
	for i, n := range nodes {
		held, err := n.Holdings(khashmir.ID{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(held) == 1 && held[0].Key == key && held[0].Entries == 1 && held[0].Bytes == 5 {
			holders++
			last = i
		}
	}
	if holders != 8 {
		t.Fatalf("%d nodes say that they hold it, want 8", holders)
	}

	path := filepath.Join(t.TempDir(), "copy.db")
	if err := nodes[last].Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	id := nodes[last].ID()
	nodes[last].Abort()
	again := open(t, khashmir.Config{Path: path, Listen: "127.0.0.1:0"})
	held, err := again.Holdings(key, 1)
	if again.ID() != id || err != nil || len(held) != 1 {
		t.Errorf("the copy is %s, not %s, and holds %v, %v", again.ID(), id, held, err)
	}
}

func TestAStoreWithoutAFileSaysThatItCannotBeBackedUp(t *testing.T) {
	node := open(t, inMemory(transport.NewNetwork(1), 0))
	if err := node.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
