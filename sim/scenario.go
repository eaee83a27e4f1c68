package sim

import (
	"math/bits"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// Scenario is a story that a network goes through.
type Scenario struct {
	Name  string
	About string
	fill  func(c *Config)
	run   func(s *Sim)
}

// peace is long enough for two rounds of each holder with all others.
const peace = 2*kad.ReplicateInterval + 30*time.Minute

// Scenarios is all there are.
var Scenarios = []Scenario{
	{"join", "nodes come one after another; measured is how well they are found from the first minute on",
		func(c *Config) {
			c.Settle = orElse(c.Settle, time.Minute)
			c.Duration = orElse(c.Duration, 10*time.Minute)
		},
		func(s *Sim) { s.usual(nil) }},
	{"steady", "a network in peace: lookups, stores, finds",
		func(c *Config) { c.values(100); c.Heal = orElse(c.Heal, peace) },
		func(s *Sim) { s.usual(nil) }},
	{"churn", "nodes come and go; who goes takes its disk along, unless it returns",
		func(c *Config) {
			if c.Sessions.draw == nil {
				c.Sessions = Exponential(time.Hour)
			}
			c.values(100)
			c.Heal = orElse(c.Heal, peace)
		},
		func(s *Sim) { s.usual(nil) }},
	{"partition", "a part of the network does not hear the rest for a while, then they meet again",
		func(c *Config) {
			c.PartitionShare, c.PartitionFor = orElse(c.PartitionShare, 0.5), orElse(c.PartitionFor, 20*time.Minute)
			c.values(100)
			c.Heal = orElse(c.Heal, peace)
		},
		func(s *Sim) {
			s.usual(func() {
				s.in(s.config.Duration/6, action(func() {
					s.parted, s.cutOnce = true, true
					s.mark("cut")
				}))
				s.in(s.config.Duration/6+s.config.PartitionFor, action(func() {
					s.parted = false
					s.mark("whole again")
				}))
			})
		}},
	{"kill", "a part of the nodes dies at one moment, without a word and with its disks",
		func(c *Config) {
			c.Kill = orElse(c.Kill, 0.2)
			c.values(100)
			c.Heal = orElse(c.Heal, peace)
		},
		func(s *Sim) {
			s.usual(func() {
				s.in(s.config.Duration/6, action(func() {
					s.mark("the killing")
					for _, p := range slices.Clone(s.roster.living) {
						if s.chance.chance(s.config.Kill) {
							p.crash()
							p.destroy()
						}
					}
				}))
			})
		}},
	{"flash-crowd", "as many newcomers as there are nodes, all within ten seconds",
		func(c *Config) {
			if c.Crowd == 0 {
				c.Crowd = orElse(c.Nodes, 1000)
			}
			c.values(100)
			c.Heal = orElse(c.Heal, peace)
		},
		func(s *Sim) {
			s.usual(func() {
				s.in(s.config.Duration/6, action(func() { s.mark("the crowd") }))
				for range s.config.Crowd {
					s.in(s.config.Duration/6+s.chance.part(10*time.Second), action(func() { s.join() }))
				}
			})
		}},
	{"hot-key", "everybody wants the same value",
		func(c *Config) {
			c.HotFinds = orElse(c.HotFinds, 20_000)
			c.LookupEvery, c.FindEvery = orElse(c.LookupEvery, -1), orElse(c.FindEvery, -1)
			c.values(1)
		},
		func(s *Sim) {
			s.usual(func() {
				s.in(s.config.Duration/6, action(func() { s.mark("the finds") }))
				for range s.config.HotFinds {
					s.in(s.config.Duration/6+s.chance.part(s.config.Duration*5/6), action(func() {
						if p := s.anyReader(); len(s.due) > 0 && p != nil {
							s.find(p, s.due[0], nil)
						}
					}))
				}
			})
		}},
	{"restart-all", "every node is killed at one moment and comes back with its disk; no address is told again",
		func(c *Config) { c.values(100); c.Heal = orElse(c.Heal, peace) },
		func(s *Sim) {
			s.usual(func() {
				s.in(s.config.Duration/6, action(func() {
					s.mark("the restart")
					for _, p := range slices.Clone(s.roster.living) {
						p.crash()
						s.in(s.chance.part(time.Minute), action(func() { p.rise() }))
					}
				}))
			})
		}},
	{"adversary", "a part of the nodes answers with nothing but each other, and forgets what it has promised to hold",
		func(c *Config) { c.Liars = orElse(c.Liars, 0.1); c.values(100) },
		func(s *Sim) { s.usual(nil) }},
}

func scenario(name string) Scenario {
	return Scenarios[slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })]
}

