package mainline

import (
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// pace is how fast the node asks: so many packets a minute, and so many
// addresses that were not asked within the minute. A quarter of each may come
// at once.
type pace struct {
	packets, destinations allowance
	asked                 map[netip.AddrPort]struct{} // within this minute
	minute                int64
}

// allowance fills at its rate.
type allowance struct {
	perMinute float64
	left      float64
	at        time.Time
}

const burst = 4 // a quarter

func newPace(c Config) pace {
	return pace{
		packets:      allowance{perMinute: float64(c.PacketsPerMinute), left: float64(c.PacketsPerMinute) / burst},
		destinations: allowance{perMinute: float64(c.DestinationsPerMinute), left: float64(c.DestinationsPerMinute) / burst},
		asked:        make(map[netip.AddrPort]struct{}),
	}
}

func (a *allowance) fill(now time.Time) {
	if !a.at.IsZero() && now.After(a.at) {
		a.left = min(a.left+now.Sub(a.at).Minutes()*a.perMinute, max(1, a.perMinute/burst))
	}
	a.at = now
}

// wait is how long until there is one to take.
func (a *allowance) wait() time.Duration {
	if a.left >= 1 {
		return 0
	}
	return max(time.Millisecond, time.Duration((1-a.left)/a.perMinute*float64(time.Minute)))
}

// take counts a question to an address, or says how long it has to wait.
func (p *pace) take(to netip.AddrPort, now time.Time) (wait time.Duration) {
	if minute := now.Unix() / 60; minute != p.minute {
		p.minute = minute
		clear(p.asked)
	}
	p.packets.fill(now)
	p.destinations.fill(now)
	wait = p.packets.wait()
	_, again := p.asked[to]
	if !again {
		wait = max(wait, p.destinations.wait())
	}
	if wait > 0 {
		return wait
	}
	p.packets.left--
	if !again {
		p.destinations.left--
		p.asked[to] = struct{}{}
	}
	return 0
}

// repeated counts a question that was sent a second time.
func (p *pace) repeated() { p.packets.left-- }

// errand is a question that waits for its turn.
type errand struct {
	to   netip.AddrPort
	body []byte
	then func(*bep5.Message, error)
}

// send puts a question now, or as soon as the pace allows it. Call it under the
// lock; then runs without it, exactly once.
func (s *side) send(e errand) {
	n := s.node
	if n.config.Loopback && e.to.Addr().IsLoopback() {
		s.udp.Ask(e.to, e.body, e.then)
		return
	}
	if len(s.outbox) == 0 && s.pace.take(e.to, n.config.Clock.Now()) == 0 {
		s.udp.Ask(e.to, e.body, e.then)
		return
	}
	if len(s.outbox) >= kad.MaxWaiting {
		n.after = append(n.after, func() { e.then(nil, ErrBusy) })
		return
	}
	s.outbox = append(s.outbox, e)
	s.wake()
}

// wake sets a timer for the first that waits. Call it under the lock.
func (s *side) wake() {
	if s.wakes || len(s.outbox) == 0 || s.node.closed {
		return
	}
	wait := s.pace.take(s.outbox[0].to, s.node.config.Clock.Now())
	for wait == 0 {
		e := s.outbox[0]
		s.outbox = s.outbox[1:]
		s.udp.Ask(e.to, e.body, e.then)
		if len(s.outbox) == 0 {
			return
		}
		wait = s.pace.take(s.outbox[0].to, s.node.config.Clock.Now())
	}
	s.wakes = true
	s.node.afterFunc(wait, func() {
		s.node.mu.Lock()
		defer s.node.unlock()
		s.wakes = false
		s.wake()
	})
}
