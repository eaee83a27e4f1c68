package mainline

import "sync"

// callbacks runs what users gave us, one after the other, on a goroutine of its
// own: they may take their time, and the packet loop may not.
type callbacks struct {
	mu    sync.Mutex
	queue []func()
	ended bool
	ready chan struct{}
}

func (c *callbacks) start(running *sync.WaitGroup) {
	c.ready = make(chan struct{}, 1)
	running.Go(c.run)
}

// add queues f; false means that nothing runs any more.
func (c *callbacks) add(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.queue = append(c.queue, f)
	select {
	case c.ready <- struct{}{}:
	default:
	}
	return true
}

// end lets what was added before run, and nothing after.
func (c *callbacks) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	close(c.ready)
}

func (c *callbacks) run() {
	for range c.ready {
		c.mu.Lock()
		queue := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, f := range queue {
			f()
		}
	}
}
