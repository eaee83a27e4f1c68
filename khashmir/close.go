package khashmir

import "slices"

// Leave begins to leave politely: what this node holds is handed over to those
// who take its place, as far as they lack it, for Config.LeaveTimeout at the
// most. Then it runs callback, once. Close, which does all of this, ends it.
func (n *Node) Leave(callback func()) {
	held := n.holdings()
	n.mu.Lock()
	defer n.leave()
	l := &n.leaving
	l.callbacks = append(l.callbacks, callback)
	switch {
	case n.closed, l.over, held.nothing && !l.begun, n.table.Len() == 0 && !l.begun:
		n.left()
	case !l.begun:
		l.begun = true
		l.stop = n.afterFunc(n.config.LeaveTimeout, func() {
			n.mu.Lock()
			defer n.unlock()
			n.left()
		})
		// A last round in which this node does not count itself.
		n.replicate(&round{replicas: n.config.Replicas + 1, held: held, thorough: true, over: n.left})
	}
}

// leaving is what becomes of Leave.
type leaving struct {
	begun, over bool
	stop        func() bool // the timer's that cuts it short
	callbacks   []func()
}

// left: there is nothing more to hand over, or no time. Call it under the lock.
func (n *Node) left() {
	l := &n.leaving
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	l.over = true
	n.after = append(n.after, l.callbacks...)
	l.callbacks = nil
}

// Close leaves, see Leave; then every call in progress ends with ErrClosed, the
// contacts are saved, and Close returns when every goroutine is gone. A second
// Close waits for the first and says ErrClosed.
func (n *Node) Close() error {
	left := make(chan struct{})
	n.Leave(func() { close(left) })
	<-left
	return n.end(true)
}

// Abort closes the node as a crash would, but for the order in its own house:
// nothing is handed over and nothing saved. It cuts short a Close.
func (n *Node) Abort() error { return n.end(false) }

func (n *Node) end(saving bool) error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		<-n.gone
		return ErrClosed
	}
	defer close(n.gone)
	n.closed = true
	n.left()
	n.endLife()
	if n.alarm.stop != nil {
		n.alarm.stop()
	}
	if n.meeting != nil {
		n.meeting()
	}
	if n.neighbours.waiting != nil {
		n.neighbours.waiting()
	}
	for _, c := range slices.Clone(n.calls) {
		c.end(ErrClosed)
	}
	contacts := n.contactsToSave()
	n.unlock()

	err := n.transport.Close()
	n.running.Wait()
	if saving {
		if failed := n.saveContacts(contacts); err == nil {
			err = failed
		}
	}
	if failed := n.store.Close(); err == nil {
		err = failed
	}
	return err
}
