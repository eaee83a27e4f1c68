package mainline

import (
	"math/rand/v2"
	"net/netip"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

const (
	tokenKey  = len("5:token8:") + kad.TokenSize
	valuesKey = len("6:valuesle")
	bloomsKey = 2 * (len("4:BFpe256:") + len(Bloom{}))
)

// getPeers answers with nodes, a token, and peers if there are any; with the
// filters of BEP 33 if these are asked for. The peers get what room is left.
func (s *side) getPeers(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	switch {
	case stranger(m):
		return refuse(b, from, m, bep5.CodeProtocol, noID)
	case len(m.InfoHash) != kad.IDSize:
		return refuse(b, from, m, bep5.CodeProtocol, "info_hash is missing or has not 20 bytes")
	}
	l := &s.loop
	hash := kad.ID(m.InfoHash)
	w := l.swarms.byHash[hash]
	start := len(b)
	b = bep5.Open(b, from)
	if m.Scrape && w != nil {
		seeds, peers := w.blooms(l.unix)
		b = bep5.AppendBytes(b, "BFpe", peers[:])
		b = bep5.AppendBytes(b, "BFsd", seeds[:])
	}
	b = bep5.AppendID(b, &l.id)
	b = s.appendNodes(b, m, hash, room(b, start, m)-tokenKey)
	b = bep5.AppendBytes(b, "token", l.tokens.give(from.Addr()))
	if w != nil {
		b = s.appendValues(b, w, m.NoSeed, room(b, start, m))
	}
	return bep5.Close(b, m.Tx)
}

// appendValues leaves the key out where there is no peer to name.
func (s *side) appendValues(b []byte, w *swarm, noSeed bool, room int) []byte {
	l := &s.loop
	each := len("6:") + l.swarms.size
	if s.six {
		each++ // 18:
	}
	n := (room - valuesKey) / each
	if n <= 0 {
		return b
	}
	before := b
	b = append(bep5.AppendKey(b, "values"), 'l')
	first := len(b)
	if b = l.swarms.appendValues(b, w, n, noSeed, l.unix); len(b) == first {
		return before
	}
	return append(b, 'e')
}

func (s *side) announcePeer(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	port := from.Port()
	switch {
	case stranger(m):
		return refuse(b, from, m, bep5.CodeProtocol, noID)
	case len(m.InfoHash) != kad.IDSize:
		return refuse(b, from, m, bep5.CodeProtocol, "info_hash is missing or has not 20 bytes")
	case m.ImpliedPort:
	case m.Has&bep5.FieldPort == 0 || m.Port < 1 || m.Port > 65535:
		return refuse(b, from, m, bep5.CodeProtocol, "port is missing or none")
	default:
		port = uint16(m.Port)
	}
	l := &s.loop
	if !l.tokens.accept(m.Token, from.Addr()) {
		return refuse(b, from, m, bep5.CodeProtocol, "bad token")
	}
	l.swarms.announce(kad.ID(m.InfoHash), netip.AddrPortFrom(from.Addr(), port), m.Seed, l.unix)
	b = bep5.AppendID(bep5.Open(b, from), &l.id)
	return bep5.Close(b, m.Tx)
}

// sample is some of the info-hashes that peers are held of, and until when it
// is the same for all: an asker who comes again sooner learns nothing new
// (BEP 51).
type sample struct {
	hashes []byte
	until  int64
}

// draw makes the sample anew: all hashes if they fit, else some that come after
// each other in an order that nobody chooses.
func (l *loop) draw(interval int64) {
	all := l.swarms.hashes
	n := min(len(all), kad.MaxSamples)
	l.sample.hashes = l.sample.hashes[:0]
	at := 0
	if len(all) > n {
		at = rand.IntN(len(all))
	}
	for i := range n {
		hash := &all[(at+i)%len(all)]
		l.sample.hashes = append(l.sample.hashes, hash[:]...)
	}
	l.sample.until = l.unix + interval
}

func (s *side) sampleInfohashes(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	switch {
	case stranger(m):
		return refuse(b, from, m, bep5.CodeProtocol, noID)
	case len(m.Target) != kad.IDSize:
		return refuse(b, from, m, bep5.CodeProtocol, "target is missing or has not 20 bytes")
	}
	l := &s.loop
	all, interval := len(l.swarms.hashes), int64(0)
	if all > kad.MaxSamples {
		interval = kad.SampleInterval
	}
	if interval == 0 || l.unix >= l.sample.until || len(l.sample.hashes) < kad.MaxSamples*kad.IDSize {
		l.draw(interval)
	}
	start := len(b)
	b = bep5.AppendID(bep5.Open(b, from), &l.id)
	b = bep5.AppendInt(b, "interval", max(0, l.sample.until-l.unix))
	const rest = len("3:numi0000000000e7:samples000:")
	b = s.appendNodes(b, m, kad.ID(m.Target), room(b, start, m)-rest-len(l.sample.hashes))
	b = bep5.AppendInt(b, "num", int64(all))
	b = bep5.AppendBytes(b, "samples", l.sample.hashes)
	return bep5.Close(b, m.Tx)
}
