package khashmir

// outbox runs a caller's functions one after another, in order, without the
// lock. It is guarded by the node's lock.
type outbox struct {
	queue []func()
	busy  bool
}

// post leaves f to be run once the lock is released, after all that was posted
// to out before. Call it under the lock.
func (n *Node) post(out *outbox, f func()) {
	out.queue = append(out.queue, f)
	if !out.busy {
		out.busy = true
		n.after = append(n.after, func() { n.deliver(out) })
	}
}

// deliver empties out. Another goroutine may post meanwhile; the one that
// found out idle delivers for both, so the order holds.
func (n *Node) deliver(out *outbox) {
	for {
		n.mu.Lock()
		if len(out.queue) == 0 {
			out.busy = false
			n.unlock()
			return
		}
		f := out.queue[0]
		out.queue = out.queue[1:]
		n.unlock()
		f()
	}
}
