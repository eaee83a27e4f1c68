package khashmir

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// AddContact asks who is at addr ("host:port"), has it prove its identity and
// returns it. It then has a place in the routing table, or waits for one.
func (n *Node) AddContact(ctx context.Context, addr string) (Contact, error) {
	at, err := resolve(ctx, addr)
	if err != nil {
		return Contact{}, fmt.Errorf("add contact: %w", err)
	}
	c, err := n.introduce(ctx, at)
	if err != nil {
		return Contact{}, fmt.Errorf("add contact %s: %w", addr, err)
	}
	return c, nil
}

// introduce asks twice: whoever is there for its key, then the holder of that
// key for an answer. The second answer is proof; the first is hearsay.
func (n *Node) introduce(ctx context.Context, at kad.Contact) (kad.Contact, error) {
	r, err := n.askAndWait(ctx, at, krpc.Query{Method: krpc.Ping, Who: true})
	if err != nil {
		return kad.Contact{}, err
	}
	c := kad.NewContact(r.Key, at.V4, at.V6)
	switch {
	case r.Key.IsZero():
		return kad.Contact{}, errNameless
	case c.ID == n.self.ID:
		return kad.Contact{}, ErrSelf
	}
	_, err = n.askAndWait(ctx, c, krpc.Query{Method: krpc.Ping})
	return c, err
}

// askAndWait is ask for those who prefer to block.
func (n *Node) askAndWait(ctx context.Context, to kad.Contact, q krpc.Query) (krpc.Reply, error) {
	type answer struct {
		reply krpc.Reply
		err   error
	}
	got := make(chan answer, 1)
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return krpc.Reply{}, ErrClosed
	}
	n.ask(to, q, func(r krpc.Reply, err error) {
		switch {
		case n.closed:
			err = ErrClosed
		case err == nil && r.Error != nil:
			err = refusal(r.Error)
		}
		got <- answer{r, err}
	})
	n.leave()
	select {
	case a := <-got:
		return a.reply, a.err
	case <-ctx.Done():
		return krpc.Reply{}, context.Cause(ctx)
	}
}

func resolve(ctx context.Context, addr string) (kad.Contact, error) {
	if at, err := netip.ParseAddrPort(addr); err == nil {
		return usable(addr, kad.Contact{}.WithAddr(at))
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return kad.Contact{}, fmt.Errorf("%q is not host:port", addr)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return kad.Contact{}, fmt.Errorf("%q has no port number", addr)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return kad.Contact{}, fmt.Errorf("host %q is not known", host)
	}
	var c kad.Contact
	for _, ip := range ips {
		c = c.WithAddr(netip.AddrPortFrom(ip, uint16(port)))
	}
	return usable(addr, c)
}

func usable(addr string, c kad.Contact) (kad.Contact, error) {
	if !c.Reachable() {
		return c, fmt.Errorf("%q is no address to ask at", addr)
	}
	return c, nil
}

// ContactsForID looks for the node with this ID and then runs callback, once,
// with the up to K contacts closest to it that answered, closest first; the
// first is the node itself if it was found. There are contacts even where
// there is an error. It returns at once.
func (n *Node) ContactsForID(ctx context.Context, id ID, callback func([]Contact, error)) {
	n.mu.Lock()
	defer n.leave()
	n.findNode(ctx, id, func(closest []Contact, err error) {
		n.after = append(n.after, func() { callback(closest, err) })
	})
}

// FindNode is ContactsForID for those who prefer to block.
func (n *Node) FindNode(ctx context.Context, id ID) ([]Contact, error) {
	type result struct {
		closest []Contact
		err     error
	}
	got := make(chan result, 1)
	n.ContactsForID(ctx, id, func(closest []Contact, err error) { got <- result{closest, err} })
	r := <-got
	return r.closest, r.err
}

// FindCloseNodes joins, the second step after AddContact: it looks for the node's
// own neighbours, which it returns, and so makes it known to them, and then into
// the farthest ranges of its table. The first time, the contacts are saved at once:
// a crash a moment later finds the way back.
func (n *Node) FindCloseNodes(ctx context.Context) ([]Contact, error) {
	type result struct {
		closest []Contact
		err     error
	}
	got := make(chan result, 1)
	n.mu.Lock()
	n.settle(ctx, func(closest []Contact, err error) {
		n.after = append(n.after, func() { got <- result{closest, err} })
	})
	n.leave()
	r := <-got
	return r.closest, r.err
}

// findNode runs then under the lock, exactly once.
func (n *Node) findNode(ctx context.Context, id kad.ID, then func([]kad.Contact, error)) {
	n.begin(ctx, findCall(id, then))
}

// findCall is a lookup of a node that has not begun.
func findCall(id kad.ID, then func([]kad.Contact, error)) *call {
	c := &call{query: krpc.Query{Method: krpc.FindNode, Target: id}}
	c.found = func() { c.end(c.err()) }
	c.ended = func(err error) { then(c.others(), err) }
	return c
}

// findAround looks for no more than the kad.StrayWidth contacts closest to id, which
// takes two or three questions where the table reaches as far, and runs then with them
// and all that were heard of on the way: the closest first, not all of whom need live.
// then runs under the lock, exactly once.
func (n *Node) findAround(id kad.ID, then func([]kad.Contact, error)) {
	c := findCall(id, nil)
	c.narrow, c.aside = kad.StrayWidth, true
	c.ended = func(err error) {
		if c.number == 0 {
			then(nil, err)
			return
		}
		then(append(c.others(), c.lookup.Spares()...), err)
	}
	n.begin(context.Background(), c)
}

// others is what the lookup found but for this node.
func (c *call) others() []kad.Contact {
	if c.number == 0 {
		return nil
	}
	return slices.DeleteFunc(c.closest(), func(o kad.Contact) bool { return o.ID == c.node.self.ID })
}

// closest is what the lookup found: K, of one that looked for more too.
func (c *call) closest() []kad.Contact {
	closest := c.lookup.Closest()
	if k := c.node.config.K; c.width() > k {
		closest = closest[:min(k, len(closest))]
	}
	return closest
}
