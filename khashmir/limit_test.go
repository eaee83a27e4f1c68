package khashmir_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

func TestOnePublisherCannotFillANodeAndIsToldWhy(t *testing.T) {
	const quota = 5
	config := func() khashmir.Config {
		return khashmir.Config{
			Path: filepath.Join(t.TempDir(), "node.db"), Listen: "127.0.0.1:0", MaxPublisherEntries: quota, MaxEntries: 2 * quota,
		}
	}
	nodes := []*khashmir.Node{open(t, config()), open(t, config()), open(t, config()), open(t, config())}
	introduce(t, nodes)
	store := func(by, n int) (result khashmir.Result, err error) {
		for i := range n {
			result, err = nodes[by].Store(t.Context(), kad.HashID(fmt.Append(nil, by, i)), []byte("v"))
			if err != nil {
				break
			}
		}
		return result, err
	}
	refused := func(what string, result khashmir.Result, err, why error) {
		t.Helper()
		if !errors.Is(err, khashmir.ErrRefused) || len(result.Refused) == 0 {
			t.Fatalf("%s: %v, refused by %v", what, err, result.Refused)
		}
		for _, refusal := range result.Refused {
			if !errors.Is(refusal.Err, why) {
				t.Errorf("%s: %v refused with %v, want %v", what, refusal.Contact, refusal.Err, why)
			}
		}
	}

	result, err := store(0, quota+1)
	refused("over its quota", result, err, khashmir.ErrQuota)
	if _, err := store(1, quota); err != nil {
		t.Fatalf("another publisher, within its own: %v", err)
	}
	result, err = store(2, 1)
	refused("a full node", result, err, khashmir.ErrFull)
}

// One that refuses, and one that dies between its answer and the store, are
// replaced by the next closest that answered.
func TestARefusalIsMadeUpForByTheNextClosest(t *testing.T) {
	net := transport.NewNetwork(1)
	nodes := join(t, net, 30, func(i int, c *khashmir.Config) {
		if i%5 == 1 {
			c.Store = store.NewMemory(store.Config{Limits: store.Limits{MaxEntries: 1, QuotaEntries: 1, MaxPublisherEntries: 1}})
		}
	})
	// Given full nodes among the closest to a key
	full := make(map[kad.ID]bool)
	for i, n := range nodes {
		if i%5 == 1 {
			full[n.ID()] = true
		}
	}
	var key kad.ID
	for among := 0; among < 2; key[0]++ {
		among = 0
		for _, id := range byDistance(nodes, key)[:kad.Replicas] {
			if full[id] {
				among++
			}
		}
		if among >= 2 {
			break
		}
	}
	filler := key
	filler[19] = 1
	if _, err := nodes[0].Store(t.Context(), filler, []byte("fills them")); err != nil {
		t.Fatal(err)
	}
	// when a value is stored there
	result, err := nodes[0].Store(t.Context(), key, []byte("value"))
	// then as many hold it as should
	if err != nil || len(result.Stored) != kad.Replicas || len(result.Refused) < 2 {
		t.Errorf("stored at %d, refused by %v, %v", len(result.Stored), result.Refused, err)
	}
}
