package mainline

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// GetOptions is what Get has to know of a mutable item.
type GetOptions struct {
	Salt []byte // that its target was made with
	Seq  *int64 // only later versions than this one
}

// Get looks for the item under target (BEP 44): an immutable one, which ends
// the search, or the latest version of a mutable one among all that the closest
// nodes have. What does not prove itself is not an item. ErrNotFound says that
// those asked have none.
func (n *Node) Get(ctx context.Context, target kad.ID, options ...GetOptions) (Item, error) {
	return wait(n, func(then func(Item, error)) { n.getLatest(ctx, target, one(options), then) })
}

// GetFunc is Get with a callback.
func (n *Node) GetFunc(ctx context.Context, target kad.ID, callback func(Item, error), options ...GetOptions) {
	call(n, callback, func(then func(Item, error)) { n.getLatest(ctx, target, one(options), then) })
}

func one(options []GetOptions) (o GetOptions) {
	if len(options) > 0 {
		o = options[0]
	}
	return o
}

func (n *Node) getLatest(ctx context.Context, target kad.ID, o GetOptions, then func(Item, error)) {
	var best Item
	found, over := false, false
	ctx, cancel := context.WithCancel(ctx)
	take := func(i Item) {
		if o.Seq != nil && i.Mutable && i.Seq <= *o.Seq {
			return
		}
		if !found || i.Mutable && i.Seq > best.Seq {
			best, found = i, true
		}
		if found && !best.Mutable && !over {
			over = true
			then(best, nil)
			cancel()
		}
	}
	reply := func(_ kad.Contact, m *bep5.Message) {
		if i, ok := itemIn(target, o.Salt, m); ok {
			take(i)
		}
	}
	if i, ok := n.heldItem(target); ok {
		take(i)
	}
	if over {
		return
	}
	n.everywhere(ctx, n.itemSearch(target, o.Seq, reply), func(_ []*search, err error) {
		cancel()
		switch {
		case over:
		case found:
			then(best, nil)
		case err == nil:
			then(Item{}, doing("get", target, ErrNotFound))
		default:
			then(Item{}, doing("get", target, err))
		}
	})
}

func (n *Node) itemSearch(target kad.ID, seq *int64, reply func(kad.Contact, *bep5.Message)) func(*side) *search {
	return func(s *side) *search {
		body := s.question(bep5.Get, bep5.Args{Target: string(target[:]), Seq: seq})
		return &search{target: target, body: body, rare: true, reply: reply}
	}
}

func (n *Node) heldItem(target kad.ID) (i Item, ok bool) {
	n.shelf.mu.Lock()
	defer n.shelf.mu.Unlock()
	h := n.shelf.items.get(target, n.config.Clock.Now().Unix())
	if h == nil {
		return Item{}, false
	}
	return h.item, true
}

// itemIn is the item in an answer, if there is one and it proves itself.
func itemIn(target kad.ID, salt []byte, m *bep5.Message) (i Item, ok bool) {
	if len(m.Value) == 0 || len(m.Value) > kad.MaxItemValue {
		return i, false
	}
	i = Item{Value: slices.Clone(m.Value)}
	if i.Target() == target {
		return i, true
	}
	if len(m.Key) != len(i.Key) || len(m.Sig) != len(i.Sig) || m.Has&bep5.FieldSeq == 0 {
		return i, false
	}
	i.Mutable, i.Key, i.Salt, i.Seq, i.Sig = true, kad.PublicKey(m.Key), slices.Clone(salt), m.Seq, kad.Signature(m.Sig)
	return i, i.Target() == target && i.Authentic()
}

// Decode reads the value into what into points to, as the bencode library does.
func (i Item) Decode(into any) error {
	if err := bencode.DecodeBytes(i.Value, into); err != nil {
		return fmt.Errorf("decode an item: %w", err)
	}
	return nil
}

