package sim

import (
	"slices"
	"sort"

	kad "github.com/khashmir/kad"
)

// roster is who lives: the truth that no node has.
type roster struct {
	living []*peer        // in no order; each knows its place
	byID   [1 << 8]sorted // by the first byte of their IDs
}

// sorted is some who live, in the order of IDs.
type sorted []member

type member struct {
	id    kad.ID
	index int32
}

func (r *roster) add(p *peer) {
	part := &r.byID[p.self.ID[0]]
	if i, found := part.find(p.self.ID); !found {
		*part = slices.Insert(*part, i, member{p.self.ID, p.index})
		p.place = len(r.living)
		r.living = append(r.living, p)
	}
}

func (r *roster) remove(p *peer) {
	part := &r.byID[p.self.ID[0]]
	if i, found := part.find(p.self.ID); found {
		*part = slices.Delete(*part, i, i+1)
		end := len(r.living) - 1
		r.living[p.place] = r.living[end]
		r.living[p.place].place = p.place
		r.living[end] = nil
		r.living = r.living[:end]
	}
}

// closest appends the n closest to target, the closest first.
func (r *roster) closest(dst []member, target kad.ID, n int) []member {
	limit := len(dst) + n
	for distance := 0; distance < len(r.byID) && len(dst) < limit; distance++ {
		dst = r.byID[int(target[0])^distance].walk(dst, target, 8, limit)
	}
	return dst
}

func (r sorted) find(id kad.ID) (int, bool) {
	return slices.BinarySearchFunc(r, id, func(m member, id kad.ID) int { return m.id.Compare(id) })
}

// walk takes first the half that has target's bit: all of it is closer.
func (r sorted) walk(dst []member, target kad.ID, bit, limit int) []member {
	if len(r) == 0 || len(dst) >= limit {
		return dst
	}
	if len(r) == 1 || bit == 8*kad.IDSize {
		return append(dst, r[0])
	}
	ones := sort.Search(len(r), func(i int) bool { return has(r[i].id, bit) })
	near, far := r[:ones], r[ones:]
	if has(target, bit) {
		near, far = far, near
	}
	dst = near.walk(dst, target, bit+1, limit)
	return far.walk(dst, target, bit+1, limit)
}

func has(id kad.ID, bit int) bool { return id[bit/8]&(0x80>>(bit%8)) != 0 }
