package khashmir

import (
	"context"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// RemoveValueForKey takes back what this node has stored under key: value goes
// everywhere, and callback runs exactly once, with who has let it go. Others'
// entries are left alone, of the same value too. Whether or not the value is
// kept alive, it is not any longer.
//
// What is removed leaves a trace at its holders, so that a copy that slept with
// its holder does not come back: for Config.MaxValueTTL, or for what the option
// TTL says, which should be no less than the longest lifetime it was stored with.
func (n *Node) RemoveValueForKey(ctx context.Context, key ID, value []byte, callback func(Result, error), options ...StoreOption) {
	s := storing{ttl: n.config.MaxValueTTL, removes: true}
	for _, option := range options {
		option(&s)
	}
	_, s.failed = n.Forget(key, value)
	n.publish(ctx, key, value, s, callback)
}

// Remove is RemoveValueForKey for those who prefer to block.
func (n *Node) Remove(ctx context.Context, key ID, value []byte, options ...StoreOption) (Result, error) {
	return wait(func(callback func(Result, error)) { n.RemoveValueForKey(ctx, key, value, callback, options...) })
}

// shows reports whether one of the entries is the one that e is a version of.
func shows(entries []krpc.Entry, e kad.Entry) bool {
	for _, o := range entries {
		if o.Publisher == e.Publisher && (kad.Entry{Value: o.Value}).Hash() == e.Hash() {
			return true
		}
	}
	return false
}
