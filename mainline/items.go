package mainline

import (
	"bytes"
	"container/list"
	"crypto/ed25519"
	"crypto/sha1"
	"fmt"
	"strconv"
	"time"

	"filippo.io/edwards25519"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// Item is a value of BEP 44. An immutable one has nothing but Value; its target
// is the SHA-1 of that. A mutable one's target is that of its key and salt.
type Item struct {
	Value []byte // bencoded, at most kad.MaxItemValue bytes

	Mutable bool
	Key     kad.PublicKey
	Salt    []byte // at most kad.MaxSalt bytes
	Seq     int64  // grows with each version
	Sig     kad.Signature
}

// Target is where the item belongs.
func (i *Item) Target() kad.ID {
	if !i.Mutable {
		return sha1.Sum(i.Value)
	}
	return MutableTarget(i.Key, i.Salt)
}

// MutableTarget is where the items of key with this salt belong.
func MutableTarget(key kad.PublicKey, salt []byte) kad.ID {
	return sha1.Sum(append(key[:], salt...))
}

// Sign makes i a mutable item of private's holder.
func (i *Item) Sign(private ed25519.PrivateKey) {
	i.Mutable, i.Key = true, kad.PublicKeyOf(private)
	i.Sig = kad.Signature(ed25519.Sign(private, i.statement()))
}

// Authentic reports whether the holder of its key has signed a mutable item. An
// immutable one proves itself, by its target.
func (i *Item) Authentic() bool {
	return !i.Mutable || ed25519.Verify(i.Key[:], i.statement(), i.Sig[:]) && !lowOrder(i.Key)
}

// lowOrder reports whether a key is one of the few for which anybody can make
// signatures: what is "signed" by it is signed by nobody.
func lowOrder(key kad.PublicKey) bool {
	point, err := new(edwards25519.Point).SetBytes(key[:])
	return err == nil && point.MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1
}

// statement is what the signature is of: a piece of a bencoded dictionary.
func (i *Item) statement() []byte {
	b := make([]byte, 0, len(i.Value)+len(i.Salt)+48)
	if len(i.Salt) > 0 {
		b = bep5.AppendBytes(b, "salt", i.Salt)
	}
	b = append(b, "3:seqi"...)
	b = strconv.AppendInt(b, i.Seq, 10)
	b = append(b, "e1:v"...)
	return append(b, i.Value...)
}

// items is what is held of BEP 44, under its targets. The lock of the shelf
// guards it.
type items struct {
	limits limits
	byID   map[kad.ID]*list.Element // of *held
	recent *list.List               // the one put last in front
}

type held struct {
	target kad.ID
	item   Item
	ends   int64 // unix seconds
}

func newItems(limits limits) *items {
	return &items{limits: limits, byID: make(map[kad.ID]*list.Element), recent: list.New()}
}

func (s *items) get(target kad.ID, now int64) *held {
	e := s.byID[target]
	if e == nil {
		return nil
	}
	if h := e.Value.(*held); h.ends > now {
		return h
	}
	return nil
}

// refuse is why a version of an item cannot take the place of the one that is
// here, nil if it can.
func (s *items) refuse(target kad.ID, i *Item, cas *int64, now int64) *Error {
	h := s.get(target, now)
	if h == nil {
		return nil
	}
	return h.item.refuse(i, cas)
}

// refuse is why a later version, under the same target, cannot take i's place.
func (i *Item) refuse(later *Item, cas *int64) *Error {
	if !i.Mutable || !later.Mutable {
		return nil
	}
	switch {
	case cas != nil && *cas != i.Seq:
		return &Error{bep5.CodeCAS, fmt.Sprintf("cas is %d, seq is %d", *cas, i.Seq)}
	case later.Seq < i.Seq:
		return &Error{bep5.CodeSeq, fmt.Sprintf("seq is %d already", i.Seq)}
	case later.Seq == i.Seq && !bytes.Equal(later.Value, i.Value):
		return &Error{bep5.CodeSeq, fmt.Sprintf("seq %d has another value", i.Seq)}
	}
	return nil
}

// put keeps an item for another lifetime. Where there is no room, the one put
// longest ago goes.
func (s *items) put(target kad.ID, i Item, ends int64) {
	if e := s.byID[target]; e != nil {
		*e.Value.(*held) = held{target, i, ends}
		s.recent.MoveToFront(e)
		return
	}
	if s.recent.Len() >= s.limits.items {
		s.remove(s.recent.Back())
	}
	s.byID[target] = s.recent.PushFront(&held{target, i, ends})
}

func (s *items) remove(e *list.Element) { delete(s.byID, s.recent.Remove(e).(*held).target) }

// sweep drops what is past its lifetime: all have the same, so that is last.
func (s *items) sweep(now int64) {
	for e := s.recent.Back(); e != nil && e.Value.(*held).ends <= now; e = s.recent.Back() {
		s.remove(e)
	}
}

func (s *items) ends(now time.Time) int64 { return now.Add(s.limits.itemLifetime).Unix() }
