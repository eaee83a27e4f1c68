package khashmir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khashmir/kad/khashmir"
)

// A node joins through a friend, stores a value and reads what is there. The
// README shows the same lines.
func Example() {
	ctx, path, friend, leave := somewhere()
	defer leave()

	node, err := khashmir.Open(khashmir.Config{Path: path})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	if _, err := node.AddContact(ctx, friend); err != nil { // "host:port"
		log.Fatal(err)
	}
	key := khashmir.HashID([]byte("greeting"))
	if _, err := node.Store(ctx, key, []byte("hello")); err != nil {
		log.Fatal(err)
	}
	for value, err := range node.Values(ctx, key) {
		fmt.Println(string(value), err)
	}
	// Output: hello <nil>
}

// The callbacks keep Khashmir's promise: the store's fires once, the find's
// with each batch of new values and at last with one empty batch.
func ExampleNode_ValueForKey() {
	node, err := khashmir.Open(khashmir.Config{Store: khashmir.NewMemoryStore(), Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	ctx, key, done := context.Background(), khashmir.HashID([]byte("k")), make(chan struct{})

	node.StoreValueForKey(ctx, key, []byte("v"), func(r khashmir.Result, err error) {
		fmt.Println("stored at", len(r.Stored), "node:", err)
		node.ValueForKey(ctx, key, func(values [][]byte, err error) {
			fmt.Printf("%s %v\n", values, err)
			if len(values) == 0 {
				close(done)
			}
		})
	})
	<-done
	// Output:
	// stored at 1 node: no contacts
	// [v] <nil>
	// [] no contacts
}

// somewhere is a place for a node's file and a friend on this machine.
func somewhere() (ctx context.Context, path, friend string, leave func()) {
	dir, err := os.MkdirTemp("", "khashmir-example-")
	if err != nil {
		log.Fatal(err)
	}
	node, err := khashmir.Open(khashmir.Config{Store: khashmir.NewMemoryStore(), Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	return context.Background(), filepath.Join(dir, "node.db"), node.Addr().String(), func() {
		node.Close()
		os.RemoveAll(dir)
	}
}

func TestTheReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(readme), "```go\n")
	shown, _, _ = strings.Cut(shown, "```")
	indented := "\t" + strings.ReplaceAll(strings.TrimSpace(shown), "\n", "\n\t")
	if !found || !strings.Contains(string(source), indented) {
		t.Errorf("the README's lines are not those of Example:\n%s", shown)
	}
}
