package khashmir

import (
	"context"
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// Keep stores value under key as Store does, and goes on storing it, each time
// half its lifetime later, until Forget: also after this node's own restarts.
// The lifetime must be kad.MinKeptTTL (10 min) at least.
// A value that should not be kept for ever is better stored than kept.
//
// The error is that of the first store. Unless it says that the value can
// never be stored (ErrTooLarge, ErrLifetime) or that the node's own disk
// failed, the node goes on trying.
func (n *Node) Keep(ctx context.Context, key ID, value []byte, options ...StoreOption) (Result, error) {
	s := n.storing(options)
	if err := s.check(n.config, value); err != nil {
		return Result{Key: key}, err
	}
	if s.ttl < kad.MinKeptTTL {
		return Result{Key: key}, fmt.Errorf("keep with lifetimes of %v where %v is the least: %w", s.ttl, kad.MinKeptTTL, ErrLifetime)
	}
	if n.isClosed() {
		return Result{Key: key}, ErrClosed
	}
	k := store.Kept{Key: key, Value: value, TTL: s.ttl, Due: n.clock.Now().Add(kad.RepublishRetry)}
	if err := n.store.Keep(k); err != nil {
		return Result{Key: key}, fmt.Errorf("keep: %w", ours(err))
	}
	result, err := n.Store(ctx, key, value, options...)
	if err != nil {
		return result, err
	}
	return result, n.postpone(k, n.nextDue(k.TTL))
}

// Forget ends what Keep began: the value is not stored again and goes when its
// lifetime is over. ok is false if it was not kept.
func (n *Node) Forget(key ID, value []byte) (ok bool, err error) {
	if n.isClosed() {
		return false, ErrClosed
	}
	if ok, err = n.store.Forget(key, value); err != nil {
		err = fmt.Errorf("forget: %w", ours(err))
	}
	return ok, err
}

func (n *Node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// postpone says when k is due next, unless it was forgotten meanwhile.
func (n *Node) postpone(k store.Kept, due time.Time) error {
	k.Due = due
	if err := n.store.Postpone(k); err != nil {
		return fmt.Errorf("keep: %w", ours(err))
	}
	return nil
}

// nextDue is half a lifetime from now, less a random part, so that what was
// stored together is not stored again together.
func (n *Node) nextDue(ttl time.Duration) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	half := ttl / 2
	return n.clock.Now().Add(half - time.Duration(n.clock.Uint64()%uint64(half/4+1)))
}

// republish stores again what is due, a slice of it at a time and few at once:
// a node that comes back after a long time must not flood its network.
func (n *Node) republish() {
	due, err := n.store.Due(n.clock.Now(), kad.RepublishSlice)
	if err != nil {
		n.log.Error("kept values could not be read", "err", err)
		return
	}
	n.mu.Lock()
	defer n.unlock()
	if n.closed || n.republishing || len(due) == 0 {
		return
	}
	n.republishing = true
	r := &republication{node: n, due: due, full: len(due) == kad.RepublishSlice}
	for range n.config.Alpha {
		r.busy++
		r.next()
	}
}

// republication is a slice of kept values being stored again.
type republication struct {
	node *Node
	due  []store.Kept
	busy int
	full bool // there may be more to come
}

// next stores the next one, or, when the last of them is through, looks
// whether more is due. Call it under the lock.
func (r *republication) next() {
	n := r.node
	if n.closed {
		return
	}
	if len(r.due) == 0 {
		r.busy--
		if r.busy == 0 {
			n.republishing = false
			if r.full {
				n.afterFunc(0, n.republish)
			}
		}
		return
	}
	k := r.due[0]
	r.due = r.due[1:]
	again := func(_ Result, err error) {
		due := n.nextDue(k.TTL)
		if err != nil {
			n.log.Warn("kept value could not be stored again", "key", k.Key, "err", err)
			due = n.clock.Now().Add(kad.RepublishRetry)
		}
		err = n.postpone(k, due)
		n.mu.Lock()
		defer n.unlock()
		if err != nil && !n.closed {
			n.log.Error("kept value could not be marked as stored", "key", k.Key, "err", err)
			r.full = false // it would come again at once
		}
		r.next()
	}
	n.after = append(n.after, func() {
		n.publish(context.Background(), k.Key, k.Value, storing{ttl: k.TTL}, again)
	})
}