func orElse[T comparable](is, otherwise T) T {
	var zero T
	if is == zero {
		return otherwise
	}
	return is
}

func (c *Config) values(n int) { c.Values = orElse(c.Values, n) }

// usual is what all scenarios do: the network is built, settles, is used and
// measured while something happens to it, has peace, and is judged.
func (s *Sim) usual(happens func()) {
	c := s.config
	s.byKey = make(map[kad.ID]*value)
	for i := range c.Nodes {
		s.in(partOf(c.JoinOver, i, c.Nodes), action(func() { s.join() }))
	}
	s.judgeAgain()
	s.pass("joining", c.JoinOver)
	s.churns = c.Sessions.draw != nil
	if s.churns {
		for _, p := range slices.Clone(s.roster.living) {
			p.mortal()
		}
	}
	s.pass("settling", c.Settle)

	s.working = true
	s.startMeasuring(c.Duration)
	s.publish()
	if happens != nil {
		happens()
	}
	s.pass("running "+c.Scenario, c.Duration)
	s.working = false
	s.stopMeasuring()
	s.survivors()
	s.churns = false
	if c.Heal > 0 {
		s.pass("in peace", c.Heal)
		s.lastJudgement()
	}
}

// partOf is d*i/n, of an i less than n, however long d is.
func partOf(d time.Duration, i, n int) time.Duration {
	high, low := bits.Mul64(uint64(d), uint64(i))
	part, _ := bits.Div64(high, low, uint64(n))
	return time.Duration(part)
}

// publish has the values stored within the first twelfth of the time. Some are
// removed halfway, and some live only until then.
func (s *Sim) publish() {
	c := s.config
	for i := range c.Values {
		s.in(s.chance.part(c.Duration/12), action(func() {
			p := s.anyReader()
			if p == nil {
				return
			}
			ttl := min(max(kad.ValueTTL, c.Duration+c.Heal+time.Hour), kad.MaxValueTTL)
			if i%20 == 7 {
				ttl = max(time.Minute, min(c.Duration, kad.MaxValueTTL)/2)
			}
			v := s.newValue(p)
			s.store(p, v, ttl)
			if i%20 == 13 {
				s.in(c.Duration/2, action(func() {
					if p.lives() && v.expires > 0 {
						s.remove(p, v)
					}
				}))
			}
		}))
	}
}

// join is a newcomer.
func (s *Sim) join() { s.newPeer().rise() }

// rise starts p, and has it work and die.
func (p *peer) rise() {
	p.start()
	p.work()
	if p.sim.churns {
		p.mortal()
	}
}

// mortal draws how long p will stay.
func (p *peer) mortal() {
	s, life := p.sim, p.life
	s.in(s.config.Sessions.draw(&s.chance), action(func() {
		if p.life != life || !p.lives() || !s.churns {
			return
		}
		if s.chance.chance(s.config.Polite) {
			p.leave(func() { p.gone() })
			return
		}
		p.crash()
		p.gone()
	}))
}

// restart is how long a node is down at the least: the time must pass.
const restart = time.Millisecond

// gone: p is down. It comes back after a while, or somebody else comes.
func (p *peer) gone() {
	s := p.sim
	if s.chance.chance(s.config.Return) {
		s.in(max(restart, s.config.Downtime/2+s.chance.part(s.config.Downtime)), action(func() { p.rise() }))
		return
	}
	p.destroy()
	s.in(s.chance.part(10*time.Second), action(func() { s.join() }))
}

// lies is how a liar answers: it names none but liars, holds nothing and
// promises everything.
func (s *Sim) lies(p *peer) func(kad.Contact, krpc.Query) krpc.Reply {
	honest := p.handle
	return func(from kad.Contact, q krpc.Query) krpc.Reply {
		if q.Method == krpc.StoreValue { // it has heard from somebody, and that is all
			return honest(from, krpc.Query{Method: krpc.Ping, Client: q.Client})
		}
		r := honest(from, q)
		r.Contacts, r.Entries, r.Next = nil, nil, 0
		for i := range s.peers {
			other := s.peers[(int(p.index)+i)%len(s.peers)]
			if other.liar && other != p && other.self.ID != from.ID {
				r.Contacts = append(r.Contacts, other.self)
			}
			if len(r.Contacts) == s.k() || i > 1000 {
				break
			}
		}
		return r
	}
}
