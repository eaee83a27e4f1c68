package khashmir

import (
	"context"
	"errors"
	"fmt"
)

// Table is a copy of the routing table: the farthest bucket first, the one that
// the node's own ID falls into last.
func (n *Node) Table() []Bucket {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.table.Buckets()
}

// Holdings is what this node holds for the network under the first limit keys
// from the given one on, in their order. It is read from the disk.
func (n *Node) Holdings(from ID, limit int) ([]Holding, error) {
	held, err := n.store.Holdings(from, limit, n.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("holdings: %w", ours(err))
	}
	return held, nil
}

// Backup copies the node's file to a new one at path, while the node goes on:
// what it holds, its contacts, and its identity, which is a secret. A node that
// is opened on the copy is the same node; they must not run at once. A store
// that has no file cannot (errors.ErrUnsupported).
func (n *Node) Backup(ctx context.Context, path string) error {
	file, ok := n.store.(interface {
		Backup(ctx context.Context, path string) error
	})
	if !ok {
		return fmt.Errorf("back up: this store has no file: %w", errors.ErrUnsupported)
	}
	if err := file.Backup(ctx, path); err != nil {
		return fmt.Errorf("back up: %w", ours(err))
	}
	return nil
}
