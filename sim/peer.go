package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
)

// peer is one participant through all of its lives: an address, an identity, a
// disk and, while it is up, a node.
type peer struct {
	sim    *Sim
	handle func(from kad.Contact, q krpc.Query) krpc.Reply // nil while nobody hears
	index  int32
	nat    bool
	side   bool // of a partition
	liar   bool
	served int // questions answered while measuring
	hot    int // of these, for the values of what everybody wants
	gave   int // of these, answered with them
	self   kad.Contact

	clock clock
	key   ed25519.PrivateKey
	node  *khashmir.Node // nil while it is down
	disk  *disk          // nil once it is destroyed

	firstAsked *question
	lastAsked  *question
	mappings   map[int32]int64 // of its NAT: when it spoke to whom

	place int  // among those who live
	life  int  // how often it was started
	met   bool // it was up for long enough to have saved whom it met
	whole int  // lookups in this life that have found K, but those for its own place
	since int64
	ops   []*op // of the workload, in progress
}

// newPeer is a peer that is down.
func (s *Sim) newPeer() *peer {
	i := int32(len(s.peers))
	p := &peer{sim: s, index: i}
	p.clock = clock{splitmix: splitmix{s.seeds.Uint64()}, queue: &s.queue}
	if s.config.Skew > 0 {
		p.clock.skew = s.seeds.part(2*s.config.Skew) - s.config.Skew
	}
	seed := make([]byte, ed25519.SeedSize)
	for at := 0; at < len(seed); at += 8 {
		binary.BigEndian.PutUint64(seed[at:], s.seeds.Uint64())
	}
	p.key = ed25519.NewKeyFromSeed(seed)
	p.self = kad.NewContact(kad.PublicKeyOf(p.key), addrOf(i))
	p.nat = i >= int32(bootstrapPeers) && s.seeds.chance(s.config.NAT)
	p.liar = i >= int32(bootstrapPeers) && s.seeds.chance(s.config.Liars)
	p.side = s.seeds.chance(s.config.PartitionShare)
	s.peers = append(s.peers, p)
	return p
}

// bootstrapPeers is how many of the first peers everybody can reach and trust.
const bootstrapPeers = 8

// metAfter is how long that takes.
const metAfter = time.Minute

// start opens the peer's node. Who can have no saved contacts is given some.
func (p *peer) start() {
	s := p.sim
	if p.disk == nil {
		p.disk = newDisk(p)
	}
	config := s.config.Node
	config.Key, config.Transport, config.Store, config.Clock = p.key, link{p}, p.disk, &p.clock
	config.Authentic = s.authentic
	config.Observer = khashmir.Observer{Lookup: p.lookedUp}
	if !p.met { // else it has its saved contacts, or nothing
		config.Bootstrap = s.bootstrap()
	}
	node, err := khashmir.Open(config)
	if err != nil {
		panic(fmt.Sprintf("sim: peer %d does not start: %v", p.index, err)) // a bug of ours
	}
	p.node, p.since = node, s.now
	p.life++
	p.whole = 0
	if p.liar {
		p.handle = s.lies(p)
	}
	s.roster.add(p)
	s.population(+1)
	s.note(uint64(p.index) | 1<<40)
	s.trace.write(line{At: s.seconds(), Event: "start", Peer: p.index, ID: p.self.ID.String()})
}

// bootstrap is the addresses of three peers, by chance, among those that live.
func (s *Sim) bootstrap() (addrs []string) {
	for range 32 {
		if len(s.roster.living) == 0 || len(addrs) == s.config.Contacts {
			break
		}
		if p := s.anybody(); !p.nat {
			addrs = append(addrs, p.self.V4.String())
		}
	}
	return addrs
}

// crash ends the node as kill -9 does. The disk stays.
func (p *peer) crash() { p.down("crash") }

// down ends the node, by an event of that name.
func (p *peer) down(event string) {
	if p.node == nil {
		return
	}
	s, node := p.sim, p.node
	p.node = nil
	p.met = p.met || s.now-p.since >= int64(metAfter)
	s.roster.remove(p)
	s.population(-1)
	s.note(uint64(p.index) | 2<<40)
	s.trace.write(line{At: s.seconds(), Event: event, Peer: p.index})
	for _, o := range p.ops {
		o.abandon()
	}
	p.ops = nil
	node.Abort()
	p.mappings = nil
}

// leave ends the node politely, which takes a while. then runs when it is gone, unless
// something else has ended it meanwhile.
func (p *peer) leave(then func()) {
	life := p.life
	p.node.Leave(func() {
		p.sim.in(0, action(func() {
			if p.life == life && p.lives() {
				p.down("leave")
				then()
			}
		}))
	})
}

// lives: p is up and stays.
func (p *peer) lives() bool { return p.node != nil }

// anybody is one of those who live; there must be one.
func (s *Sim) anybody() *peer { return s.roster.living[s.chance.below(len(s.roster.living))] }
