package mainline

import (
	"errors"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/transport"
)

// counts are what the node did.
type counts struct {
	searches, answers, failures int
}

// question is a query of ours but for its end. It panics only for our own bugs:
// the arguments are ours.
func (s *side) question(method string, args bep5.Args) []byte {
	args.ID = string(s.id[:])
	b, err := bep5.Question(method, args, s.node.config.ReadOnly)
	if err != nil {
		panic("mainline: " + err.Error())
	}
	return b
}

// ask puts a question to a contact, and learns from what becomes of it. An ID
// that is zero stands for whoever is there. Call it under the lock; then runs
// under the lock too, later, exactly once. A refusal is an *Error.
func (s *side) ask(to kad.Contact, body []byte, then func(from kad.Contact, m *bep5.Message, err error)) {
	s.askFor(to, body, true, then)
}

// askFor is ask; expected says that everybody answers such a question. Many
// clients, transmission's for one, have never heard of BEP 44 and are silent:
// that must not cost them their place.
func (s *side) askFor(to kad.Contact, body []byte, expected bool, then func(from kad.Contact, m *bep5.Message, err error)) {
	sent := s.node.config.Clock.Now()
	s.send(errand{to: to.Addr(), body: body, then: func(m *bep5.Message, err error) {
		n := s.node
		n.mu.Lock()
		defer n.unlock()
		from := to
		if err == nil {
			from, err = s.answered(to, m)
		} else {
			s.unanswered(to, sent, expected, err)
		}
		then(from, m, err)
	}})
}

// answered looks at an answer: whose it is and whether it is one. An answer
// by another than the one asked is worth nothing to who asked.
func (s *side) answered(to kad.Contact, m *bep5.Message) (from kad.Contact, err error) {
	n := s.node
	now := n.config.Clock.Now()
	s.latest = now
	n.counts.answers++
	if m.Kind == bep5.Failure {
		return to, &Error{int(m.Code), printable(m.Text)}
	}
	id := m.NodeID()
	from = kad.Contact{ID: id}.WithAddr(to.Addr())
	switch {
	case id.IsZero():
		return to, transport.ErrProtocol
	case !to.ID.IsZero() && id != to.ID:
		s.failed(to)
		return from, transport.ErrWrongID
	}
	s.seen(from, m, now)
	return from, nil
}

// seen tells the tables that a contact has answered.
func (s *side) seen(c kad.Contact, m *bep5.Message, now time.Time) {
	if _, ok := s.contact(c.ID, c.Addr()); !ok || s.node.closed {
		return
	}
	if table := s.node.config.Table; table != nil {
		table.Seen(Sighting{Contact: c, Version: printable(m.Version), At: now})
	}
	s.vote(c, m)
	if !s.admits(c) {
		return
	}
	delete(s.silent, c.ID)
	suspect, check := s.table.Seen(c, now)
	s.stale.Store(true)
	if check {
		s.pingBack(suspect)
	}
}

// admits reports whether c may have a place in the table: an ID keeps the
// address that it was first seen at, and an address has one ID, for as long as
// they answer.
func (s *side) admits(c kad.Contact) bool {
	n := s.node
	if known, ok := s.table.Get(c.ID); ok {
		return known.Addr() == c.Addr() || s.failing(c.ID)
	}
	ip := c.Addr().Addr()
	if n.config.Loopback && ip.IsLoopback() {
		return true
	}
	if n.config.SecureOnly && !IsSecure(c.ID, ip) {
		return false
	}
	for other := range s.table.Contacts() {
		if other.Addr().Addr() == ip && !s.failing(other.ID) {
			return false
		}
	}
	return true
}

func (s *side) failing(id kad.ID) bool {
	_, silent := s.silent[id]
	return silent
}

// vote counts where a contact has seen us. A node that learns so where it is
// takes an ID that fits (BEP 42).
func (s *side) vote(c kad.Contact, m *bep5.Message) {
	seen, ok := bep5.ReadAddr(m.IP)
	if !ok || !s.node.config.ID.IsZero() || exempt(seen.Addr()) || seen.Addr().Is6() != s.six {
		return
	}
	where, sure := s.votes.vote(c.Addr().Addr(), seen.Addr())
	if !sure || IsSecure(s.id, where) {
		return
	}
	s.node.log.Info("an ID that fits the address", "addr", where)
	s.become(SecureID(where, kad.ID(s.node.seed[:kad.IDSize])))
	s.stale.Store(true)
}

// unanswered counts a silence, but only when somebody else has answered since:
// it may be our own network that is silent (docs/adr/0003).
func (s *side) unanswered(to kad.Contact, sent time.Time, expected bool, err error) {
	s.node.counts.failures++
	if !errors.Is(err, transport.ErrTimeout) {
		return
	}
	s.pace.repeated()
	if expected && s.latest.After(sent) {
		s.failed(to)
	} else {
		s.table.Excused(to.ID)
	}
}

// failed tells the tables that a contact is not there.
func (s *side) failed(c kad.Contact) {
	if c.ID.IsZero() {
		return
	}
	if known, ok := s.table.Get(c.ID); ok && known.Addr() != c.Addr() {
		return // somebody told us a wrong address of it
	}
	if dropped := s.table.Failed(c.ID); dropped {
		delete(s.silent, c.ID)
	} else if _, placed := s.table.Get(c.ID); placed {
		s.silent[c.ID] = struct{}{}
	}
	s.stale.Store(true)
	if table := s.node.config.Table; table != nil {
		table.Failed(c)
	}
}

// printable is a stranger's bytes made fit for a log or a file: what is not
// printable ASCII becomes a full stop.
func printable(b []byte) string {
	const enough = 128
	clean := make([]byte, 0, min(len(b), enough))
	for _, c := range b[:min(len(b), enough)] {
		if c < ' ' || c > '~' {
			c = '.'
		}
		clean = append(clean, c)
	}
	return string(clean)
}
