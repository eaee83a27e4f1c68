package mainline

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// Each verb is a function that ends with then, which runs once and under the
// lock; blocking and calling back are two ways to hear of it.

// wait blocks until a verb is done.
func wait[T any](n *Node, verb func(then func(T, error))) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	got := make(chan outcome, 1)
	n.mu.Lock()
	verb(func(value T, err error) { got <- outcome{value, err} })
	n.unlock()
	o := <-got
	return o.value, o.err
}

// call has a verb call back.
func call[T any](n *Node, callback func(T, error), verb func(then func(T, error))) {
	n.mu.Lock()
	verb(func(value T, err error) { n.callBack(func() { callback(value, err) }) })
	n.unlock()
}

// callBack runs what a user gave us, off the lock and off the packet loop.
func (n *Node) callBack(f func()) {
	if !n.callbacks.add(f) {
		go f() // the node is closed, and nobody waits any more
	}
}

// askAt puts one question to whoever is at addr. Call it under the lock; then
// runs under the lock, once.
func (n *Node) askAt(ctx context.Context, addr netip.AddrPort, body func(*side) ([]byte, error), then func(kad.Contact, *bep5.Message, error)) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	s := n.sideOf(addr.Addr())
	to := kad.Contact{}.WithAddr(addr)
	switch {
	case n.closed:
		then(to, nil, ErrClosed)
		return
	case ctx.Err() != nil:
		then(to, nil, context.Cause(ctx))
		return
	case s == nil:
		then(to, nil, ErrFamily)
		return
	case !to.Reachable():
		then(to, nil, fmt.Errorf("nobody can be asked at %s", addr))
		return
	}
	b, err := body(s)
	if err != nil {
		then(to, nil, err)
		return
	}
	over := false
	n.running.Add(1)
	forget := context.AfterFunc(ctx, func() {
		defer n.running.Done()
		n.mu.Lock()
		defer n.unlock()
		if !over {
			over = true
			then(to, nil, context.Cause(ctx))
		}
	})
	s.askFor(to, b, false, func(from kad.Contact, m *bep5.Message, err error) {
		if over {
			return
		}
		over = true
		if forget() {
			n.running.Done()
		}
		if n.closed {
			err = ErrClosed
		}
		then(from, m, err)
	})
}

// Ping asks who is at addr.
func (n *Node) Ping(ctx context.Context, addr netip.AddrPort) (kad.Contact, error) {
	return wait(n, func(then func(kad.Contact, error)) { n.ping(ctx, addr, then) })
}

// PingFunc is Ping with a callback.
func (n *Node) PingFunc(ctx context.Context, addr netip.AddrPort, callback func(kad.Contact, error)) {
	call(n, callback, func(then func(kad.Contact, error)) { n.ping(ctx, addr, then) })
}

func (n *Node) ping(ctx context.Context, addr netip.AddrPort, then func(kad.Contact, error)) {
	body := func(s *side) ([]byte, error) { return s.question(bep5.Ping, bep5.Args{}), nil }
	n.askAt(ctx, addr, body, func(from kad.Contact, _ *bep5.Message, err error) {
		then(from, doing("ping", addr, err))
	})
}

func doing(what string, whom any, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %v: %w", what, whom, err)
}

// Reply is the answer to a raw question.
type Reply struct {
	From    kad.Contact
	Version string // of the program that answered, as far as it can be printed
	Raw     []byte // its values, the bencoded dictionary r
	Message bep5.Message
}

// Values decodes Raw. What strangers send can be any of bencode: a string is a
// string of bytes.
func (r Reply) Values() (map[string]any, error) {
	values := make(map[string]any)
	if err := bencode.DecodeBytes(r.Raw, &values); err != nil {
		return nil, fmt.Errorf("decode an answer: %w", err)
	}
	return values, nil
}

// Query asks anything of anybody: method with args, to which the node's ID is
// added unless they have one. A refusal is an *Error.
func (n *Node) Query(ctx context.Context, addr netip.AddrPort, method string, args map[string]any) (Reply, error) {
	return wait(n, func(then func(Reply, error)) { n.query(ctx, addr, method, args, then) })
}

// QueryFunc is Query with a callback.
func (n *Node) QueryFunc(ctx context.Context, addr netip.AddrPort, method string, args map[string]any, callback func(Reply, error)) {
	call(n, callback, func(then func(Reply, error)) { n.query(ctx, addr, method, args, then) })
}

func (n *Node) query(ctx context.Context, addr netip.AddrPort, method string, args map[string]any, then func(Reply, error)) {
	body := func(s *side) ([]byte, error) {
		all := map[string]any{"id": string(s.id[:])}
		for key, value := range args {
			all[key] = value
		}
		return bep5.Question(method, all, n.config.ReadOnly)
	}
	n.askAt(ctx, addr, body, func(from kad.Contact, m *bep5.Message, err error) {
		if err != nil {
			then(Reply{From: from}, doing("ask "+method+" of", addr, err))
			return
		}
		then(newReply(from, m), nil)
	})
}

// newReply copies what it keeps: the packet is not ours.
func newReply(from kad.Contact, m *bep5.Message) Reply {
	r := Reply{From: from, Version: printable(m.Version), Raw: slices.Clone(m.Body)}
	wire := append(append([]byte("d1:r"), r.Raw...), "1:t0:1:y1:re"...)
	_ = bep5.Read(wire, &r.Message)
	return r
}

// FindNode looks for the node target, or those closest to it that answered: up
// to K in each family of addresses, the closest first.
func (n *Node) FindNode(ctx context.Context, target kad.ID) ([]kad.Contact, error) {
	return wait(n, func(then func([]kad.Contact, error)) { n.findNode(ctx, target, then) })
}

// FindNodeFunc is FindNode with a callback.
func (n *Node) FindNodeFunc(ctx context.Context, target kad.ID, callback func([]kad.Contact, error)) {
	call(n, callback, func(then func([]kad.Contact, error)) { n.findNode(ctx, target, then) })
}

func (n *Node) findNode(ctx context.Context, target kad.ID, then func([]kad.Contact, error)) {
	on := func(s *side) *search {
		return &search{target: target, body: s.question(bep5.FindNode, bep5.Args{Target: string(target[:]), Want: s.wanted()})}
	}
	n.everywhere(ctx, on, func(searches []*search, err error) {
		var closest []kad.Contact
		for _, f := range searches {
			closest = append(closest, f.closest()...)
		}
		slices.SortStableFunc(closest, func(a, b kad.Contact) int { return target.CompareDistance(a.ID, b.ID) })
		then(closest, doing("find node", target, err))
	})
}

// everywhere runs a search on each side; done hears when the last has ended,
// and why, if none went well. Call it under the lock.
func (n *Node) everywhere(ctx context.Context, on func(*side) *search, done func([]*search, error)) {
	searches := make([]*search, 0, len(n.sides))
	left := len(n.sides)
	var first error
	well := false
	for _, s := range n.sides {
		f := on(s)
		f.ended = func(err error) {
			switch {
			case err == nil:
				well = true
			case first == nil || first == ErrNoContacts:
				first = err
			}
			if left--; left > 0 {
				return
			}
			if well && ctx.Err() == nil {
				first = nil
			}
			done(searches, first)
		}
		searches = append(searches, f)
	}
	for i, s := range n.sides {
		s.begin(ctx, searches[i])
	}
}
