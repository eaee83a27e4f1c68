package khashmir

import (
	"context"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// rejoin asks the saved contacts and who is at the addresses of Config.Bootstrap for
// a sign of life, alpha at a time of each: either may all be dead. Then it runs met,
// under the lock, and looks for the node's own neighbours. The dead ones cost nothing
// but their time-out.
func (n *Node) rejoin(saved []kad.Contact, met func()) {
	left := 2
	over := func() {
		if left--; left > 0 {
			return
		}
		met()
		if n.table.Len() > 0 {
			n.settle(context.Background(), func([]kad.Contact, error) {})
		}
	}
	n.mu.Lock()
	known := &joining{node: n, contacts: saved, over: over}
	known.next()
	n.unlock()
	named := &joining{node: n, resolving: true, over: over}
	for _, addr := range n.config.Bootstrap {
		at, err := resolve(n.life, addr)
		if err != nil {
			n.log.Warn("bootstrap contact left out", "addr", addr, "err", err)
			continue
		}
		n.mu.Lock()
		named.contacts = append(named.contacts, at)
		named.next()
		n.unlock()
	}
	n.mu.Lock()
	defer n.unlock()
	named.resolving = false
	named.next()
}

// joining is a list of contacts being asked for a sign of life.
type joining struct {
	node      *Node
	contacts  []kad.Contact // still to be asked
	resolving bool          // there may be more
	asked     int           // have not answered yet
	over      func()
}

// next asks the next contacts; with the last of them it is over.
func (j *joining) next() {
	for j.asked < j.node.config.Alpha && !j.node.closed && len(j.contacts) > 0 {
		to := j.contacts[0]
		j.contacts = j.contacts[1:]
		j.ask(to)
	}
	if j.asked == 0 && !j.resolving && !j.node.closed {
		j.over()
	}
}

func (j *joining) ask(to kad.Contact) {
	n, unknown := j.node, to.ID.IsZero()
	j.asked++
	n.ask(to, krpc.Query{Method: krpc.Ping, Who: unknown}, func(r krpc.Reply, err error) {
		j.asked--
		if err == nil && unknown && r.Key.IsZero() {
			err = errNameless
		}
		switch {
		case n.closed:
		case err != nil:
			n.log.Info("contact did not answer", "contact", to, "err", err)
			if now := n.clock.Now(); !unknown { // it may be up later than we
				n.lost.add(to, now, now.Add(n.config.MaintainInterval))
			}
		case unknown && r.Key != n.self.Key:
			// Whoever is there has named its key; now it has to prove it.
			j.ask(kad.NewContact(r.Key, to.V4, to.V6))
		}
		j.next()
	})
}

// met: the contacts that the node was started with have answered, are given up, or are
// waited for no longer.
func (n *Node) met() {
	if n.meeting != nil {
		n.meeting()
		n.meeting = nil
		n.goOn()
	}
}

// goOn has the lookups go on that have waited for somebody to ask.
func (n *Node) goOn() {
	for _, c := range slices.Clone(n.calls) {
		if !c.over && !c.complete && c.lookup.Done() {
			c.step()
		}
	}
}
