package web

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// health compares what the node counts now with what it counted a while ago. It
// remembers when it is asked, so it sees as far back as somebody has asked,
// HealthWindow at the most. docs/HEALTH.md says what each check can know.
type health struct {
	node   *khashmir.Node
	client bool
	proc   fs.FS // Linux's

	mu     sync.Mutex
	before []sample // the latest last
}

// sample is what was counted at one time.
type sample struct {
	at                    time.Time
	asked, silent, served int
	drops                 int64
}

func newHealth(config Config, node *khashmir.Node) *health {
	h := &health{node: node, client: config.Client, proc: os.DirFS("/proc")}
	stats, _ := node.Stats() // a disk that fails is said when somebody asks
	h.before = []sample{h.sample(stats)}
	return h
}

func (h *health) sample(s khashmir.Stats) sample {
	drops, _ := drops(h.proc, h.node.Addr().Port())
	return sample{at: time.Now(), asked: s.Asked, silent: s.Silent, served: s.Served, drops: drops}
}

// check looks at everything, in this order.
func (h *health) check() ([]api.Check, khashmir.Stats, error) {
	stats, err := h.node.Stats()
	if errors.Is(err, khashmir.ErrClosed) {
		return nil, stats, err
	}
	now := h.sample(stats)
	before := h.remember(now)
	return []api.Check{
		contacts(stats),
		reachable(stats, h.client, before, now),
		answers(before, now),
		space(stats),
		disk(stats, err),
		buffers(h.proc, h.node.Addr().Port(), before, now),
		clock(before.at, now.at, now.at.Sub(before.at)),
	}, stats, nil
}

// remember keeps now, and is what it compares with.
func (h *health) remember(now sample) sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.before) > 1 && now.at.Sub(h.before[1].at) >= kad.HealthWindow {
		h.before = h.before[1:]
	}
	if now.at.Sub(h.before[len(h.before)-1].at) >= kad.HealthInterval {
		h.before = append(h.before, now)
	}
	return h.before[0]
}
