package store

import (
	"cmp"
	"slices"

	kad "github.com/khashmir/kad"
)

// A publisher's quota is what it is guaranteed. What it has beyond, up to
// MaxPublisherEntries and MaxPublisherBytes, is on loan: it stays as long as
// nobody needs the room. When the store is full and a publisher within its quota
// wants to put something, entries of those who have something on loan go: the
// key farthest from our own ID first, under one key the soonest to expire; a
// slice at a time, and never so many that their publisher falls below its quota.
// What a publisher has within its quota nobody can take.
//
// The next slice begins where the last one ended, and from the far end again when
// we have come to our own ID: what has come to the far end meanwhile is mostly
// what others were given the room for.

// candidate is an entry that may be evicted.
type candidate struct {
	id        int64 // its position
	key       kad.ID
	publisher kad.PublicKey
	expires   int64
	size      int64
}

// byEviction orders candidates, the first to go first.
func byEviction(self kad.ID) func(a, b candidate) int {
	return func(a, b candidate) int {
		return cmp.Or(-self.CompareDistance(a.key, b.key), cmp.Compare(a.expires, b.expires), cmp.Compare(a.id, b.id))
	}
}

// mayEvict: with a value of that size the publisher is still within its quota.
func (l Limits) mayEvict(u usage, size int) bool {
	return !l.above(usage{u.Entries + 1, u.Bytes + int64(size)})
}

// above reports whether a publisher that takes this much has something on loan.
// It may be above its quota by number or by bytes.
func (l Limits) above(u usage) bool { return u.Entries > l.QuotaEntries || u.Bytes > l.QuotaBytes }

// evict makes room for a put of a publisher that takes this much; evicted is
// how many entries went. The caller has the turn.
func (s *SQLite) evict(p *put, publisher usage) (evicted int, err error) {
	if !s.limits.mayEvict(publisher, len(p.entry.Value)) {
		return 0, nil
	}
	if s.futile > 0 {
		s.futile--
		return 0, nil
	}
	key, err := s.readIdentity()
	if err != nil {
		return 0, err
	}
	e := &eviction{store: s, usage: make(map[kad.PublicKey]usage)}
	if key != nil {
		e.self = kad.PublicKeyOf(key).ID()
	}
	for {
		whole := s.nearest == theFarEnd
		if err := e.walk(kad.Range{}); err != nil {
			return 0, err
		}
		switch {
		case e.over():
			if e.evicted == 0 {
				s.futile = futileFor
			}
			return e.evicted, nil
		case e.evicted > 0:
			s.nearest = theFarEnd
			return e.evicted, nil
		case whole:
			s.futile = futileFor
			return 0, nil
		}
		s.nearest = theFarEnd
	}
}

// theFarEnd is the greatest distance there is.
var theFarEnd = kad.NewRange(kad.ID{}, 0).Last()

const (
	// leafRows is how many entries are read and sorted at a time.
	leafRows = 64

	// maxEvictRows is how many entries are looked at for a put, some 10 ms of
	// work. Who crowds its loans around our ID below that keeps them.
	maxEvictRows = 8192

	// futileFor is how many puts are refused at once after one for which
	// nothing was found, unless somebody has borrowed meanwhile.
	futileFor = 4096
)

// eviction is a walk over the entries, the farthest keys first.
type eviction struct {
	store   *SQLite
	self    kad.ID
	usage   map[kad.PublicKey]usage // of the publishers met
	looked  int
	evicted int
}

func (e *eviction) over() bool { return e.evicted >= kad.EvictSlice || e.looked >= maxEvictRows }

// walk goes down the half of r that is farther first.
func (e *eviction) walk(r kad.Range) error {
	if kad.NewRange(e.self.Distance(r.Prefix), r.Bits).Prefix.Compare(e.store.nearest) > 0 {
		return nil // that has had its turn
	}
	last := r.Last()
	var rows int
	if err := e.store.crowd.first(r.Prefix[:], last[:], leafRows+1).Scan(&rows); err != nil || rows == 0 {
		return err
	}
	lower, upper, divisible := r.Halves()
	if rows <= leafRows || !divisible {
		return e.leaf(r)
	}
	if e.self.CommonPrefix(lower.Prefix) > r.Bits || e.self.CommonPrefix(upper.Prefix) <= r.Bits && bit(e.self, r.Bits) == 0 {
		lower, upper = upper, lower // the farther one first
	}
	for _, half := range []kad.Range{lower, upper} {
		if e.over() {
			return nil
		}
		if err := e.walk(half); err != nil {
			return err
		}
	}
	return nil
}

func bit(id kad.ID, n int) byte { return id[n/8] >> (7 - n%8) & 1 }

// leaf lets go of what is on loan in r.
func (e *eviction) leaf(r kad.Range) error {
	candidates, err := e.candidates(r)
	if err != nil {
		return err
	}
	slices.SortFunc(candidates, byEviction(e.self))
	for _, c := range candidates {
		distance := e.self.Distance(c.key)
		if e.over() {
			return nil
		}
		if distance.Compare(e.store.nearest) > 0 {
			continue
		}
		e.store.nearest = distance
		e.looked++
		u, known := e.usage[c.publisher]
		if !known {
			if u, _, _, err = e.store.usageOf(c.publisher[:], nil); err != nil {
				return err
			}
		}
		if e.store.limits.above(u) {
			if _, err := e.store.drop.exec(c.id); err != nil {
				return err
			}
			u.Entries--
			u.Bytes -= c.size
			e.evicted++
		}
		e.usage[c.publisher] = u
	}
	return nil
}

func (e *eviction) candidates(r kad.Range) (candidates []candidate, err error) {
	last := r.Last()
	rows, err := e.store.under.query(r.Prefix[:], last[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c candidate
		var key, publisher []byte
		if err := rows.Scan(&c.id, &key, &publisher, &c.expires, &c.size); err != nil {
			return nil, err
		}
		copy(c.key[:], key)
		copy(c.publisher[:], publisher)
		candidates = append(candidates, c)
	}
	return candidates, rows.Err()
}

// evict is SQLite.evict. It looks at every entry.
func (m *Memory) evict(size int, publisher usage) (evicted int) {
	if !m.limits.mayEvict(publisher, size) {
		return 0
	}
	if m.futile > 0 {
		m.futile--
		return 0
	}
	var self kad.ID
	if m.identity != nil {
		self = kad.PublicKeyOf(m.identity).ID()
	}
	var all []candidate
	at := make(map[int64]*record)
	for _, records := range m.keys {
		for _, r := range records {
			all = append(all, candidate{int64(r.position), r.key, r.publisher, r.expires, int64(len(r.value))})
			at[int64(r.position)] = r
		}
	}
	slices.SortFunc(all, byEviction(self))
	for pass := 0; pass < 2 && evicted == 0; pass++ {
		whole := m.nearest == theFarEnd
		evicted = m.evictFrom(self, all, at)
		if whole && evicted == 0 {
			m.futile = futileFor
			break
		}
		if evicted < kad.EvictSlice {
			m.nearest = theFarEnd
		}
	}
	return evicted
}

// evictFrom goes on where the last slice ended.
func (m *Memory) evictFrom(self kad.ID, all []candidate, at map[int64]*record) (evicted int) {
	for _, c := range all {
		distance := self.Distance(c.key)
		if evicted == kad.EvictSlice {
			break
		}
		if distance.Compare(m.nearest) > 0 {
			continue
		}
		m.nearest = distance
		if m.limits.above(m.usage[string(c.publisher[:])]) {
			m.drop(at[c.id])
			evicted++
		}
	}
	return evicted
}
