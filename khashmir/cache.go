package khashmir

import (
	"container/list"
	"math"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// cache keeps copies of entries that others have wanted, in memory, for those
// whose find takes any: the ones used last, for a while. It promises nothing.
// The node's lock guards it.
type cache struct {
	keys  map[kad.ID]*list.Element // of *cached
	order list.List                // the one used last is first
	bytes int
}

// cached is what there is of one key.
type cached struct {
	key     kad.ID
	entries []kad.Entry
	until   time.Time
}

func (c *cached) bytes() (n int) {
	for _, e := range c.entries {
		n += len(e.Value) + kad.CacheOverhead
	}
	return n
}

// get is what is cached under key.
func (c *cache) get(key kad.ID, now time.Time) []kad.Entry {
	at, ok := c.keys[key]
	if !ok {
		return nil
	}
	copies := at.Value.(*cached)
	if !copies.until.After(now) {
		c.drop(key)
		return nil
	}
	c.order.MoveToFront(at)
	live := make([]kad.Entry, 0, len(copies.entries))
	for _, e := range copies.entries {
		if e.Expires().After(now) {
			live = append(live, e)
		}
	}
	return live
}

// put keeps e until then.
func (c *cache) put(key kad.ID, e kad.Entry, until, now time.Time) {
	entries := slices.DeleteFunc(c.get(key, now), func(old kad.Entry) bool {
		return old.Publisher == e.Publisher && old.Hash() == e.Hash()
	})
	c.drop(key)
	entries = append(entries, e)
	copies := &cached{key, entries[max(0, len(entries)-kad.CacheEntries):], until}
	if c.keys == nil {
		c.keys = make(map[kad.ID]*list.Element)
	}
	c.keys[key] = c.order.PushFront(copies)
	for c.bytes += copies.bytes(); c.bytes > kad.CacheBytes; {
		c.drop(c.order.Back().Value.(*cached).key)
	}
}

// drop forgets what is cached under key.
func (c *cache) drop(key kad.ID) {
	if at, ok := c.keys[key]; ok {
		c.bytes -= c.order.Remove(at).(*cached).bytes()
		delete(c.keys, key)
	}
}

// cacheLife is for how long the node id ought to cache what is under key; ok is
// false if it is too far from there. Call it under the lock.
func (n *Node) cacheLife(key, id kad.ID) (life time.Duration, ok bool) {
	rank, samples := n.rank(key, id)
	near := float64(n.config.Replicas)
	life = time.Duration(float64(kad.CacheTTL) * math.Sqrt(near/max(near, rank)))
	return life, samples > 0 && life >= kad.MinCacheTTL && part(key, id) <= kad.CacheShare
}

// cacheValue keeps a copy that somebody who wanted it has found elsewhere.
func (n *Node) cacheValue(key kad.ID, e kad.Entry, now time.Time) krpc.Reply {
	if !e.Expires().After(now) {
		return asReply(ErrExpired)
	}
	n.mu.Lock()
	defer n.unlock()
	life, ok := n.cacheLife(key, n.self.ID)
	if !ok || e.Removed || n.closed {
		return refuse(krpc.CodeFull, "not cached here")
	}
	n.cache.put(key, e, now.Add(life), now)
	return krpc.Reply{}
}

// cachedEntries is what is cached under key.
func (n *Node) cachedEntries(key kad.ID, now time.Time) []kad.Entry {
	n.mu.Lock()
	defer n.unlock()
	return n.cache.get(key, now)
}

// gift is what a search that takes any gives to those on its way that had
// nothing.
type gift struct {
	entries []krpc.Entry
	to      []recipient
}

type recipient struct {
	kad.Contact
	token string
}

// see: from has answered r.
func (g *gift) see(from kad.Contact, r krpc.Reply) {
	switch {
	case r.Hot > 0: // from has it
	case len(r.Entries) == 0:
		g.to = append(g.to, recipient{from, r.Token})
	case g.entries == nil:
		g.entries = r.Entries[:min(len(r.Entries), kad.CacheEntries)]
	}
}

// give has the entries cached by those whom it behoves. Call it under the lock.
func (g *gift) give(n *Node, key kad.ID) {
	if n.closed {
		return
	}
	for _, to := range g.to {
		if _, ok := n.cacheLife(key, to.ID); !ok {
			continue
		}
		for _, e := range g.entries {
			if e.Publisher.IsZero() || e.Signature == (kad.Signature{}) || e.Age >= e.TTL {
				continue
			}
			q := krpc.Query{Method: krpc.StoreValue, Target: key, Token: to.token, Entry: e, Cache: true}
			n.ask(to.Contact, q, func(krpc.Reply, error) {})
		}
	}
}
