package store

import "container/heap"

// expiryHeap orders records by when they expire, the soonest first and the
// older position first among equals. Each record knows its index, so that a
// renewal or a removal costs log n.
type expiryHeap []*record

func (h *expiryHeap) push(r *record)   { heap.Push(h, r) }
func (h *expiryHeap) fix(r *record)    { heap.Fix(h, r.index) }
func (h *expiryHeap) remove(r *record) { heap.Remove(h, r.index) }

// The rest is what container/heap calls.

func (h expiryHeap) Len() int { return len(h) }

func (h expiryHeap) Less(i, j int) bool {
	if h[i].expires != h[j].expires {
		return h[i].expires < h[j].expires
	}
	return h[i].position < h[j].position
}

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *expiryHeap) Push(x any) {
	r := x.(*record)
	r.index = len(*h)
	*h = append(*h, r)
}

func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = nil // let it go
	*h = (*h)[:last]
	return r
}
