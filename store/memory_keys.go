package store

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/google/btree"

	kad "github.com/khashmir/kad"
)

// shelf is a Memory's records by their keys. To find those under one key costs
// one look, to begin anywhere in the order of the keys log n, and to go on one
// look a key. An empty one is two pointers. Whoever changes it ends its walk
// first.
type shelf struct {
	under map[kad.ID][]*record // in the order of their positions
	order *btree.BTreeG[kad.ID]
}

// orderDegree makes the tree's nodes 31 to 63 keys. Half of that is slower to put
// into and takes no less in a store of a few keys.
const orderDegree = 32

// add is of the record with the highest position.
func (s *shelf) add(r *record) {
	if s.under == nil {
		s.under = make(map[kad.ID][]*record)
		none := btree.NewFreeListG[kad.ID](0) // of spare nodes: there may be 100,000 trees
		s.order = btree.NewWithFreeListG(orderDegree, lower, none)
	}
	records := s.under[r.key]
	if len(records) == 0 {
		s.order.ReplaceOrInsert(r.key)
	}
	s.under[r.key] = append(records, r)
}

func (s *shelf) remove(r *record) {
	records := s.under[r.key]
	i := after(records, r.position-1)
	if records = slices.Delete(records, i, i+1); len(records) > 0 {
		s.under[r.key] = records
		return
	}
	delete(s.under, r.key)
	s.order.Delete(r.key)
}

// lower is a.Compare(b) < 0. The first 8 bytes nearly always tell, and to compare
// them is no call.
func lower(a, b kad.ID) bool {
	x, y := binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:])
	return x < y || x == y && a.Compare(b) < 0
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
		s.order.AscendGreaterOrEqual(key, func(key kad.ID) bool {
			for _, r := range s.under[key] {
				if !yield(r) {
					return false
				}
			}
			return true
		})
	}
}

// within walks over the records under the keys of a range.
func (s *shelf) within(keys kad.Range) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for r := range s.from(keys.Prefix) {
			if !keys.Contains(r.key) || !yield(r) {
				return
			}
		}
	}
}
