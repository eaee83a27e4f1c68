package store

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"

	"github.com/google/btree"

	kad "github.com/khashmir/kad"
)

// shelf is a Memory's records by their keys. To find those under one key costs
// one look. To begin anywhere in their order costs log n, and to go on nothing
// but the next place. An empty one is two pointers. Whoever changes it ends its
// walk first.
type shelf struct {
	under map[kad.ID][]*record // in the order of their positions
	order *btree.BTreeG[place]
}

// place is what comparisons want to know of a record. The places of a shelf are
// side by side, where the records are all over the memory, and point nowhere.
type place struct {
	key      kad.ID
	position uint64
	mark     uint64
	expires  int64
}

func (r *record) place() place { return place{r.key, r.position, r.mark, r.expires} }

// before is by key, then by position. The first 8 bytes nearly always tell, and
// to compare them is no call.
func (p place) before(o place) bool {
	if x, y := binary.BigEndian.Uint64(p.key[:]), binary.BigEndian.Uint64(o.key[:]); x != y {
		return x < y
	}
	if c := p.key.Compare(o.key); c != 0 {
		return c < 0
	}
	return p.position < o.position
}

// orderDegree makes the tree's nodes 31 to 63 places. With half of that a digest
// takes a fifth longer, and a put no less.
const orderDegree = 32

// add is of the record with the highest position.
func (s *shelf) add(r *record) {
	if s.under == nil {
		s.under = make(map[kad.ID][]*record)
		none := btree.NewFreeListG[place](0) // of spare nodes: there may be 100,000 trees
		s.order = btree.NewWithFreeListG(orderDegree, place.before, none)
	}
	s.order.ReplaceOrInsert(r.place())
	s.under[r.key] = append(s.under[r.key], r)
}

// changed is of a record that has its place already.
func (s *shelf) changed(r *record) { s.order.ReplaceOrInsert(r.place()) }

func (s *shelf) remove(r *record) {
	s.order.Delete(r.place())
	records := s.under[r.key]
	i := after(records, r.position-1)
	if records = slices.Delete(records, i, i+1); len(records) > 0 {
		s.under[r.key] = records
		return
	}
	delete(s.under, r.key)
}

// marked is the record that mark is of, or nil.
func (s *shelf) marked(mark Mark) *record {
	records := s.under[mark.Key]
	i := after(records, mark.Position-1)
	if i == len(records) || records[i].position != mark.Position || records[i].mark != mark.Mark {
		return nil
	}
	return records[i]
}

// after is the index of the first record past a position.
func after(records []*record, position uint64) int {
	i, _ := slices.BinarySearchFunc(records, position, func(r *record, position uint64) int {
		if r.position <= position {
			return -1
		}
		return 1
	})
	return i
}

// from walks over the records under key and the keys after it, in their order.
func (s *shelf) from(key kad.ID) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		if s.order == nil {
			return
		}
		s.order.AscendGreaterOrEqual(place{key: key}, func(p place) bool {
			records := s.under[p.key]
			return yield(records[after(records, p.position-1)])
		})
	}
}

// within walks over the places of the records under the keys of a range.
func (s *shelf) within(keys kad.Range) iter.Seq[place] {
	return func(yield func(place) bool) {
		if s.order == nil {
			return
		}
		end := place{key: keys.Last(), position: math.MaxUint64}
		s.order.AscendGreaterOrEqual(place{key: keys.Prefix}, func(p place) bool {
			return p.before(end) && yield(p)
		})
	}
}
