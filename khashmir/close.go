package khashmir

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// Close leaves politely: what this node holds is handed over to those who take
// its place, as far as they lack it, for Config.LeaveTimeout at the most. Then
// every call in progress ends with ErrClosed, the contacts are saved, and Close
// returns when every goroutine is gone. A second Close waits for the first and
// says ErrClosed.
func (n *Node) Close() error {
	n.handOver()
	return n.end(true)
}

// Abort closes the node as a crash would, but for the order in its own house:
// nothing is handed over and nothing saved. It cuts short a Close.
func (n *Node) Abort() error {
	n.mu.Lock()
	if n.left != nil {
		n.left()
	}
	n.unlock()
	return n.end(false)
}

// handOver is a last round in which this node does not count itself.
func (n *Node) handOver() {
	empty := n.holdsNothing()
	n.mu.Lock()
	if n.closed || n.left != nil || empty || n.table.Len() == 0 {
		n.unlock()
		return
	}
	left := make(chan struct{})
	n.left = sync.OnceFunc(func() { close(left) })
	stop := n.afterFunc(n.config.LeaveTimeout, n.left)
	n.replicate(&round{replicas: n.config.Replicas + 1, over: n.left})
	n.unlock()
	<-left
	stop()
}

func (n *Node) end(saving bool) error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		<-n.gone
		return ErrClosed
	}
	defer close(n.gone)
	n.closed = true
	n.endLife()
	for _, stop := range n.timers {
		stop()
	}
	if n.neighbours.waiting != nil {
		n.neighbours.waiting()
	}
	inOrder := func(a, b *call) int { return cmp.Compare(a.number, b.number) }
	for _, c := range slices.SortedFunc(maps.Keys(n.calls), inOrder) {
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
