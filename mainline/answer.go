package mainline

import (
	"net/netip"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// Answer appends the answer to a question. This is the path of every packet:
// nothing on it is allocated, locked, logged or timed. What it reads was made
// ready by Begin.
func (s *side) Answer(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	n := s.node
	if s.loop.flood.over(from.Addr()) {
		return b
	}
	if n.config.Observer != nil || n.config.Handler != nil {
		if out, handled := s.hand(b, from, m); handled {
			return out
		}
	}
	if n.config.ReadOnly {
		return b
	}
	start := len(b)
	b = s.dispatch(b, from, m)
	if !m.ReadOnly && len(m.ID) == kad.IDSize {
		s.loop.heard.note(kad.ID(m.ID), from)
	}
	if len(b)-start > kad.MaxPacket {
		return b[:start] // cannot be: every part is bounded
	}
	return b
}

func (s *side) dispatch(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	switch string(m.Method) {
	case bep5.Ping:
		return s.ping(b, from, m)
	case bep5.FindNode:
		return s.findNode(b, from, m, m.Target, bep5.FieldTarget)
	case bep5.GetPeers:
		return s.getPeers(b, from, m)
	case bep5.AnnouncePeer:
		return s.announcePeer(b, from, m)
	case bep5.Get:
		return s.getItem(b, from, m)
	case bep5.Put:
		return s.putItem(b, from, m)
	case bep5.SampleInfohashes:
		return s.sampleInfohashes(b, from, m)
	}
	switch {
	case len(m.Method) == 0:
		return refuse(b, from, m, bep5.CodeProtocol, "q is missing or not a name")
	case len(m.Target) == kad.IDSize:
		return s.findNode(b, from, m, m.Target, bep5.FieldTarget)
	case len(m.InfoHash) == kad.IDSize:
		return s.findNode(b, from, m, m.InfoHash, bep5.FieldInfoHash)
	}
	return refuse(b, from, m, bep5.CodeUnknownMethod, "unknown method")
}

func refuse(b []byte, from netip.AddrPort, m *bep5.Message, code int, text string) []byte {
	return bep5.AppendFailure(b, from, m.Tx, code, text)
}

// stranger reports whether the asker does not say who it is.
func stranger(m *bep5.Message) bool { return len(m.ID) != kad.IDSize }

const noID = "id is missing or has not 20 bytes"

func (s *side) ping(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	if stranger(m) {
		return refuse(b, from, m, bep5.CodeProtocol, noID)
	}
	b = bep5.AppendID(bep5.Open(b, from), &s.loop.id)
	return bep5.Close(b, m.Tx)
}

func (s *side) findNode(b []byte, from netip.AddrPort, m *bep5.Message, target []byte, field bep5.Fields) []byte {
	switch {
	case stranger(m):
		return refuse(b, from, m, bep5.CodeProtocol, noID)
	case len(target) != kad.IDSize:
		return refuse(b, from, m, bep5.CodeProtocol, "target is missing or has not 20 bytes")
	}
	start := len(b)
	b = bep5.AppendID(bep5.Open(b, from), &s.loop.id)
	b = s.appendNodes(b, m, kad.ID(target), room(b, start, m))
	return bep5.Close(b, m.Tx)
}

// room is how many bytes the values of an answer may still take.
func room(b []byte, start int, m *bep5.Message) int {
	return bep5.MaxReply - (len(b) - start) - bep5.Tail(m.Tx)
}

const listKey = len("6:nodes6000:")

// appendNodes appends the closest contacts in the families that are wanted: if
// nothing is said, the one of the question (BEP 32).
func (s *side) appendNodes(b []byte, m *bep5.Message, target kad.ID, room int) []byte {
	want4, want6 := m.Want4, m.Want6
	if !want4 && !want6 {
		want4, want6 = !s.six, s.six
	}
	four, six := s.loop.known, s.loop.theirs
	if s.six {
		four, six = six, four
	}
	if want4 && four != nil {
		n := four.count((room - listKey) / bep5.ContactSize4)
		b = bep5.AppendKey(b, "nodes")
		b = bep5.AppendLen(b, n*bep5.ContactSize4)
		b = four.appendTo(b, target, n)
		room -= listKey + n*bep5.ContactSize4
	}
	if want6 && six != nil {
		n := six.count((room - listKey) / bep5.ContactSize6)
		b = bep5.AppendKey(b, "nodes6")
		b = bep5.AppendLen(b, n*bep5.ContactSize6)
		b = six.appendTo(b, target, n)
	}
	return b
}
