package khashmir

import (
	"context"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// rejoin asks who is at the addresses of Config.Bootstrap and pings the saved
// contacts, alpha at a time; then it looks for its own neighbours. The dead ones
// cost nothing but their time-out. Node.joins has counted it.
func (n *Node) rejoin(saved []kad.Contact) {
	j := &joining{node: n, busy: n.config.Alpha}
	for _, addr := range n.config.Bootstrap {
		at, err := resolve(n.life, addr)
		if err != nil {
			n.log.Warn("bootstrap contact left out", "addr", addr, "err", err)
			continue
		}
		j.contacts = append(j.contacts, at)
	}
	j.contacts = append(j.contacts, saved...)
	n.mu.Lock()
	defer n.unlock()
	for range n.config.Alpha {
		j.next()
	}
}

// joining is a list of contacts being asked for a sign of life.
type joining struct {
	node     *Node
	contacts []kad.Contact
	busy     int
}

// next asks the next contact, if there is one.
func (j *joining) next() {
	n := j.node
	if n.closed {
		return
	}
	if len(j.contacts) == 0 {
		if j.busy--; j.busy == 0 {
			j.over()
		}
		return
	}
	to := j.contacts[0]
	j.contacts = j.contacts[1:]
	unknown := to.ID.IsZero()
	n.ask(to, krpc.Query{Method: krpc.Ping, Who: unknown}, func(r krpc.Reply, err error) {
		if err == nil && unknown && r.Key.IsZero() {
			err = errNameless
		}
		switch {
		case err != nil:
			n.log.Info("contact did not answer", "contact", to, "err", err)
			if now := n.clock.Now(); !unknown { // it may be up later than we
				n.lost.add(to, now, now.Add(n.config.MaintainInterval))
			}
		case unknown && r.Key != n.self.Key:
			// Whoever is there has named its key; now it has to prove it.
			j.contacts = slices.Insert(j.contacts, 0, kad.NewContact(r.Key, to.V4, to.V6))
		}
		j.next()
	})
}

// over: the last of them is through.
func (j *joining) over() {
	n := j.node
	if n.joins--; n.table.Len() > 0 {
		n.settle(context.Background(), func([]kad.Contact, error) {})
	}
	n.setOut()
}

// awaits reports whether the call waits, for no longer than kad.MeetTimeout: nobody is
// known, and contacts are being asked for a sign of life.
func (c *call) awaits() bool {
	n := c.node
	if n.joins == 0 || n.table.Len() > 0 {
		return false
	}
	c.unmeet = n.afterFunc(kad.MeetTimeout, func() {
		n.mu.Lock()
		defer n.unlock()
		c.met()
	})
	return true
}

// met: the call waits for nobody, if it still does.
func (c *call) met() {
	if c.unmeet == nil {
		return
	}
	c.unmeet()
	c.unmeet = nil
	c.setOut()
}

// setOut begins the lookups that wait for somebody to ask.
func (n *Node) setOut() {
	for _, c := range slices.Clone(n.calls) {
		c.met()
	}
}
