package khashmir

import (
	"errors"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// maxPings bounds the ping-backs that strangers' questions can set off.
const maxPings = 64

// ask puts a question and lets the table learn from what comes of it. then
// runs under the lock. Call it under the lock.
func (n *Node) ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	sent := n.clock.Now()
	n.counts.asked++
	q.Client = n.config.Client
	n.transport.Ask(to, q, func(r krpc.Reply, err error) {
		n.mu.Lock()
		defer n.unlock()
		if err == nil && r.Error != nil && r.Error.Code == krpc.CodeClient {
			err = ErrClient
		}
		if err != nil {
			n.silent(to, sent, err)
		} else {
			n.heard(to, sent)
		}
		then(r, err)
	})
}

// heard: to has answered.
func (n *Node) heard(to kad.Contact, sent time.Time) {
	now := n.clock.Now()
	n.answered, n.silence = now, 0
	n.late.observe(now.Sub(sent))
	if n.closed || to.ID.IsZero() {
		return
	}
	before, failures, known := n.table.LastSeen(to.ID)
	if known {
		n.lives.lived(now.Sub(before))
	}
	if failures > 0 {
		n.lives.revived()
	}
	if suspect, ok := n.table.Seen(to, now); ok {
		n.ping(suspect)
	}
	if known {
		return
	}
	if _, _, placed := n.table.LastSeen(to.ID); placed {
		n.lost.remove(to.ID)
		n.newcomer(to)
		n.density.met(n.self.ID, to.ID)
		if n.meeting != nil {
			n.goOn()
		}
		n.tell(n.config.Observer.Met, to)
	}
}

// silent: to has not answered. When nobody else has either, shortly before the
// question or since, the fault may well be our own network's, and nobody is
// blamed; nor is a node for an address that was only said to be its own. That
// another node is at its address speaks against it in any case.
func (n *Node) silent(to kad.Contact, sent time.Time, err error) {
	n.counts.silent++
	known, ok := n.table.Get(to.ID)
	if ok { // that others are dead says nothing of our own network
		n.silence++
	}
	switch {
	case n.closed || ok && known != to:
	case blameless(err) || n.answered.Before(sent.Add(-kad.Witness)) && !errors.Is(err, ErrWrongID):
		n.table.Excused(to.ID)
	default:
		now := n.clock.Now()
		if seen, failures, ok := n.table.LastSeen(to.ID); ok && failures == 0 {
			n.lives.died(now.Sub(seen))
		}
		if n.table.Failed(to.ID) && ok {
			n.lives.settled()
			n.lost.add(known, now, now.Add(n.config.MaintainInterval))
			n.tell(n.config.Observer.Lost, known)
		}
	}
}

// ping asks c for a sign of life; the table learns from the answer. At most
// one is under way for a contact, and a bounded number in all.
func (n *Node) ping(c kad.Contact) {
	if n.closed || len(n.pings) >= maxPings || slices.Contains(n.pings, c.ID) {
		return
	}
	n.pings = append(n.pings, c.ID)
	n.ask(c, krpc.Query{Method: krpc.Ping}, func(krpc.Reply, error) {
		if i := slices.Index(n.pings, c.ID); i >= 0 {
			n.pings = slices.Delete(n.pings, i, i+1)
		}
	})
}
