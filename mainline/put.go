package mainline

import (
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
	"github.com/khashmir/kad/store"
)

// put is one that the packet loop has found nothing wrong with. What it has not
// looked at is the signature: to verify one takes as long as to answer twenty
// other questions.
type put struct {
	side   *side
	from   netip.AddrPort
	tx     []byte
	target kad.ID
	item   Item
	cas    *int64
}

// keeper verifies puts, keeps the items and answers, on a goroutine of its own.
// Those that come together share a commit to the disk.
type keeper struct {
	node  *Node
	queue chan put
}

func newKeeper(n *Node) *keeper { return &keeper{n, make(chan put, kad.MaxPuts)} }

// take queues a put; false means that too many wait.
func (k *keeper) take(p put) bool {
	select {
	case k.queue <- p:
		return true
	default:
		return false
	}
}

func (k *keeper) run() {
	puts := make([]put, 0, kad.BatchSize)
	for {
		select {
		case <-k.node.life.Done():
			return
		case p := <-k.queue:
			puts = append(puts[:0], p)
		}
		for more := true; more && len(puts) < cap(puts); {
			select {
			case p := <-k.queue:
				puts = append(puts, p)
			default:
				more = false
			}
		}
		k.keep(puts)
	}
}

// keep answers only for what is kept.
func (k *keeper) keep(puts []put) {
	refusals := make([]*Error, len(puts))
	for i := range puts {
		if !puts[i].item.Authentic() {
			refusals[i] = &Error{bep5.CodeSignature, "invalid signature"}
		}
	}
	saved := k.shelve(puts, refusals)
	if err := k.node.saveItems(saved); err != nil {
		k.node.log.Error("items could not be saved", "err", err)
		for i := range refusals {
			if refusals[i] == nil {
				refusals[i] = &Error{bep5.CodeServer, "the item could not be saved"}
			}
		}
	}
	for i := range puts {
		p := &puts[i]
		var b []byte
		if r := refusals[i]; r != nil {
			b = bep5.AppendFailure(nil, p.from, p.tx, r.Code, r.Text)
		} else {
			b = bep5.AppendID(bep5.Open(nil, p.from), p.side.self.Load())
			b = bep5.Close(b, p.tx)
		}
		p.side.udp.Send(p.from, b)
	}
}

// shelve puts the items on the shelf, in the order in which they came: what was
// all right when it came may not be any more.
func (k *keeper) shelve(puts []put, refusals []*Error) (saved []store.Item) {
	shelf, now := k.node.shelf, k.node.config.Clock.Now()
	shelf.mu.Lock()
	defer shelf.mu.Unlock()
	ends := shelf.items.ends(now)
	for i := range puts {
		p := &puts[i]
		if refusals[i] != nil {
			continue
		}
		if refusals[i] = shelf.items.refuse(p.target, &p.item, p.cas, now.Unix()); refusals[i] != nil {
			continue
		}
		shelf.items.put(p.target, p.item, ends)
		if k.node.store != nil {
			saved = append(saved, savedItem(p.target, p.item, ends))
		}
	}
	return saved
}

// savedItem is an item as the disk has it.
func savedItem(target kad.ID, i Item, ends int64) store.Item {
	saved := store.Item{Target: target, Value: i.Value, Expires: time.Unix(ends, 0)}
	if i.Mutable {
		saved.Key, saved.Salt, saved.Seq, saved.Signature = i.Key[:], i.Salt, i.Seq, i.Sig[:]
	}
	return saved
}

// itemOf is the reverse; ok is false for what does not prove itself: disks
// forget.
func itemOf(saved store.Item) (i Item, ok bool) {
	i = Item{Value: saved.Value}
	if len(saved.Key) > 0 {
		if len(saved.Key) != len(i.Key) || len(saved.Signature) != len(i.Sig) {
			return i, false
		}
		i.Mutable, i.Salt, i.Seq = true, saved.Salt, saved.Seq
		i.Key, i.Sig = kad.PublicKey(saved.Key), kad.Signature(saved.Signature)
	}
	return i, i.Target() == saved.Target && i.Authentic()
}
