package transport

import (
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
)

// grace is how long a connection is spared after use: the other end may have
// sent more questions that are still on their way.
const grace = 100 * time.Millisecond

// pool holds the open connections of a node and decides which to use and
// which to close. It does no I/O: whoever changes it gets the connections to
// close, and closes them with the lock released.
type pool struct {
	self  kad.ID
	quiet int    // idle connections are closed beyond this many
	most  int    // busy ones are refused beyond this many
	trim  func() // called later when there may be surplus; it takes it

	mu     sync.Mutex
	closed bool
	later  *time.Timer              // trims what is still spared
	open   map[*conn]struct{}       // all
	byID   map[kad.ID]*conn         // the one to ask on
	byAddr map[netip.AddrPort]*conn // the same ones, for contacts that are only an address
	dials  map[dialKey]*dial
}

// dialKey is what a dial is for: questions to the same share one.
type dialKey struct {
	id     kad.ID
	v4, v6 netip.AddrPort
}

// dial is a connection being made. The fields below done are set when it
// closes.
type dial struct {
	key     dialKey
	waiting int // questions to count on the connection, guarded by pool.mu
	done    chan struct{}
	conn    *conn
	err     error
}

func newPool(self kad.ID, quiet, most int) *pool {
	return &pool{
		self:   self,
		quiet:  quiet,
		most:   most,
		open:   make(map[*conn]struct{}),
		byID:   make(map[kad.ID]*conn),
		byAddr: make(map[netip.AddrPort]*conn),
		dials:  make(map[dialKey]*dial),
	}
}

// join counts one more question to the contact. It gives the connection to
// ask on; or the dial to wait for, which the first to join it must make; or
// why there will be neither.
func (p *pool) join(id kad.ID, to kad.Contact) (c *conn, d *dial, first bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, false, ErrClosed
	}
	if c, ok := p.find(id, to); ok {
		p.use(c)
		return c, nil, false, nil
	}
	key := dialKey{id: id, v4: to.V4, v6: to.V6}
	if d, ok := p.dials[key]; ok {
		d.waiting++
		return nil, d, false, nil
	}
	if p.full() {
		return nil, nil, false, ErrBusy
	}
	d = &dial{key: key, waiting: 1, done: make(chan struct{})}
	p.dials[key] = d
	return nil, d, true, nil
}

func (p *pool) find(id kad.ID, to kad.Contact) (*conn, bool) {
	if !id.IsZero() {
		c, ok := p.byID[id]
		return c, ok
	}
	for _, addr := range [...]netip.AddrPort{to.V4, to.V6} {
		if c, ok := p.byAddr[addr]; ok {
			return c, true
		}
	}
	return nil, false
}

// dialled ends a dial, with a connection or an error. All questions that
// joined it are on the connection before anything can close it.
func (p *pool) dialled(d *dial, c *conn, err error) (surplus []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.dials, d.key)
	if err == nil && p.closed {
		surplus, err = []*conn{c}, ErrClosed
		c.farewell = codeClosing
	}
	d.conn, d.err = c, err
	if err == nil {
		c.busy, c.used = d.waiting, true
		surplus = p.add(c)
	}
	close(d.done)
	return surplus
}

// accepted adds a connection that another node made.
func (p *pool) accepted(c *conn) (surplus []*conn, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.full() {
		return nil, false
	}
	return p.add(c), true
}

// add makes c the connection to ask its node on, or retires it if the one
// there is stays.
func (p *pool) add(c *conn) (surplus []*conn) {
	c.last = c.made
	p.open[c] = struct{}{}
	old, twice := p.byID[c.id]
	switch {
	case twice && p.stays(old, c):
		p.retire(c, c.dialled)
	case twice:
		p.retire(old, old.dialled)
		fallthrough
	default:
		p.byID[c.id], p.byAddr[c.addr] = c, c
	}
	return p.surplus()
}

// stays says which of two connections between the same nodes is asked on.
// Both ends decide alike: of two dialled towards each other at the same time,
// the one that the smaller ID dialled; else the newer, as the older may be of
// a life that its other end no longer remembers.
func (p *pool) stays(old, new *conn) bool {
	if old.dialled == new.dialled || new.made.Sub(old.made) > kad.DialTimeout {
		return false
	}
	return old.dialled == (p.self.Compare(new.id) < 0)
}

// retire lets the connection finish its questions and get no more of ours.
// Of two, the end that dialled it closes it: the other may still ask on it.
func (p *pool) retire(c *conn, close bool) {
	c.retired = c.retired || close
	if p.byID[c.id] == c {
		delete(p.byID, c.id)
	}
	if p.byAddr[c.addr] == c {
		delete(p.byAddr, c.addr)
	}
}

// enter counts a question from the other end; false if the connection is
// being closed.
func (p *pool) enter(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.open[c]; !ok {
		return false
	}
	p.use(c)
	return true
}

// leave counts the end of a question, of either end.
func (p *pool) leave(c *conn) (surplus []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.busy--
	c.last = time.Now()
	if !c.retired && len(p.open) <= p.quiet {
		return nil
	}
	return p.surplus()
}

// doubt retires a connection on which nothing at all came back.
func (p *pool) doubt(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retire(c, true)
}

// remove forgets a connection that is gone.
func (p *pool) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(c)
}

func (p *pool) drop(c *conn) {
	p.retire(c, true)
	delete(p.open, c)
}

// close refuses all that comes later and gives what was open.
func (p *pool) close() (all []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.later != nil {
		p.later.Stop()
	}
	for c := range p.open {
		c.farewell = codeClosing
		all = append(all, c)
	}
	clear(p.open)
	clear(p.byID)
	clear(p.byAddr)
	return all
}

func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

func (p *pool) use(c *conn) {
	c.busy++
	c.last, c.used = time.Now(), true
}