// PutImmutable stores v under the SHA-1 of its bencoding, the Result's Target:
// a []byte or string as a string, a bencode.RawMessage as it is, anything else
// as the bencode library writes it; at most 1,000 bytes.
func (n *Node) PutImmutable(ctx context.Context, v any) (Result, error) {
	item, err := newItem(v)
	return wait(n, func(then func(Result, error)) { n.put(ctx, item, err, nil, then) })
}

// PutImmutableFunc is PutImmutable with a callback.
func (n *Node) PutImmutableFunc(ctx context.Context, v any, callback func(Result, error)) {
	item, err := newItem(v)
	call(n, callback, func(then func(Result, error)) { n.put(ctx, item, err, nil, then) })
}

// PutMutable stores v under the key's public half and salt, which may be empty,
// as version seq: nodes refuse one that is not higher than theirs, and with cas
// one that follows on another than that.
func (n *Node) PutMutable(ctx context.Context, key ed25519.PrivateKey, salt []byte, v any, seq int64, cas ...int64) (Result, error) {
	item, err := newMutable(key, salt, v, seq)
	return wait(n, func(then func(Result, error)) { n.put(ctx, item, err, cas, then) })
}

// PutMutableFunc is PutMutable with a callback.
func (n *Node) PutMutableFunc(ctx context.Context, key ed25519.PrivateKey, salt []byte, v any, seq int64, callback func(Result, error), cas ...int64) {
	item, err := newMutable(key, salt, v, seq)
	call(n, callback, func(then func(Result, error)) { n.put(ctx, item, err, cas, then) })
}

func newItem(v any) (i Item, err error) {
	switch v := v.(type) {
	case bencode.RawMessage:
		i.Value = slices.Clone(v)
	case []byte:
		i.Value, err = bencode.EncodeBytes(string(v))
	default:
		i.Value, err = bencode.EncodeBytes(v)
	}
	switch {
	case err != nil:
		return i, fmt.Errorf("put: %w", err)
	case !bep5.Canonical(i.Value):
		return i, fmt.Errorf("put: the value is not canonical bencode")
	case len(i.Value) > kad.MaxItemValue:
		return i, fmt.Errorf("put: %w: %d bytes, bencoded, of %d", ErrTooLarge, len(i.Value), kad.MaxItemValue)
	}
	return i, nil
}

func newMutable(key ed25519.PrivateKey, salt []byte, v any, seq int64) (Item, error) {
	i, err := newItem(v)
	switch {
	case err != nil:
		return i, err
	case len(key) != ed25519.PrivateKeySize:
		return i, fmt.Errorf("put: a key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	case len(salt) > kad.MaxSalt:
		return i, fmt.Errorf("put: %w: a salt of %d bytes, of %d", ErrTooLarge, len(salt), kad.MaxSalt)
	case seq < 0:
		return i, fmt.Errorf("put: seq is %d", seq)
	}
	i.Salt, i.Seq = slices.Clone(salt), seq
	i.Sign(key)
	return i, nil
}

func (n *Node) put(ctx context.Context, item Item, err error, cas []int64, then func(Result, error)) {
	if err != nil {
		then(Result{}, err)
		return
	}
	target := item.Target()
	tokens := make(map[kad.Contact]string)
	reply := func(from kad.Contact, m *bep5.Message) { tokens[from] = string(m.Token) }
	n.everywhere(ctx, n.itemSearch(target, nil, reply), func(searches []*search, err error) {
		if err != nil {
			then(Result{Target: target}, doing("put", target, err))
			return
		}
		n.write(ctx, searches, tokens, func(s *side, token string) []byte {
			// Some want a seq of immutable items too (anacrolix/dht).
			args := bep5.Args{Token: token, Value: bencode.RawMessage(item.Value), Seq: &item.Seq}
			if item.Mutable {
				args.Key, args.Sig, args.Salt = string(item.Key[:]), string(item.Sig[:]), string(item.Salt)
			}
			if len(cas) > 0 {
				args.CAS = &cas[0]
			}
			return s.question(bep5.Put, args)
		}, then)
	})
}
