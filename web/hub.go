package web

import (
	"sync"
	"sync/atomic"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// Hub takes what a node's observer hears to those who listen, and never keeps the
// node waiting: who is too slow loses events and is told how many. It costs one
// look at a number while nobody listens.
type Hub struct {
	name      string // of the node
	above     *Hub   // hears of the same
	listening atomic.Int32
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

// NewHub is a hub that nobody listens to.
func NewHub() *Hub { return &Hub{listeners: make(map[*listener]struct{})} }

// Of is a hub for one of several nodes: what happens there is heard here too,
// with the node's ID.
func (h *Hub) Of(id string) *Hub {
	below := NewHub()
	below.name, below.above = id, h
	return below
}

// Observer is what the node's Config must have. (What is heard is copied, so that
// what is not costs no memory.)
func (h *Hub) Observer() khashmir.Observer {
	return khashmir.Observer{
		Lookup: func(l khashmir.Lookup) {
			if h.heard() {
				said := l
				h.tell(happening{lookup: &said})
			}
		},
		Step: func(s khashmir.Step) {
			if h.heard() {
				said := s
				h.tell(happening{step: &said})
			}
		},
		Served: func(s khashmir.Served) {
			if h.heard() {
				said := s
				h.tell(happening{served: &said})
			}
		},
		Met: func(c khashmir.Contact) {
			if h.heard() {
				said := c
				h.tell(happening{met: &said})
			}
		},
		Lost: func(c khashmir.Contact) {
			if h.heard() {
				said := c
				h.tell(happening{lost: &said})
			}
		},
	}
}

// happening is what the node said; its listener puts it into words.
type happening struct {
	node   string
	lookup *khashmir.Lookup
	step   *khashmir.Step
	served *khashmir.Served
	met    *khashmir.Contact
	lost   *khashmir.Contact
}

func (h *Hub) heard() bool {
	return h.listening.Load() > 0 || h.above != nil && h.above.heard()
}

func (h *Hub) tell(what happening) {
	h.mu.Lock()
	for l := range h.listeners {
		select {
		case l.events <- what:
		default:
			l.dropped.Add(1)
		}
	}
	h.mu.Unlock()
	if h.above != nil {
		what.node = h.name
		h.above.tell(what)
	}
}

// listener is one who hears of everything.
type listener struct {
	events  chan happening
	dropped atomic.Int64 // since it was told
}

func (h *Hub) listen() *listener {
	l := &listener{events: make(chan happening, kad.GatewayBacklog)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[l] = struct{}{}
	h.listening.Add(1)
	return l
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
	h.listening.Add(-1)
}

// said is the event, and its name on a stream.
func (h happening) said() (name string, e api.Event) {
	e.Node = h.node
	switch {
	case h.lookup != nil:
		l := lookupOf(*h.lookup)
		name, e.Lookup = "lookup", &l
	case h.step != nil:
		s := stepOf(*h.step)
		name, e.Step = "step", &s
	case h.served != nil:
		s := servedOf(*h.served)
		name, e.Served = "served", &s
	case h.met != nil:
		c := contactOf(*h.met)
		name, e.Met = "met", &c
	case h.lost != nil:
		c := contactOf(*h.lost)
		name, e.Lost = "lost", &c
	}
	return name, e
}
