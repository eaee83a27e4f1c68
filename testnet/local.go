package testnet

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
)

// local is a peer in this process.
type local struct {
	node *khashmir.Node
	kept khashmir.Store // the node's
}

// leave is how long a peer that closes hands over what it holds: next to not
// at all, since they all close.
const leave = time.Millisecond

func openLocal(o opening, t khashmir.Transport, log *slog.Logger, observe func(khashmir.ID) khashmir.Observer) (*local, error) {
	kept, err := openStore(o.Path)
	if err != nil {
		return nil, err
	}
	key, known, err := kept.Identity()
	if err == nil && !known {
		key = ed25519.NewKeyFromSeed(o.Seed)
		err = kept.SetIdentity(key)
	}
	if err != nil {
		return nil, also(err, kept.Close())
	}
	var observer khashmir.Observer
	if observe != nil {
		observer = observe(kad.PublicKeyOf(key).ID())
	}
	node, err := khashmir.Open(khashmir.Config{
		Store:              kept,
		Transport:          t,
		CheckpointInterval: o.Checkpoint,
		MaintainInterval:   o.Maintain,
		ReplicateInterval:  o.Replicate,
		BucketStaleness:    o.Refresh,
		MaxFailures:        o.Failures,
		WideBuckets:        o.Wide,
		Observer:           observer,
		Logger:             log,
		LeaveTimeout:       leave,
	})
	if err != nil {
		return nil, err
	}
	return &local{node, kept}, nil
}

func openStore(path string) (khashmir.Store, error) {
	if path == "" {
		return khashmir.NewMemoryStore(), nil
	}
	kept, err := store.Open(path, store.Config{})
	if err != nil {
		return nil, err // and not a nil store in an interface
	}
	return kept, nil
}

func (l *local) ID() khashmir.ID { return l.node.ID() }
func (l *local) Addr() string    { return l.node.Addr().String() }
func (l *local) Close() error    { return l.node.Close() }
func (l *local) Abort() error    { return l.node.Abort() }

func (l *local) AddContact(ctx context.Context, addr string) error {
	_, err := l.node.AddContact(ctx, addr)
	return err
}

func (l *local) FindCloseNodes(ctx context.Context) error {
	_, err := l.node.FindCloseNodes(ctx)
	return err
}

func (l *local) FindNode(ctx context.Context, id khashmir.ID) (found, error) {
	begun := time.Now()
	contacts, err := l.node.FindNode(ctx, id)
	return found{ids(contacts), time.Since(begun)}, err
}

func (l *local) Store(ctx context.Context, key khashmir.ID, value []byte) (stored, error) {
	begun := time.Now()
	r, err := l.node.Store(ctx, key, value)
	return stored{ids(r.Stored), r.Questions, r.Hops, time.Since(begun)}, err
}

func (l *local) Read(ctx context.Context, key khashmir.ID) (r reading, err error) {
	begun := time.Now()
	for value, failed := range l.node.Values(ctx, key) {
		switch {
		case failed != nil:
			err = failed
			continue
		case len(r.Values) == 0:
			r.First = time.Since(begun)
		}
		r.Values = append(r.Values, value)
	}
	r.Took = time.Since(begun)
	return r, err
}

func (l *local) Stats() (stats, error) {
	s, err := l.node.Stats()
	return stats{Stats: s}, err
}

// lacks is which of the keys, each the hash of a value, this peer does not
// hold itself.
func (l *local) lacks(keys []khashmir.ID) (lacking []khashmir.ID, err error) {
	for _, key := range keys {
		page, _, err := l.kept.Entries(key, 0, kad.PageSize, time.Now())
		if err != nil {
			return nil, err
		}
		if len(page) != 1 || khashmir.HashID(page[0].Value) != key {
			lacking = append(lacking, key)
		}
	}
	return lacking, nil
}

func ids(contacts []khashmir.Contact) []khashmir.ID {
	ids := make([]khashmir.ID, len(contacts))
	for i, c := range contacts {
		ids[i] = c.ID
	}
	return ids
}
