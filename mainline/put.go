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

// keep answers only for what is kept, and shows nothing before the disk has it:
// one whose put has failed may put it again.
func (k *keeper) keep(puts []put) {
	refusals := make([]*Error, len(puts))
	for i := range puts {
		if !puts[i].item.Authentic() {
			refusals[i] = &Error{bep5.CodeSignature, "invalid signature"}
		}
	}
	now := k.node.config.Clock.Now()
	k.admit(puts, refusals, now.Unix())
	if err := k.save(puts, refusals, now); err != nil {
		k.node.log.Error("items could not be saved", "err", err)
		for i := range refusals {
			if refusals[i] == nil {
				refusals[i] = &Error{bep5.CodeServer, "the item could not be saved"}
			}
		}
	}
	k.shelve(puts, refusals, now)
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

// admit refuses what cannot take the place of what is on the shelf, or of what
// came before it in the batch: what was all right when it came may not be any
// more.
func (k *keeper) admit(puts []put, refusals []*Error, now int64) {
	shelf := k.node.shelf
	shelf.mu.Lock()
	defer shelf.mu.Unlock()
	admitted := make(map[kad.ID]*Item)
	for i := range puts {
		p := &puts[i]
		if refusals[i] != nil {
			continue
		}
		if before := admitted[p.target]; before != nil {
			refusals[i] = before.refuse(&p.item, p.cas)
		} else {
			refusals[i] = shelf.items.refuse(p.target, &p.item, p.cas, now)
		}
		if refusals[i] == nil {
			admitted[p.target] = &p.item
		}
	}
}

// save commits what is not refused. It is nothing without a file.
func (k *keeper) save(puts []put, refusals []*Error, now time.Time) error {
	if k.node.store == nil {
		return nil
	}
	var saved []store.Item
	ends := k.node.shelf.items.ends(now)
	for i := range puts {
		if refusals[i] == nil {
			saved = append(saved, savedItem(puts[i].target, puts[i].item, ends))
		}
	}
	if len(saved) == 0 {
		return nil
	}
	return k.node.store.SaveItems(saved)
}

// shelve puts what is not refused on the shelf, in the order in which it came.
// Nobody else has done so meanwhile.
func (k *keeper) shelve(puts []put, refusals []*Error, now time.Time) {
	shelf := k.node.shelf
	shelf.mu.Lock()
	defer shelf.mu.Unlock()
	ends := shelf.items.ends(now)
	for i := range puts {
		if refusals[i] == nil {
			shelf.items.put(puts[i].target, puts[i].item, ends)
		}
	}
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
