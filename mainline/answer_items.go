package mainline

import (
	"bytes"
	"net/netip"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// getItem answers with nodes, a token and the item if it is here. Of a version
// that the asker has, or a later, it names only the number.
func (s *side) getItem(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	switch {
	case stranger(m):
		return refuse(b, from, m, bep5.CodeProtocol, noID)
	case len(m.Target) != kad.IDSize:
		return refuse(b, from, m, bep5.CodeProtocol, "target is missing or has not 20 bytes")
	case m.Wrong&bep5.FieldSeq != 0:
		return refuse(b, from, m, bep5.CodeProtocol, "seq is not an integer")
	}
	l := &s.loop
	target := kad.ID(m.Target)
	h := s.node.shelf.items.get(target, l.unix)
	whole := h != nil && !(h.item.Mutable && m.Has&bep5.FieldSeq != 0 && h.item.Seq <= m.Seq)
	start := len(b)
	b = bep5.AppendID(bep5.Open(b, from), &l.id)
	left := room(b, start, m) - tokenKey
	if h != nil && h.item.Mutable {
		left -= len("3:seqi0000000000000000000e")
		if whole {
			b = bep5.AppendBytes(b, "k", h.item.Key[:])
			left -= len("1:k32:") + len("3:sig64:") + len(h.item.Key) + len(h.item.Sig)
		}
	}
	if whole {
		left -= len("1:v") + len(h.item.Value)
	}
	// A large value leaves no room for nodes. It may even be longer than an
	// answer should be, and then goes alone: it is what was asked for.
	b = s.appendNodes(b, m, target, max(left, 0))
	if h != nil && h.item.Mutable {
		b = bep5.AppendInt(b, "seq", h.item.Seq)
		if whole {
			b = bep5.AppendBytes(b, "sig", h.item.Sig[:])
		}
	}
	b = bep5.AppendBytes(b, "token", l.tokens.give(from.Addr()))
	if whole {
		b = bep5.AppendRaw(b, "v", h.item.Value)
	}
	return bep5.Close(b, m.Tx)
}

// putItem refuses what it can and leaves the rest, a signature perhaps and the
// disk, to the keeper. The item's parts are copied: the packet is not ours.
func (s *side) putItem(b []byte, from netip.AddrPort, m *bep5.Message) []byte {
	if code, text := malformedPut(m); code != 0 {
		return refuse(b, from, m, code, text)
	}
	item := Item{Value: m.Value, Seq: m.Seq}
	if m.Has&bep5.FieldKey != 0 {
		item.Mutable, item.Key, item.Sig, item.Salt = true, kad.PublicKey(m.Key), kad.Signature(m.Sig), m.Salt
	} else {
		item.Seq = 0 // some send one
	}
	target := item.Target()
	if !s.loop.tokens.accept(m.Token, from.Addr()) {
		return refuse(b, from, m, bep5.CodeProtocol, "bad token")
	}
	p := put{side: s, from: from, target: target}
	if m.Has&bep5.FieldCAS != 0 {
		cas := m.CAS
		p.cas = &cas
	}
	if err := s.node.shelf.items.refuse(target, &item, p.cas, s.loop.unix); err != nil {
		return refuse(b, from, m, err.Code, err.Text)
	}
	p.tx = bytes.Clone(m.Tx)
	item.Value, item.Salt = bytes.Clone(item.Value), bytes.Clone(item.Salt)
	p.item = item
	if !s.node.keeper.take(p) {
		return refuse(b, from, m, bep5.CodeServer, "too many puts at once")
	}
	return b // the keeper answers
}

// malformedPut is what is wrong with a put on the face of it; 0 for nothing. One
// that has a key, and lacks another part of a mutable item, is not taken for an
// immutable one.
func malformedPut(m *bep5.Message) (code int, text string) {
	const mutable = bep5.FieldKey | bep5.FieldSig | bep5.FieldSeq
	switch {
	case stranger(m):
		return bep5.CodeProtocol, noID
	case m.Value == nil:
		return bep5.CodeProtocol, "v is missing"
	case len(m.Value) > kad.MaxItemValue:
		return bep5.CodeTooLarge, "v has more than 1000 bytes"
	case m.Wrong&(mutable|bep5.FieldSalt|bep5.FieldCAS|bep5.FieldToken) != 0:
		return bep5.CodeProtocol, "an argument is of the wrong type"
	case len(m.Salt) > kad.MaxSalt:
		return bep5.CodeSaltTooLarge, "salt has more than 64 bytes"
	case m.Has&bep5.FieldKey == 0:
		return 0, ""
	case m.Has&mutable != mutable:
		return bep5.CodeProtocol, "a mutable item has k, seq and sig"
	case len(m.Key) != len(kad.PublicKey{}):
		return bep5.CodeProtocol, "k has not 32 bytes"
	case len(m.Sig) != len(kad.Signature{}):
		return bep5.CodeSignature, "sig has not 64 bytes"
	case m.Seq < 0:
		return bep5.CodeProtocol, "seq is negative"
	}
	return 0, ""
}
