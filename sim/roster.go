package sim

import (
	"slices"
	"sort"

	kad "github.com/khashmir/kad"
)

// roster is who lives, in the order of IDs: the truth that no node has.
type roster []member

type member struct {
	id    kad.ID
	index int32
}

func (r *roster) add(p *peer) {
	i, found := r.find(p.self.ID)
	if !found {
		*r = slices.Insert(*r, i, member{p.self.ID, p.index})
	}
}

func (r *roster) remove(p *peer) {
	if i, found := r.find(p.self.ID); found {
		*r = slices.Delete(*r, i, i+1)
	}
}

func (r roster) find(id kad.ID) (int, bool) {
	return slices.BinarySearchFunc(r, id, func(m member, id kad.ID) int { return m.id.Compare(id) })
}

// closest appends the n closest to target, the closest first.
func (r roster) closest(dst []member, target kad.ID, n int) []member {
	return r.walk(dst, target, 0, len(dst)+n)
}

// walk takes first the half that has target's bit: all of it is closer.
func (r roster) walk(dst []member, target kad.ID, bit, limit int) []member {
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
