package testnet

import (
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// cut goes through the network, whatever it talks over: while it is there, no
// question crosses it.
type cut struct {
	mu    sync.Mutex
	sides map[netip.AddrPort]int // empty: there is none
}

// set puts the cut between the sides; nil mends it.
func (c *cut) set(sides map[netip.AddrPort]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sides = sides
}

func (c *cut) parts(a, b netip.AddrPort) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sides[a] != c.sides[b]
}

// divide makes t feel the cut.
func (c *cut) divide(t khashmir.Transport) khashmir.Transport {
	return &divided{Transport: t, cut: c, met: make(map[netip.AddrPort]bool), silent: make(map[*question]bool)}
}

// divided is a transport that the cut goes through. Who asks across it hears
// nothing, for as long as it would wait for somebody who is silent.
type divided struct {
	khashmir.Transport
	cut *cut

	mu      sync.Mutex
	met     map[netip.AddrPort]bool // who has answered
	silent  map[*question]bool      // without an answer, waiting for their time
	running sync.WaitGroup          // them
}

type question struct {
	timer *time.Timer
	then  func(krpc.Reply, error)
}

func (d *divided) Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	if d.cut.parts(d.Addr(), to.Addr()) {
		d.wait(to, then)
		return
	}
	d.Transport.Ask(to, q, func(r krpc.Reply, err error) {
		if err == nil {
			d.mu.Lock()
			d.met[to.Addr()] = true
			d.mu.Unlock()
		}
		then(r, err)
	})
}

// wait is how a question that is lost ends. On one machine a known contact's
// time-out is always the least.
func (d *divided) wait(to kad.Contact, then func(krpc.Reply, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	patience := kad.FirstTimeout
	if d.met[to.Addr()] {
		patience = kad.MinTimeout
	}
	lost := &question{then: then}
	d.silent[lost] = true
	d.running.Add(1)
	lost.timer = time.AfterFunc(patience, func() { d.end(lost, transport.ErrTimeout) })
}

func (d *divided) end(q *question, why error) {
	d.mu.Lock()
	waiting := d.silent[q]
	delete(d.silent, q)
	d.mu.Unlock()
	if waiting {
		q.timer.Stop()
		q.then(krpc.Reply{}, why)
		d.running.Done()
	}
}

// Close ends what still waits. The node asks nothing more when it closes.
func (d *divided) Close() error {
	d.mu.Lock()
	for q := range d.silent {
		go d.end(q, transport.ErrClosed)
	}
	d.mu.Unlock()
	d.running.Wait()
	return d.Transport.Close()
}
