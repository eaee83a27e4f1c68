package khashmir_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
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
