package khashmir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/khashmir/kad/khashmir"
)

// Two nodes on this machine: one stores a value, the other finds it.
func Example() {
	dir, _ := os.MkdirTemp("", "khashmir-example-")
	defer os.RemoveAll(dir)
	ctx := context.Background()

	ann, err := khashmir.Open(khashmir.Config{Path: filepath.Join(dir, "ann.db"), Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer ann.Close()
	bob, err := khashmir.Open(khashmir.Config{Path: filepath.Join(dir, "bob.db"), Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer bob.Close()

	if _, err := bob.AddContact(ctx, ann.Addr().String()); err != nil {
		log.Fatal(err)
	}
	key := khashmir.HashID([]byte("greeting"))
	if _, err := bob.Store(ctx, key, []byte("hello")); err != nil {
		log.Fatal(err)
	}
	for value, err := range ann.Values(ctx, key) {
		fmt.Printf("%s %v\n", value, err)
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
