package khashmir

import (
	"context"
	"crypto/sha256"
	"iter"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// ValueForKey looks for the values under key. It runs callback with each batch
// of values not seen before, those held by this node first, and at last with
// exactly one empty batch, whose err says how it ended: nil after a complete
// search, whether or not anything was found. Callbacks come one at a time, and
// a slow one slows the search down. It returns at once.
func (n *Node) ValueForKey(ctx context.Context, key ID, callback func(values [][]byte, err error), options ...FindOption) {
	s := &search{callback: callback, seen: make(map[[sha256.Size]byte]struct{})}
	for _, option := range options {
		option(s)
	}
	s.call = call{
		query: krpc.Query{Method: krpc.FindValue, Target: key},
		reply: s.replied,
		found: s.found,
		ended: s.ended,

		patient: true, // who is late may have what nobody else has
	}
	s.query.Any = s.enough > 0
	n.mu.Lock()
	defer n.leave()
	s.node = n
	if !n.closed {
		n.post(&s.out, s.readHere)
	}
	n.begin(ctx, &s.call)
}

// FindOption changes one search for values.
type FindOption func(*search)

// Enough ends the search, without an error, when count different values are
// found: there may be more of them then, in the last batch and elsewhere.
// Copies that nodes on the way have cached will do, so that what everybody wants
// is found soon; one may still be there for kad.CacheTTL after its removal.
func Enough(count int) FindOption { return func(s *search) { s.enough = count } }

// Values is ValueForKey for those who prefer to range over the values; break
// ends the search. An error comes last, beside a nil value.
func (n *Node) Values(ctx context.Context, key ID, options ...FindOption) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		type batch struct {
			values [][]byte
			err    error
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		batches := make(chan batch)
		left := make(chan struct{})
		defer close(left)
		n.ValueForKey(ctx, key, func(values [][]byte, err error) {
			select {
			case batches <- batch{values, err}:
			case <-left:
			case <-n.life.Done(): // whoever ranges may be the one who closes
			}
		}, options...)
		for {
			var b batch
			select {
			case b = <-batches:
			case <-n.life.Done():
				b.err = ErrClosed
			}
			for _, value := range b.values {
				if !yield(value, nil) {
					return
				}
			}
			if len(b.values) == 0 {
				if b.err != nil {
					yield(nil, b.err)
				}
				return
			}
		}
	}
}

// search is a find on its way. Holders with many entries are asked for page
// after page, each when the caller has taken the one before, so that a search
// never holds more than a page a holder.
type search struct {
	call
	callback func([][]byte, error)
	seen     map[[sha256.Size]byte]struct{} // touched by the outbox's functions alone
	enough   int                            // values that end the search; 0: all there are
	gift     gift
	hot      []busy // who has it, and has sent us on to others
	reading  int    // holders that are being asked for more
	lost     bool   // one of them did not answer
}

// readHere hands over what this node itself holds.
func (s *search) readHere() {
	n := s.node
	for after := uint64(0); ; {
		page, next, err := n.store.Entries(s.query.Target, after, kad.PageSize, n.clock.Now())
		if err != nil {
			n.log.Error("entries could not be read", "key", s.query.Target, "err", err)
			return
		}
		values := make([][]byte, 0, len(page))
		for _, e := range page {
			values = append(values, e.Value)
		}
		s.hand(values)
		if next == 0 || s.enough > 0 && len(s.seen) >= s.enough {
			return
		}
		after = next
	}
}

// hand gives the caller what it has not seen yet.
func (s *search) hand(values [][]byte) {
	fresh := values[:0]
	for _, v := range values {
		hash := sha256.Sum256(v)
		if _, dup := s.seen[hash]; !dup {
			s.seen[hash] = struct{}{}
			fresh = append(fresh, v)
		}
	}
	if len(fresh) == 0 {
		return
	}
	s.callback(fresh, nil)
	if s.enough > 0 && len(s.seen) >= s.enough {
		s.node.mu.Lock()
		defer s.node.unlock()
		if !s.over {
			s.gift.give(s.node, s.query.Target)
		}
		s.end(nil)
	}
}

func (s *search) replied(from kad.Contact, r krpc.Reply) {
	if s.enough > 0 {
		s.gift.see(from, r)
		if r.Hot > 0 {
			s.sentOn(from, r.Hot)
		}
	}
	s.take(from, r, 0)
}

// take posts a page and has the next one asked for once it is delivered. A
// holder that never runs out of entries or pages is a liar and is cut off;
// before says how many of them it has given already.
func (s *search) take(from kad.Contact, r krpc.Reply, before int) {
	if len(r.Entries) == 0 && r.Next == 0 {
		return
	}
	given := before + max(1, len(r.Entries))
	values := make([][]byte, 0, len(r.Entries))
	for _, e := range r.Entries {
		if e.Age < e.TTL {
			values = append(values, e.Value)
		}
	}
	more := r.Next != 0 && given < kad.MaxEntriesPerKey
	if more {
		s.reading++
	}
	n := s.node
	n.post(&s.out, func() {
		s.hand(values)
		if !more {
			return
		}
		n.mu.Lock()
		defer n.unlock()
		s.turn(from, r.Next, given)
	})
}

// turn asks for the page that begins at cursor.
func (s *search) turn(from kad.Contact, cursor uint64, given int) {
	q := s.query
	q.Cursor = cursor
	s.read(from, q, func(r krpc.Reply) { s.take(from, r, given) })
}

// read puts a question to one who has more for us, beside those of the lookup.
func (s *search) read(from kad.Contact, q krpc.Query, take func(krpc.Reply)) {
	if s.over {
		return
	}
	s.node.ask(from, q, func(r krpc.Reply, err error) {
		s.reading--
		if s.over {
			return
		}
		if err == nil && r.Error == nil {
			take(r)
		} else {
			s.lost = true
		}
		s.found()
	})
}

func (s *search) found() {
	if !s.complete || s.reading > 0 {
		return
	}
	if len(s.hot) > 0 {
		s.insist()
		return
	}
	err := s.err()
	if err == nil && s.lost {
		err = ErrIncomplete
	}
	s.end(err)
}

func (s *search) ended(err error) {
	s.node.post(&s.out, func() { s.callback(nil, err) })
}
