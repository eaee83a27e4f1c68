package ktable_test

import (
	"cmp"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

// model is the routing table as one would explain it: a map of records, sorted
// and counted anew for every question. It is the oracle of the tests.
type model struct {
	self     kad.ID
	config   ktable.Config
	depth    int // number of the last bucket
	records  map[kad.ID]*record
	lookedUp []time.Time // by bucket
	latest   time.Time
	order    int
}

type record struct {
	contact   kad.Contact
	shared    int // leading bits in common with our own ID
	placed    bool
	seen      time.Time
	order     int // who came later, among those seen at the same time
	failures  int
	suspected bool
}

func newModel(self kad.ID, config ktable.Config) *model {
	return &model{self: self, config: config, records: map[kad.ID]*record{}, lookedUp: []time.Time{{}}}
}

// shared counts the leading bits that id has in common with our own.
func (m *model) shared(id kad.ID) int {
	n := 0
	for n < 160 && (id[n/8]>>(7-n%8))&1 == (m.self[n/8]>>(7-n%8))&1 {
		n++
	}
	return n
}

func (m *model) number(id kad.ID) int { return min(m.shared(id), m.depth) }

// members is the records of one bucket, placed or waiting, least recently seen first.
func (m *model) members(number int, placed bool) []*record {
	return m.filter(func(r *record) bool { return r.placed == placed && min(r.shared, m.depth) == number })
}

func (m *model) filter(keep func(*record) bool) []*record {
	var list []*record
	for _, r := range m.records {
		if keep(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *record) int {
		return cmp.Or(a.seen.Compare(b.seen), cmp.Compare(a.order, b.order))
	})
	return list
}

func (m *model) stamp(r *record) { m.order++; r.order = m.order }

func (m *model) Seen(c kad.Contact, now time.Time) (kad.Contact, bool) {
	if c.ID == m.self || c.ID.IsZero() || (!c.V4.IsValid() && !c.V6.IsValid()) {
		return kad.Contact{}, false
	}
	m.latest = now
	r, known := m.records[c.ID]
	if !known {
		r = &record{}
		m.records[c.ID] = r
	}
	*r = record{contact: c, shared: m.shared(c.ID), placed: r.placed, seen: now}
	m.stamp(r)
	if r.placed {
		return kad.Contact{}, false
	}
	if m.room(c.ID) {
		for len(m.members(m.number(c.ID), true)) >= m.width(m.number(c.ID)) {
			m.depth++
			m.lookedUp = append(m.lookedUp, m.lookedUp[len(m.lookedUp)-1])
		}
		r.placed = true
		m.settle()
		return kad.Contact{}, false
	}
	waiting := m.members(m.number(c.ID), false)
	if len(waiting) > m.config.Replacements {
		delete(m.records, waiting[0].contact.ID)
	}
	oldest := m.members(m.number(c.ID), true)[0]
	if !oldest.suspected && (oldest.failures > 0 || now.Sub(oldest.seen) >= m.config.MinPingInterval) {
		oldest.suspected = true
		return oldest.contact, true
	}
	return kad.Contact{}, false
}

// width is how many contacts have a place in a bucket.
func (m *model) width(number int) int {
	width := m.config.K
	for i := number; i < m.config.Wide && number < m.depth; i++ {
		width *= 2
	}
	return width
}

// room says whether id could get a place: there is one, or, in the last bucket,
// somebody who shares another number of bits with us than id does.
func (m *model) room(id kad.ID) bool {
	placed := m.members(m.number(id), true)
	shared := m.shared(id)
	differs := func(r *record) bool { return r.shared != shared }
	return len(placed) < m.width(m.number(id)) || shared >= m.depth && slices.ContainsFunc(placed, differs)
}

// settle fills every free place, then merges what can be merged.
func (m *model) settle() {
	waiting := m.filter(func(r *record) bool { return !r.placed })
	for _, r := range slices.Backward(waiting) {
		if number := min(r.shared, m.depth); len(m.members(number, true)) < m.width(number) {
			r.placed = true
		}
	}
	for m.depth > 0 && (len(m.members(m.depth, true)) == 0 || len(m.members(m.depth-1, true)) == 0) {
		near := m.lookedUp[m.depth]
		m.lookedUp = m.lookedUp[:m.depth]
		m.depth--
		if near.Before(m.lookedUp[m.depth]) {
			m.lookedUp[m.depth] = near
		}
	}
}

func (m *model) Failed(id kad.ID) bool {
	r, known := m.records[id]
	if !known {
		return false
	}
	r.failures++
	r.suspected = false
	if r.placed && r.failures < m.config.MaxFailures {
		return false
	}
	delete(m.records, id)
	m.settle()
	return true
}

func (m *model) Wants(id kad.ID) bool {
	if _, known := m.records[id]; known || id == m.self || id.IsZero() {
		return false
	}
	failing := slices.ContainsFunc(m.members(m.number(id), true), func(r *record) bool { return r.failures > 0 })
	return m.room(id) || failing
}

func (m *model) LookedUp(target kad.ID, now time.Time) {
	m.latest = now
	m.lookedUp[m.number(target)] = now
}

// Closest sorts everybody who has not failed, or everybody.
func (m *model) Closest(target kad.ID, n int) []kad.Contact {
	var all []kad.Contact
	for _, failing := range []bool{false, true} {
		all = nil
		for _, r := range m.records {
			if r.placed && (failing || r.failures == 0) {
				all = append(all, r.contact)
			}
		}
		if len(all) >= n {
			break
		}
	}
	slices.SortFunc(all, func(a, b kad.Contact) int {
		return a.ID.Distance(target).Compare(b.ID.Distance(target))
	})
	return all[:max(0, min(n, len(all)))]
}

// Buckets describes the whole state in the table's own words.
func (m *model) Buckets() []ktable.Bucket {
	buckets := make([]ktable.Bucket, m.depth+1)
	for i := range buckets {
		buckets[i] = ktable.Bucket{Range: m.span(i), LookedUp: m.lookedUp[i]}
	}
	for _, r := range m.filter(func(*record) bool { return true }) {
		b := &buckets[min(r.shared, m.depth)]
		if !r.placed {
			b.Waiting++
			continue
		}
		state := ktable.Good
		if m.latest.Sub(r.seen) >= m.config.MinPingInterval {
			state = ktable.Stale
		}
		if r.failures > 0 {
			state = ktable.Bad
		}
		b.Contacts = append(b.Contacts, ktable.Member{
			Contact: r.contact, LastSeen: r.seen, Failures: r.failures, State: state,
		})
	}
	return buckets
}

// span writes a range down bit by bit.
func (m *model) span(number int) kad.Range {
	r := kad.Range{Bits: number}
	if number < m.depth {
		r.Bits++
	}
	for n := 0; n < r.Bits; n++ {
		bit := (m.self[n/8] >> (7 - n%8)) & 1
		if n == number {
			bit ^= 1
		}
		r.Prefix[n/8] |= bit << (7 - n%8)
	}
	return r
}
