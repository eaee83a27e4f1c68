package store

import (
	"slices"

	kad "github.com/khashmir/kad"
)

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
	for r := range m.keys.from(kad.ID{}) {
		all = append(all, candidate{int64(r.position), r.key, r.expires})
		at[int64(r.position)] = r
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
		if m.limits.above(m.usage[string(at[c.id].publisher[:])]) {
			m.drop(at[c.id])
			evicted++
		}
	}
	return evicted
}
