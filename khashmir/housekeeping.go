package khashmir

import (
	"context"
	"time"

	kad "github.com/khashmir/kad"
)

// chore is what a node does again and again. All are guarded by the lock, under
// which none is done.
type chore struct {
	every time.Duration
	do    func(*Node)
	due   time.Time
	busy  bool // it is being done
}

const (
	maintaining  = iota
	comparing    // which sets its time itself, for it is not always the same
	republishing // from here on the disk is needed
	expiring
	checkpointing
	chores
)

// startHousekeeping sets the timer for what keeps the neighbours the same, the table
// fresh, the disk swept and the contacts saved, and asks the saved and named
// contacts for a sign of life. Call it under the lock.
func (n *Node) startHousekeeping(saved []kad.Contact) {
	n.chores = [chores]chore{
		maintaining:   {every: n.config.MaintainInterval, do: (*Node).maintain},
		comparing:     {every: n.soon(), do: (*Node).nextRound},
		republishing:  {every: n.config.RepublishInterval, do: (*Node).republish},
		expiring:      {every: n.config.ExpireInterval, do: (*Node).expire},
		checkpointing: {every: n.config.CheckpointInterval, do: (*Node).checkpoint},
	}
	now, part := n.clock.Now(), n.clock.Uint64()%256
	minute := firstWait(n.config.MaintainInterval, part)
	for i := range n.chores {
		c := &n.chores[i]
		first := firstWait(c.every, part)
		first -= max(0, first-minute) % n.config.MaintainInterval // to wake up once for all of them
		c.due = now.Add(first)
	}
	n.neighbours.asked = n.chores[comparing].due
	n.setAlarm()
	if len(saved) > 0 || len(n.config.Bootstrap) > 0 {
		n.meeting = n.afterFunc(kad.MeetTimeout, func() {
			n.mu.Lock()
			defer n.unlock()
			n.joined()
		})
		n.afterFunc(0, func() { n.rejoin(saved) })
	}
}

// firstWait is until something that is done every so often is done first: half of
// the interval, and a part of the other half in 256ths, so that nodes started
// together do not keep step.
func firstWait(interval time.Duration, part uint64) time.Duration {
	return interval/2 + interval/512*time.Duration(part)
}

// isDue reports whether c is due, or will be in a moment; and if it is far off, for
// then the clock has been set back.
func (c *chore) isDue(now time.Time) bool {
	wait := c.due.Sub(now)
	return wait <= aMoment(c.every) || wait > c.every
}

// aMoment is by how much something that is done every so often may come early, to
// be done with the rest.
func aMoment(interval time.Duration) time.Duration { return min(time.Second, interval/8) }

// alarm is the timer for the next chore.
type alarm struct {
	at   time.Time
	stop func() bool // nil once it went off
}

// setAlarm sets the timer for what is due next, if it is not set for then. Call it
// under the lock.
func (n *Node) setAlarm() {
	next := n.chores[0].due
	for i := range n.chores {
		if due := n.chores[i].due; due.Before(next) {
			next = due
		}
	}
	if n.alarm.stop != nil {
		if n.alarm.at.Equal(next) {
			return
		}
		n.alarm.stop()
	}
	n.alarm = alarm{next, n.afterFunc(max(0, next.Sub(n.clock.Now())), n.keepHouse)}
}

// keepHouse does what is due, one after another: mostly a node wakes up once a
// minute. The timer for the next is set before. So one that takes long, on a disk that
// hangs, say, holds up those behind it in the row until then, and no others.
func (n *Node) keepHouse() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	now := n.clock.Now()
	var row [chores]time.Time // when each is due next, if it is now
	for i := range n.chores {
		if c := &n.chores[i]; c.isDue(now) {
			c.due = now.Add(c.every)
			row[i] = c.due
		}
	}
	n.alarm.stop = nil
	n.setAlarm()
	for i := range n.chores {
		c := &n.chores[i]
		if c.busy || !c.due.Equal(row[i]) { // another row has come by in the meantime
			continue
		}
		c.busy = true
		n.mu.Unlock()
		c.do(n)
		n.mu.Lock()
		c.busy = false
		if n.closed {
			return
		}
	}
	n.setAlarm()
}

// maintain looks one stale bucket up again, or joins anew when the table has
// run empty or nobody in it answers any more. The first contacts of a node that
// others have found are saved here: they may be all that it has after a crash.
func (n *Node) maintain() {
	n.mu.Lock()
	if !n.closed && n.table.Len() > 0 && n.saved.CompareAndSwap(false, true) {
		n.afterFunc(0, n.checkpoint)
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
	c.young = n.clock.Now().Sub(n.opened) < kad.SettledFor
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
