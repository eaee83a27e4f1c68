package khashmir_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/khashmir/kad/khashmir"
)

// A client finds, stores and removes like anybody, and is nobody's contact.
func TestAClientAsksAndIsNotAsked(t *testing.T) {
	nodes := onWire(t, 12)
	client := open(t, khashmir.Config{Client: true, Listen: "127.0.0.1:0", Path: filepath.Join(t.TempDir(), "client.db")})
	add(t, client, nodes[0].Addr())
	if _, err := client.FindCloseNodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, value := client.ID(), []byte("value") // nobody is closer to it than the client

	result, err := client.Store(t.Context(), key, value)
	if err != nil || len(result.Stored) != 8 || len(result.Refused) > 0 {
		t.Fatalf("stored at %d, refused by %d, %v; want 8 and none", len(result.Stored), len(result.Refused), err)
	}
	for _, holder := range result.Stored {
		if holder.ID == client.ID() {
			t.Error("the client holds its value itself")
		}
	}
	if got := values(t, client, key); len(got) != 1 || got[0] != "value" {
		t.Errorf("the client finds %q", got)
	}
	if stats, err := client.Stats(); err != nil || stats.Transport.Answered != 0 {
		t.Errorf("others have asked it %d times, %v: they are told not to", stats.Transport.Answered, err)
	}
	for _, n := range nodes {
		for _, bucket := range n.Table() {
			for _, member := range bucket.Contacts {
				if member.Contact.ID == client.ID() {
					t.Errorf("%s has the client in its table", n.ID())
				}
			}
		}
	}
	if _, err := nodes[1].AddContact(t.Context(), client.Addr().String()); !errors.Is(err, khashmir.ErrClient) {
		t.Errorf("asked, the client says %v; want ErrClient", err)
	}
	if _, err := client.Remove(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
	if got := values(t, nodes[2], key); len(got) != 0 {
		t.Errorf("removed, and still found: %q", got)
	}
}
