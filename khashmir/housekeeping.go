package khashmir

import (
	"context"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// chore is what a node does again and again.
type chore struct {
	every time.Duration
	do    func(*Node)
	due   time.Time
}

// startHousekeeping sets the timer for what keeps the table fresh, the disk swept,
// the contacts saved and the neighbours the same, and asks the saved and named
// contacts for a sign of life. Call it under the lock.
func (n *Node) startHousekeeping(saved []kad.Contact) {
	n.chores = [...]chore{
		{every: n.config.MaintainInterval, do: (*Node).maintain},
		{every: n.config.RepublishInterval, do: (*Node).republish},
		{every: n.config.ExpireInterval, do: (*Node).expire},
		{every: n.config.CheckpointInterval, do: (*Node).checkpoint},
	}
	now, part := n.clock.Now(), n.clock.Uint64()%256
	minute := firstWait(n.config.MaintainInterval, part)
	wait := min(minute, firstWait(n.soon(), part)) // a node that slept catches up
	for i := range n.chores {
		c := &n.chores[i]
		first := firstWait(c.every, part)
		first -= max(0, first-minute) % n.config.MaintainInterval // to wake up once for all of them
		c.due, wait = now.Add(first), min(wait, first)
	}
	n.housekeeping = n.afterFunc(wait, n.keepHouse)
	if len(saved) > 0 || len(n.config.Bootstrap) > 0 {
		n.afterFunc(0, func() { n.rejoin(saved) })
	}
}

// firstWait is until something that is done every so often is done first: half of
// the interval, and a part of the other half in 256ths, so that nodes started
// together do not keep step.
func firstWait(interval time.Duration, part uint64) time.Duration {
	return interval/2 + interval/512*time.Duration(part)
}

// keepHouse does what is due, or is so in a moment, one after another, and sets the
// timer for the next: mostly a node wakes up once a minute.
func (n *Node) keepHouse() {
	for i := range n.chores {
		c := &n.chores[i]
		if early := min(time.Second, c.every/8); !n.clock.Now().Before(c.due.Add(-early)) {
			c.do(n)
			c.due = n.clock.Now().Add(c.every)
		}
	}
	wait := n.nextRound()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	now := n.clock.Now()
	for i := range n.chores {
		wait = min(wait, n.chores[i].due.Sub(now))
	}
	n.housekeeping = n.afterFunc(max(0, wait), n.keepHouse)
}

// maintain looks one stale bucket up again, or joins anew when the table has
// run empty or nobody in it answers any more. The first contacts of a node that
// others have found are saved here: they may be all that it has after a crash.
func (n *Node) maintain() {
	n.mu.Lock()
	if !n.closed && n.table.Len() > 0 && n.saved.CompareAndSwap(false, true) {
		n.after = append(n.after, n.checkpoint)
	}
	alone := n.table.Len() == 0 || n.silence >= n.alone()
	if !n.closed {
		n.askLost()
	}
	if !alone && !n.closed {
		if stale := n.table.Stale(n.clock.Now(), n.config.BucketStaleness); len(stale) > 0 {
			n.refresh(stale[0])
		}
	}
	n.unlock()
	if alone {
		saved, err := n.store.Contacts()
		if err != nil {
			n.log.Warn("saved contacts could not be read", "err", err)
		}
		n.rejoin(saved)
	}
}

// refresh looks into the range of a bucket: narrowly where there are K already, of whom
// some may be dead by now; but around the node itself nobody is to be missed. Call it
// under the lock.
func (n *Node) refresh(r kad.Range) {
	target := kad.RandomInRange(r.Prefix, r.Bits, n.clock)
	c := findCall(target, func([]kad.Contact, error) {})
	if !n.table.Short(target) && !r.Contains(n.self.ID) {
		c.narrow = kad.RefreshWidth
	}
	n.begin(context.Background(), c)
}

// alone is after how many silent contacts in a row nobody seems to be there any
// more: half of all we have, if they are few. Where many come and go three in a row
// mean nothing.
func (n *Node) alone() int {
	return max(n.config.MaxFailures, min(n.table.Len()/2, 2*n.config.K))
}

// rejoin pings the saved contacts, alpha at a time, and asks who is at the
// addresses of Config.Bootstrap; then it looks for its own neighbours. The
// dead ones cost nothing but their time-out.
func (n *Node) rejoin(saved []kad.Contact) {
	j := &joining{node: n, contacts: saved}
	for _, addr := range n.config.Bootstrap {
		at, err := resolve(n.life, addr)
		if err != nil {
			n.log.Warn("bootstrap contact left out", "addr", addr, "err", err)
			continue
		}
		j.contacts = append(j.contacts, at)
	}
	n.mu.Lock()
	defer n.unlock()
	for range n.config.Alpha {
		j.busy++
		j.next()
	}
}

// joining is a list of contacts being asked for a sign of life.
type joining struct {
	node     *Node
	contacts []kad.Contact
	busy     int
}

// next asks the next contact, or, when the last of them is through, looks for
// the node's neighbours.
func (j *joining) next() {
	n := j.node
	if n.closed {
		return
	}
	if len(j.contacts) == 0 {
		j.busy--
		if j.busy == 0 && n.table.Len() > 0 {
			n.settle(context.Background(), func([]kad.Contact, error) {})
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
			j.contacts = append(j.contacts, kad.NewContact(r.Key, to.V4, to.V6))
		}
		j.next()
	})
}

// checkpoint saves the contacts.
func (n *Node) checkpoint() {
	n.mu.Lock()
	contacts, closed := n.contactsToSave(), n.closed
	n.mu.Unlock()
	if closed {
		return // Close saves them
	}
	if err := n.saveContacts(contacts); err != nil {
		n.log.Error("contacts could not be saved", "err", err)
	}
}

// contactsToSave is the table, near buckets first, as far as a checkpoint
// goes. Call it under the lock.
func (n *Node) contactsToSave() []kad.Contact {
	return n.table.Nearest(nil, kad.SavedContacts)
}

// saveContacts leaves the last checkpoint alone when there is nothing to save:
// contacts that were alive once are better than none.
func (n *Node) saveContacts(contacts []kad.Contact) error {
	if len(contacts) == 0 {
		return nil
	}
	return n.store.SaveContacts(contacts)
}

// expire sweeps the disk in slices, so that no writer waits long.
func (n *Node) expire() {
	for {
		dropped, err := n.store.Expire(n.clock.Now(), kad.ExpireSlice)
		if err != nil {
			n.log.Error("expired entries could not be dropped", "err", err)
		}
		n.mu.Lock()
		n.counts.expired += dropped
		stop := n.closed || err != nil || dropped < kad.ExpireSlice
		n.mu.Unlock()
		if stop {
			return
		}
	}
}
