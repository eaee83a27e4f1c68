package mainline

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/ktable"
	"github.com/khashmir/kad/transport"
)

// side is the node in one family of addresses. BEP 32 has one table for each,
// and BEP 42 one ID, since that hangs on the address.
type side struct {
	node  *Node
	udp   *transport.UDP
	other *side // of the other family; nil if there is none
	six   bool
	size  int // of a compact contact

	// What the packet loop reads without a lock. Stale says that the table has
	// changed since.
	self  atomic.Pointer[kad.ID]
	known atomic.Pointer[nearest]
	stale atomic.Bool

	// The node's lock guards these.
	id     kad.ID
	table  *ktable.Table
	pings  map[kad.ID]struct{} // ping-backs in flight
	silent map[kad.ID]struct{} // contacts in the table that have failed since they last answered
	latest time.Time           // when anybody last answered
	late   lateness
	votes  votes
	pace   pace
	outbox []errand
	wakes  bool // a timer will look at the outbox

	saved   []netip.AddrPort // of contacts of the last time
	joining bool
	joined  []func() // searches that wait for it

	// The packet loop's own.
	loop loop
}

// loop is what the packet loop has at hand for a batch.
type loop struct {
	now    time.Time
	unix   int64
	id     kad.ID
	known  *nearest
	theirs *nearest // the other side's; nil if there is none
	swarms *swarms
	tokens *tokens
	flood  flood
	heard  heard
	sample sample
}

// shelf is what others left here. Its lock is taken once a batch.
type shelf struct {
	mu     sync.Mutex
	swarms [2]*swarms // of IPv4 and of IPv6
	items  *items
}

func newShelf(limits limits) *shelf {
	return &shelf{
		swarms: [2]*swarms{newSwarms(6, limits), newSwarms(18, limits)},
		items:  newItems(limits),
	}
}

func (n *Node) newSide(udp *transport.UDP) *side {
	s := &side{node: n, udp: udp, six: udp.Addr().Addr().Is6(), size: bep5.ContactSize4, pings: make(map[kad.ID]struct{}), silent: make(map[kad.ID]struct{})}
	s.loop.swarms = n.shelf.swarms[0]
	if s.six {
		s.size = bep5.ContactSize6
		s.loop.swarms = n.shelf.swarms[1]
	}
	s.loop.tokens = newTokens(n.config.TokenInterval)
	s.loop.flood = newFlood(n.config.Loopback)
	s.pace = newPace(n.config)
	s.votes = newVotes()
	s.become(n.firstID(udp.Addr().Addr()))
	return s
}

// become gives the side another ID, and a table around that. Call it under the
// lock.
func (s *side) become(id kad.ID) {
	var contacts []kad.Contact
	if s.table != nil {
		for c := range s.table.Contacts() {
			contacts = append(contacts, c)
		}
	}
	c := s.node.config
	s.id = id
	clear(s.silent)
	s.table = ktable.New(id, ktable.Config{Wide: c.WideBuckets, MinPingInterval: c.MinPingInterval})
	for _, contact := range contacts {
		s.table.Seen(contact, c.Clock.Now())
	}
	s.self.Store(&id)
	s.refresh()
}

// refresh makes anew what the packet loop knows of the table. Contacts that
// have failed are named only while there are too few that have not. Call it
// under the lock.
func (s *side) refresh() {
	s.stale.Store(false)
	var good, bad []kad.Contact
	for _, b := range s.table.Buckets() {
		for _, m := range b.Contacts {
			if m.State == ktable.Bad {
				bad = append(bad, m.Contact)
			} else {
				good = append(good, m.Contact)
			}
		}
	}
	if len(good) < kad.K {
		good = append(good, bad...)
	}
	s.known.Store(newNearest(good, s.size))
}

// nearest is what the table knows, as the packet loop may read it.
func (s *side) nearest() *nearest {
	if s.stale.Load() {
		s.node.mu.Lock()
		s.refresh()
		s.node.mu.Unlock()
	}
	return s.known.Load()
}

// Begin, Answer and End are the transport's Responder.

// Begin looks at the clock and takes the shelf, once for a batch.
func (s *side) Begin() {
	l := &s.loop
	l.now = s.node.config.Clock.Now()
	l.unix = l.now.Unix()
	l.tokens.turn(l.now)
	l.flood.turn(l.unix)
	l.heard.turn(l.unix)
	l.id = *s.self.Load()
	l.known = s.nearest()
	if s.other != nil {
		l.theirs = s.other.nearest()
	}
	s.node.shelf.mu.Lock()
}

// End gives the shelf back and looks at who asked.
func (s *side) End() {
	s.node.shelf.mu.Unlock()
	if s.loop.heard.count > 0 {
		s.meet()
	}
}

// contact is an ID and an address of this family as one; ok is false for what
// has no place in the table.
func (s *side) contact(id kad.ID, addr netip.AddrPort) (c kad.Contact, ok bool) {
	c = kad.Contact{ID: id}.WithAddr(addr)
	return c, !id.IsZero() && id != s.id && c.Reachable() && s.node.asksAt(addr.Addr())
}

// asksAt reports whether the node would ask anybody at ip. Loopback is for
// tests: a stranger who names it wants us to hurt our neighbours.
func (n *Node) asksAt(ip netip.Addr) bool {
	switch {
	case ip.IsUnspecified(), ip.IsMulticast():
		return false
	case ip.IsLoopback():
		return n.config.Loopback
	}
	return true
}
