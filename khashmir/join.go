package khashmir

import (
	"context"
	"net/netip"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// rejoin asks the saved contacts and who is at the addresses of Config.Bootstrap for
// a sign of life, alpha at a time of each: either may all be dead, which costs nothing
// but their time-out. A name is resolved by itself: none holds up another.
func (n *Node) rejoin(saved []kad.Contact) {
	left := 2
	over := func() {
		if left--; left == 0 {
			n.joined()
		}
	}
	known := &joining{node: n, contacts: saved, over: over}
	named := &joining{node: n, resolving: 1 + len(n.config.Bootstrap), over: over}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return
	}
	known.next()
	var addrs []string
	for _, addr := range n.config.Bootstrap {
		if _, err := netip.ParseAddrPort(addr); err == nil {
			addrs = append(addrs, addr)
		} else {
			n.afterFunc(0, func() { named.resolve(addr) })
		}
	}
	n.unlock()
	for _, addr := range addrs {
		named.resolve(addr)
	}
	n.mu.Lock()
	defer n.unlock()
	named.resolving--
	named.next()
}

// joined: those who were asked for a sign of life have answered or are given up, or a
// newcomer waits for them no longer. Now it looks for its neighbours. Call it under the
// lock.
func (n *Node) joined() {
	if n.meeting != nil {
		n.meeting()
		n.meeting = nil
		n.goOn()
	}
	if n.table.Len() > 0 && !n.closed {
		n.settle(context.Background(), func([]kad.Contact, error) {})
	}
}

// joining is a list of contacts being asked for a sign of life.
type joining struct {
	node      *Node
	contacts  []kad.Contact // still to be asked
	resolving int           // addresses, and one while they are gone through: there may be more contacts
	asked     int           // have not answered yet
	over      func()
}

// resolve finds out where addr is.
func (j *joining) resolve(addr string) {
	n := j.node
	at, err := resolve(n.life, addr)
	if err != nil {
		n.log.Warn("bootstrap contact left out", "addr", addr, "err", err)
	}
	n.mu.Lock()
	defer n.unlock()
	if j.resolving--; err == nil {
		j.contacts = append(j.contacts, at)
	}
	j.next()
}

// next asks the next contacts; with the last of them it is over.
func (j *joining) next() {
	for j.asked < j.node.config.Alpha && !j.node.closed && len(j.contacts) > 0 {
		to := j.contacts[0]
		j.contacts = j.contacts[1:]
		j.ask(to)
	}
	if j.asked == 0 && j.resolving == 0 && !j.node.closed {
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

// goOn has the lookups go on that have waited for somebody to ask.
func (n *Node) goOn() {
	for _, c := range slices.Clone(n.calls) {
		if !c.over && !c.complete && c.lookup.Done() {
			c.step()
		}
	}
}
