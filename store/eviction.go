package store

import (
	"slices"

	kad "github.com/khashmir/kad"
)

const (
	// leafRows is how many entries are listed and sorted at a time.
	leafRows = 64

	// maxEvictRows is how many entries are looked at for a put, some 30 ms of
	// work where none is on loan; a list takes as long as listRows of them. Who
	// crowds its loans around our ID below that keeps them.
	maxEvictRows = 8192
	listRows     = 16
)

// eviction is a walk over the entries, the farthest keys first.
type eviction struct {
	store   *SQLite
	looked  int
	evicted int
}

func (e *eviction) over() bool { return e.evicted >= kad.EvictSlice || e.looked >= maxEvictRows }

// walk goes from range to range, each the next one nearer. They are as large as
// the last one that had neither too many entries nor too few.
func (e *eviction) walk() error {
	s := e.store
	for at, more := s.nearest, true; more && !e.over(); {
		r := kad.NewRange(s.self.Distance(at), s.grain)
		candidates, err := e.candidates(r)
		if err != nil {
			return err
		}
		if len(candidates) > leafRows && r.Bits < 8*kad.IDSize {
			if at, more, err = e.divide(r, candidates[0].key, at); err != nil {
				return err
			}
			continue
		}
		if err := e.leaf(candidates); err != nil {
			return err
		}
		switch at, more = beyond(at, r.Bits); {
		case len(candidates) == 0:
			s.grain = 0 // how far it is to the next ones divide finds out
		case len(candidates) < leafRows/4:
			s.grain = max(s.grain-1, 0)
		}
	}
	return nil
}

// divide makes the ranges so small that the entries in r, of which first is the
// lowest key, are not all in one: in one step, however close together they are.
// What is left to walk begins at the distance that it returns.
func (e *eviction) divide(r kad.Range, first, at kad.ID) (_ kad.ID, more bool, err error) {
	s := e.store
	e.looked += listRows
	var key []byte
	end := r.Last()
	if err := s.last.first(r.Prefix[:], end[:]).Scan(&key); err != nil || len(key) != kad.IDSize {
		return at, false, err
	}
	bits := first.CommonPrefix(kad.ID(key)) // of all of them
	s.grain = min(bits+1, 8*kad.IDSize)
	theirs := kad.NewRange(s.self.Distance(first), bits) // seen from us
	switch farthest := theirs.Last(); {
	case theirs.Contains(at):
		return at, true, nil
	case farthest.Compare(at) < 0:
		return farthest, true, nil
	}
	s.grain = 0
	at, more = beyond(at, r.Bits)
	return at, more, nil
}

// beyond is the farthest distance nearer than the range of so many bits around a
// distance; more is false where that range has ourselves in it.
func beyond(distance kad.ID, bits int) (_ kad.ID, more bool) {
	nearest := kad.NewRange(distance, bits).Prefix
	if nearest == (kad.ID{}) {
		return nearest, false
	}
	return before(nearest), true
}

// before is the distance one shorter than a distance above 0.
func before(distance kad.ID) kad.ID {
	for i := len(distance) - 1; ; i-- {
		distance[i]--
		if distance[i] != 0xff {
			return distance
		}
	}
}

// candidates are the entries in r, or more than leafRows of them. The index
// knows enough to list them.
func (e *eviction) candidates(r kad.Range) (candidates []candidate, err error) {
	e.looked += listRows
	limit := leafRows + 1
	if r.Bits == 8*kad.IDSize {
		limit = -1 // one key, which has not so many
	}
	last := r.Last()
	rows, err := e.store.under.query(r.Prefix[:], last[:], limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c candidate
		var key []byte
		if err := rows.Scan(&c.id, &key, &c.expires); err != nil {
			return nil, err
		}
		copy(c.key[:], key)
		candidates = append(candidates, c)
	}
	return candidates, rows.Err()
}

// leaf lets go of what is on loan among the candidates.
func (e *eviction) leaf(candidates []candidate) error {
	slices.SortFunc(candidates, byEviction(e.store.self))
	done := slices.IndexFunc(candidates, func(c candidate) bool {
		return e.store.self.Distance(c.key).Compare(e.store.nearest) <= 0
	})
	if done < 0 {
		return nil // all have had their turn
	}
	for candidates = candidates[done:]; len(candidates) > 0 && !e.over(); {
		few := candidates[:min(len(candidates), kad.EvictSlice-e.evicted)]
		if err := e.takeBack(few); err != nil {
			return err
		}
		candidates = candidates[len(few):]
	}
	return nil
}

// takeBack lets go of those that are on loan, a slice of them at the most.
func (e *eviction) takeBack(few []candidate) error {
	s := e.store
	loans, err := e.loans(few)
	if err != nil {
		return err
	}
	var gone []int64
	for _, c := range few {
		e.looked++
		s.nearest = s.self.Distance(c.key)
		l, ok := loans[c.id]
		if !ok || !s.limits.above(l.its.plus(s.tally[string(l.publisher)])) {
			continue
		}
		s.weigh(l.publisher, l.origin, usage{-1, -l.size})
		gone = append(gone, c.id)
	}
	if len(gone) == 0 {
		return nil
	}
	e.evicted += len(gone)
	err = s.takeBack.exec(sliceOf(gone)...)
	return err
}

// loan is what it takes to know whether an entry is one.
type loan struct {
	publisher, origin []byte
	size              int64
	its               usage // the publisher's, before the transaction
}

func (e *eviction) loans(of []candidate) (map[int64]loan, error) {
	ids := make([]int64, len(of))
	for i, c := range of {
		ids[i] = c.id
	}
	rows, err := e.store.loans.query(sliceOf(ids)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	loans := make(map[int64]loan, len(of))
	for rows.Next() {
		var id int64
		var l loan
		if err := rows.Scan(&id, &l.publisher, &l.origin, &l.size, &l.its.Entries, &l.its.Bytes); err != nil {
			return nil, err
		}
		loans[id] = l
	}
	return loans, rows.Err()
}

// sliceOf is ids as arguments; those that are missing are NULL, which is none.
func sliceOf(ids []int64) []any {
	args := make([]any, kad.EvictSlice)
	for i, id := range ids {
		args[i] = id
	}
	return args
}
