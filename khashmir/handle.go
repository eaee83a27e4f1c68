package khashmir

import (
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// answer is the node's to a query. It runs on the transport's goroutines, many at
// once; the lock is held for the table alone, never over the disk.
func (n *Node) answer(from kad.Contact, q krpc.Query) krpc.Reply {
	if n.config.Client {
		return refuse(krpc.CodeClient, "asks only")
	}
	var r krpc.Reply
	n.mu.Lock()
	n.meet(from, q.Client)
	if q.Method == krpc.FindNode { // most often, and the lock is taken once
		r = n.closest(from, q.Target)
	}
	n.unlock()
	switch q.Method {
	case krpc.Ping:
		return n.pong(q)
	case krpc.FindNode:
		return r
	case krpc.FindValue:
		return n.findValue(from, q)
	case krpc.StoreValue:
		return n.storeValue(from, q)
	case krpc.Compare:
		return n.compare(from, q)
	default:
		return refuse(krpc.CodeUnknownMethod, "method unknown")
	}
}

// pong names the node's key to those alone who do not know whom they ask: all
// others have addressed it, and the transport proves it.
func (n *Node) pong(q krpc.Query) (r krpc.Reply) {
	if q.Who {
		r.Key = n.self.Key
	}
	return r
}

// meet: from has asked us something. That alone gives nobody a place in the
// table; when there is one, from is pinged back and its answer does, unless it
// owes us one as it is. A client would not answer. Call it under the lock.
func (n *Node) meet(from kad.Contact, client bool) {
	n.counts.served++
	if !client && n.table.Wants(from.ID) && !n.asks(from.ID) && (!n.table.Spare(from.ID) || n.mayPingSpare()) {
		n.ping(from)
	}
}

// asks reports whether a lookup waits for the answer of id. That of whom we asked
// shortly before often comes after its own ping back.
func (n *Node) asks(id kad.ID) bool {
	for _, c := range n.calls {
		if c.flights.Has(id) {
			return true
		}
	}
	return false
}

// mayPingSpare paces the pings back to those whom the table is not short of.
func (n *Node) mayPingSpare() bool {
	now := n.clock.Now()
	if now.Sub(n.pingedSpare) < kad.SparePingInterval {
		return false
	}
	n.pingedSpare = now
	return true
}

// closest answers with the K contacts closest to target, leaving out the
// asker, and with a token that lets it store there. Call it under the lock.
func (n *Node) closest(from kad.Contact, target kad.ID) krpc.Reply {
	contacts := n.table.Closest(make([]kad.Contact, 0, n.config.K+1), target, n.config.K+1)
	for i, c := range contacts {
		if c.ID == from.ID {
			contacts = append(contacts[:i], contacts[i+1:]...)
			break
		}
	}
	return krpc.Reply{
		Contacts: contacts[:min(len(contacts), n.config.K)],
		Token:    n.tokens.give(from, n.clock.Now()),
	}
}

// findValue answers with closer contacts too, whatever values it has: a node
// that hid them would hide the other replicas.
func (n *Node) findValue(from kad.Contact, q krpc.Query) krpc.Reply {
	now := n.clock.Now()
	counts := q.Any && q.Cursor == 0
	if counts && !q.Hot {
		if times := n.tooOften(q.Target, now); times > 0 { // the disk is spared
			return n.sendOn(from, q.Target, times)
		}
	}
	size := kad.PageSize
	if q.Any {
		size /= 2 // signatures take as much as all else that goes with a value
	}
	page, next, err := n.store.Entries(q.Target, q.Cursor, size, now)
	if err != nil {
		n.log.Error("entries could not be read", "key", q.Target, "err", err)
		return refuse(krpc.CodeServer, "could not read")
	}
	if counts && len(page) == 0 {
		page = n.cachedEntries(q.Target, now)
	}
	if counts && len(page) > 0 {
		n.gave(q.Target, now)
	}
	var r krpc.Reply
	if q.Cursor == 0 { // later pages are about the values alone
		n.mu.Lock()
		r = n.closest(from, q.Target)
		n.mu.Unlock()
	}
	r.Entries, r.Next = make([]krpc.Entry, 0, len(page)), next
	for _, e := range page {
		shown := krpc.Entry{
			Value:     e.Value,
			Publisher: e.Publisher,
			Age:       max(0, now.Sub(e.Created)),
			TTL:       e.TTL,
		}
		if q.Any {
			shown.Seq, shown.Signature = e.Seq, e.Signature
		}
		r.Entries = append(r.Entries, shown)
	}
	return r
}

// put is the store's.
func (n *Node) put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error {
	err := n.store.Put(key, e, group, now)
	if err == nil {
		n.holdsSomething()
	}
	if e.Removed {
		n.mu.Lock()
		n.cache.drop(key)
		n.mu.Unlock()
	}
	return err
}

// storeValue answers when the entry is committed. Its publisher is whoever
// proved to be asking, or who has signed it; its age is believed.
func (n *Node) storeValue(from kad.Contact, q krpc.Query) krpc.Reply {
	now := n.clock.Now()
	e := kad.Entry{
		Value:     q.Entry.Value,
		Publisher: q.Entry.Publisher,
		Created:   now.Add(-max(0, q.Entry.Age)),
		TTL:       q.Entry.TTL,
		Seq:       q.Entry.Seq,
		Removed:   q.Entry.Removed,
		Signature: q.Entry.Signature,
	}
	copied := !e.Publisher.IsZero() && e.Publisher != from.Key
	if !copied {
		e.Publisher = from.Key
	}
	switch {
	case !n.tokens.accept(q.Token, from, now):
		return refuse(krpc.CodeBadToken, "token not accepted")
	case len(q.Entry.Value) > n.config.MaxValueSize:
		return refuse(krpc.CodeTooLarge, "value too large")
	case q.Entry.TTL > n.config.MaxValueTTL:
		return refuse(krpc.CodeLifetime, "lifetime too long")
	case e.Removed && len(e.Value) != sha256.Size || e.Signature == kad.Signature{} || (copied || q.Cache) && !n.config.Authentic(q.Target, e):
		return refuse(krpc.CodeSignature, "not signed by its publisher")
	}
	if q.Cache {
		return n.cacheValue(q.Target, e, now)
	}
	err := n.put(q.Target, e, from.Group(), now)
	if err != nil {
		if copied && errors.Is(err, ErrSuperseded) {
			n.correct(from, q.Target)
		}
		reply := asReply(err)
		if reply.Error.Code == krpc.CodeServer {
			n.log.Error("value could not be stored", "key", q.Target, "err", err)
		}
		return reply
	}
	return krpc.Reply{}
}
