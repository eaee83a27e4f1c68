package khashmir

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// A key that everybody wants is not for those alone whom everybody knows. Who has
// given its values too often of late says that they are hot and names others, and
// whoever asks goes on to these. Who has heard nothing else, insists.

// hot counts how often the values of each key were given of late to those who
// take any. The node's lock guards it.
type hot struct {
	given map[kad.ID]uint64
	since time.Time // when the interval began
}

// times is how often the values of key were given, since the interval began.
func (h *hot) times(key kad.ID, now time.Time) uint64 {
	if now.Sub(h.since) >= kad.HotInterval {
		clear(h.given)
		h.since = now
	}
	return h.given[key]
}

// count counts once more. A key for which there is no room is not counted.
func (h *hot) count(key kad.ID) {
	if h.given == nil {
		h.given = make(map[kad.ID]uint64)
	}
	if h.given[key] > 0 || len(h.given) < kad.HotKeys {
		h.given[key]++
	}
}

// tooOften is how often the values of key were given, if that is too often; else 0.
// Answers that are on their way at this moment are not among them yet.
func (n *Node) tooOften(key kad.ID, now time.Time) uint64 {
	n.mu.Lock()
	defer n.unlock()
	if times := n.hot.times(key, now); times >= kad.HotAnswers {
		return times
	}
	return 0
}

// gave counts an answer with the values of key, where others could have given them:
// not in a small network.
func (n *Node) gave(key kad.ID, now time.Time) {
	n.mu.Lock()
	defer n.unlock()
	nodes, _ := n.size()
	if copies := float64(nodes) * kad.CacheShare; copies >= float64(kad.HotHelpers*n.config.K) {
		n.hot.times(key, now) // of this interval
		n.hot.count(key)
	}
}

// sendOn answers with K of those who may have cached the values of key, whichever,
// and without them: the closest are wanted by everybody.
func (n *Node) sendOn(from kad.Contact, key kad.ID, times uint64) krpc.Reply {
	n.mu.Lock()
	defer n.unlock()
	helpers := n.table.Closest(nil, key, kad.HotHelpers*n.config.K)
	helpers = slices.DeleteFunc(helpers, func(c kad.Contact) bool {
		return c.ID == from.ID || part(key, c.ID) > kad.CacheShare
	})
	for len(helpers) > n.config.K {
		i := int(n.clock.Uint64() % uint64(len(helpers)))
		helpers = slices.Delete(helpers, i, i+1)
	}
	return krpc.Reply{Hot: times, Contacts: helpers, Token: n.tokens.give(from, n.clock.Now())}
}

// busy is one who has what is wanted and was asked for it too often of late.
type busy struct {
	kad.Contact
	times uint64
}

// sentOn: from has what is wanted, and names others that may. Where as many say so
// as are asked at once, it is hot everywhere, and going on would take too long.
func (s *search) sentOn(from kad.Contact, times uint64) {
	s.hot = append(s.hot, busy{from, times})
	if len(s.hot) >= s.node.config.Alpha && s.reading == 0 {
		s.insist()
	}
}

// insist asks the least busy once more. What has come is handed over before, and
// may be enough.
func (s *search) insist() {
	n := s.node
	least := 0
	for i, b := range s.hot {
		if b.times < s.hot[least].times {
			least = i
		}
	}
	from := s.hot[least].Contact
	s.hot = slices.Delete(s.hot, least, least+1)
	q := s.query
	q.Hot = true
	s.reading++
	n.post(&s.out, func() {
		n.mu.Lock()
		defer n.unlock()
		s.read(from, q, func(r krpc.Reply) {
			s.gift.see(from, r)
			s.take(from, r, 0)
		})
	})
}
