package mainline

import "sync"

// queue hands things from under the lock to whoever waits for them. It grows as
// a search finds things, which is bounded.
type queue[T any] struct {
	mu    sync.Mutex
	some  *sync.Cond
	items []T
}

func newQueue[T any]() *queue[T] {
	q := new(queue[T])
	q.some = sync.NewCond(&q.mu)
	return q
}

func (q *queue[T]) add(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, item)
	q.some.Signal()
}

func (q *queue[T]) take() T {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		q.some.Wait()
	}
	item := q.items[0]
	q.items = q.items[1:]
	return item
}
