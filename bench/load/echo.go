package load

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// serveEcho sends packets back as they came, a batch at a time, and does nothing
// else: what a server of packets cannot go below.
func serveEcho() (addr netip.AddrPort, stop func() error, err error) {
	w, addr, err := listen(netip.AddrPort{})
	if err != nil {
		return addr, nil, err
	}
	var ended atomic.Bool
	var echoing sync.WaitGroup
	echoing.Go(func() {
		for !ended.Load() {
			count, err := w.take()
			if err != nil {
				continue // nothing came for a while
			}
			for i := range count {
				w.put(i, w.packet(i))
			}
			_, _ = w.send(count) // who misses an answer says so
		}
	})
	return addr, func() error {
		ended.Store(true)
		echoing.Wait()
		return w.close()
	}, nil
}
