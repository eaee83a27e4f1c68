package store

import (
	"bytes"
	"cmp"
	"slices"

	kad "github.com/khashmir/kad"
)

// A publisher's quota is what it is guaranteed. What it has beyond, up to
// MaxPublisherEntries and MaxPublisherBytes, is on loan: it stays as long as
// nobody needs the room. When the store is full and a publisher within its quota
// wants to put something, entries on loan go: of the publisher with the most on
// loan, until it has none, the key farthest from our own ID first, and of one distance the soonest
// to expire; never so many that it falls below its quota. What a publisher has
// within its quota nobody can take.

// candidate is an entry that may be evicted.
type candidate struct {
	id      int64 // its position
	key     kad.ID
	expires int64
	size    int64
}

// byEviction orders candidates, the first to go first.
func byEviction(self kad.ID) func(a, b candidate) int {
	return func(a, b candidate) int {
		return cmp.Or(-self.CompareDistance(a.key, b.key), cmp.Compare(a.expires, b.expires), cmp.Compare(a.id, b.id))
	}
}

// loan is how much of its quota a publisher has used, in quotas: above 1 the
// rest is on loan.
func (l Limits) loan(u usage) float64 {
	return max(float64(u.Entries)/float64(l.QuotaEntries), float64(u.Bytes)/float64(l.QuotaBytes))
}

// mayEvict: with a value of that size the publisher is still within its quota.
func (l Limits) mayEvict(u usage, size int) bool {
	return l.loan(usage{u.Entries + 1, u.Bytes + int64(size)}) <= 1
}

// victims are those of the candidates, in their order, that can go before who
// has published them, and takes this much, falls below its quota; at most a
// slice of them.
func (l Limits) victims(candidates []candidate, u usage) []candidate {
	for i, c := range candidates {
		u.Entries--
		u.Bytes -= c.size
		if i == kad.EvictSlice || u.Entries < l.QuotaEntries && u.Bytes < l.QuotaBytes {
			return candidates[:i]
		}
	}
	return candidates
}

// evict makes room for a put of a publisher that takes this much; evicted is
// how many entries went. The caller has the turn.
func (s *SQLite) evict(p *put, publisher usage) (evicted int, err error) {
	if !s.limits.mayEvict(publisher, len(p.entry.Value)) {
		return 0, nil
	}
	debtor, its, err := s.findDebtor()
	if err != nil || debtor == nil {
		return 0, err
	}
	key, err := s.readIdentity()
	if err != nil {
		return 0, err
	}
	var self kad.ID
	if key != nil {
		self = kad.PublicKeyOf(key).ID()
	}
	farthest, err := s.farthest(debtor, self, kad.Range{}, nil)
	if err != nil {
		return 0, err
	}
	victims := s.limits.victims(farthest, its)
	for _, c := range victims {
		if _, err := s.drop.Exec(c.id); err != nil {
			return 0, err
		}
	}
	return len(victims), nil
}

// findDebtor is who has the most on loan; nil: nobody has anything. Looking
// through all publishers is not for every put: the last debtor stays it while
// it has something on loan, and when nobody had, we look again after as many
// puts as a slice has.
func (s *SQLite) findDebtor() (debtor []byte, its usage, err error) {
	if s.debtor != nil {
		if its, _, _, err = s.usageOf(s.debtor, nil); err != nil || s.limits.loan(its) > 1 {
			return s.debtor, its, err
		}
		s.debtor = nil
	} else if s.futile > 0 {
		s.futile--
		return nil, usage{}, nil
	}
	rows, err := s.debtors.Queryx(s.limits.QuotaEntries, s.limits.QuotaBytes)
	if err != nil {
		return nil, its, err
	}
	defer rows.Close()
	if rows.Next() {
		if err = rows.Scan(&debtor, &its.Entries, &its.Bytes); err != nil {
			return nil, its, err
		}
	}
	if s.limits.loan(its) > 1 {
		s.debtor = debtor
	} else {
		debtor, s.futile = nil, kad.EvictSlice
	}
	return debtor, its, rows.Err()
}

// farthest appends a publisher's entries in r to those found, the farthest from
// self first, until there are enough. It goes down the half of r that is farther
// first, and so never looks at more than it needs.
func (s *SQLite) farthest(publisher []byte, self kad.ID, r kad.Range, found []candidate) ([]candidate, error) {
	const enough = kad.EvictSlice + 1
	last := r.Last()
	rows, err := s.published.Queryx(publisher, r.Prefix[:], last[:], enough+1)
	if err != nil {
		return found, err
	}
	defer rows.Close()
	var here []candidate
	for rows.Next() {
		var c candidate
		var key []byte
		if err := rows.Scan(&c.id, &key, &c.expires, &c.size); err != nil {
			return found, err
		}
		copy(c.key[:], key)
		here = append(here, c)
	}
	if err := rows.Err(); err != nil {
		return found, err
	}
	rows.Close()
	lower, upper, divisible := r.Halves()
	if len(here) <= enough || !divisible {
		slices.SortFunc(here, byEviction(self))
		return append(found, here...), nil
	}
	if lower.Contains(self) || !upper.Contains(self) && self.CompareDistance(lower.Prefix, upper.Prefix) < 0 {
		lower, upper = upper, lower // the farther one first
	}
	for _, half := range []kad.Range{lower, upper} {
		if len(found) < enough {
			if found, err = s.farthest(publisher, self, half, found); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

// evict is SQLite.evict. It looks at every entry.
func (m *Memory) evict(size int, publisher usage) (evicted int) {
	if !m.limits.mayEvict(publisher, size) {
		return 0
	}
	debtor, its := m.findDebtor()
	if debtor == "" {
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
			if bytes.Equal(r.publisher[:], []byte(debtor)) {
				all = append(all, candidate{int64(r.position), r.key, r.expires, int64(len(r.value))})
				at[int64(r.position)] = r
			}
		}
	}
	slices.SortFunc(all, byEviction(self))
	victims := m.limits.victims(all, its)
	for _, c := range victims {
		m.drop(at[c.id])
	}
	return len(victims)
}

// findDebtor is SQLite.findDebtor.
func (m *Memory) findDebtor() (debtor string, its usage) {
	switch {
	case m.debtor != "" && m.limits.loan(m.usage[m.debtor]) > 1:
		return m.debtor, m.usage[m.debtor]
	case m.debtor == "" && m.futile > 0:
		m.futile--
		return "", its
	}
	m.debtor = ""
	for name, u := range m.usage {
		if len(name) != len(kad.PublicKey{}) || m.limits.loan(u) <= 1 {
			continue
		}
		if loan, most := m.limits.loan(u), m.limits.loan(its); loan > most || loan == most && name < m.debtor {
			m.debtor, its = name, u
		}
	}
	if m.debtor == "" {
		m.futile = kad.EvictSlice
	}
	return m.debtor, its
}
