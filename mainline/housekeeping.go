package mainline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// startHousekeeping begins the node's rounds, after its first look at those it
// knew before. Call it under the lock.
func (n *Node) startHousekeeping(saved []kad.Contact) {
	for _, s := range n.sides {
		for _, c := range saved {
			if addr := s.addrOf(c); addr.IsValid() && n.asksAt(addr.Addr()) {
				s.saved = append(s.saved, addr)
			}
		}
	}
	n.every(n.config.MaintainInterval, n.maintain)
	if n.store != nil {
		n.every(n.config.CheckpointInterval, n.checkpoint)
	}
}

// every runs f again and again. Call it under the lock.
func (n *Node) every(d time.Duration, f func()) {
	n.afterFunc(d, func() {
		f()
		n.mu.Lock()
		defer n.mu.Unlock()
		n.every(d, f)
	})
}

// join finds the network through the saved contacts and those named in the
// config. Nobody waits for it, but searches that have nobody to ask.
func (n *Node) join() {
	n.mu.Lock()
	for _, s := range n.sides {
		if !n.closed && !s.joining && (len(s.saved) > 0 || len(n.config.Bootstrap) > 0) {
			s.joining = true
			n.running.Go(func() { s.bootstrap() })
		}
	}
	n.mu.Unlock()
}

// bootstrap asks all that might know somebody, and looks for its own neighbours
// as soon as one of them has answered. A name that takes long to resolve keeps
// nobody waiting but itself.
func (s *side) bootstrap() {
	n := s.node
	var asking sync.WaitGroup
	answered, all := make(chan struct{}, 1), make(chan struct{})
	asking.Go(func() { s.introduce(s.saved, answered) })
	for _, host := range n.config.Bootstrap {
		asking.Go(func() {
			resolved, err := n.resolve(n.life, host)
			if err != nil {
				n.log.Warn("a bootstrap contact cannot be asked", "contact", host, "err", err)
			}
			s.introduce(resolved, answered)
		})
	}
	n.running.Go(func() {
		asking.Wait()
		close(all)
	})
	select {
	case <-answered:
	case <-all:
	}
	n.mu.Lock()
	defer n.unlock()
	s.joining = false
	joined := s.joined
	s.joined = nil
	for _, start := range joined {
		start()
	}
	if s.table.Len() > 0 {
		s.findSelf()
	} else {
		n.afterFunc(kad.BootstrapRetry, n.join)
	}
}

// introduce asks those of addrs that are of this family for our neighbours, and
// returns when all have answered or have not.
func (s *side) introduce(addrs []netip.AddrPort, answered chan<- struct{}) {
	n := s.node
	var waiting sync.WaitGroup
	n.mu.Lock()
	for _, addr := range addrs {
		if n.closed || n.sideOf(addr.Addr()) != s {
			continue
		}
		waiting.Add(1)
		body := s.question(bep5.FindNode, bep5.Args{Target: string(s.id[:]), Want: s.wanted()})
		s.ask(kad.Contact{}.WithAddr(addr), body, func(_ kad.Contact, _ *bep5.Message, err error) {
			defer waiting.Done()
			if err != nil {
				n.log.Warn("a bootstrap contact did not answer", "contact", addr, "err", err)
				return
			}
			select {
			case answered <- struct{}{}:
			default:
			}
		})
	}
	n.unlock()
	waiting.Wait() // Close ends all questions
}

// findSelf looks for the node's neighbours, and so makes it known to them. Call
// it under the lock.
func (s *side) findSelf() {
	s.begin(s.node.life, &search{
		target: s.id,
		body:   s.question(bep5.FindNode, bep5.Args{Target: string(s.id[:]), Want: s.wanted()}),
		ended:  func(error) {},
	})
}

// maintain refreshes buckets and drops what is past its lifetime.
func (n *Node) maintain() {
	n.sweep()
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return
	}
	alone := false
	for _, s := range n.sides {
		alone = alone || s.table.Len() == 0
		s.refreshBucket()
	}
	n.unlock()
	if alone {
		n.join()
	}
}

// refreshBucket looks up a random ID in one range that was not looked at for
// long; others have their turn next time.
func (s *side) refreshBucket() {
	n := s.node
	stale := s.table.Stale(n.config.Clock.Now(), n.config.BucketStaleness)
	if len(stale) == 0 || s.table.Len() == 0 {
		return
	}
	r := stale[rand.IntN(len(stale))]
	target := kad.RandomInRange(r.Prefix, r.Bits, random{})
	s.begin(n.life, &search{
		target: target,
		body:   s.question(bep5.FindNode, bep5.Args{Target: string(target[:])}),
		ended:  func(error) {},
	})
}

// random is the system's randomness as kad.RandomInRange takes it.
type random struct{}

func (random) Uint64() uint64 { return rand.Uint64() }

// sweep drops what others left here and is past its lifetime.
func (n *Node) sweep() {
	now := n.config.Clock.Now()
	n.shelf.mu.Lock()
	for _, s := range n.shelf.swarms {
		s.sweep(now.Unix())
	}
	n.shelf.items.sweep(now.Unix())
	n.shelf.mu.Unlock()
	if n.store == nil {
		return
	}
	for {
		dropped, err := n.store.DropItems(now, kad.ExpireSlice)
		if err != nil {
			n.log.Error("expired items could not be dropped", "err", err)
		}
		if err != nil || dropped < kad.ExpireSlice {
			return
		}
	}
}

// addrOf is c's address in this family, the zero AddrPort if it has none.
func (s *side) addrOf(c kad.Contact) netip.AddrPort {
	if s.six {
		return c.V6
	}
	return c.V4
}

// checkpoint saves the contacts for the next start.
func (n *Node) checkpoint() {
	n.mu.Lock()
	contacts := n.contactsToSave()
	n.mu.Unlock()
	if err := n.saveContacts(contacts); err != nil {
		n.log.Error("contacts could not be saved", "err", err)
	}
}

// contactsToSave is none while the table is empty: what was saved before is
// better. Call it under the lock.
func (n *Node) contactsToSave() (contacts []kad.Contact) {
	for _, s := range n.sides {
		contacts = append(contacts, s.table.Nearest(nil, kad.SavedContacts/len(n.sides))...)
	}
	return contacts
}

func (n *Node) saveContacts(contacts []kad.Contact) error {
	if len(contacts) == 0 {
		return nil
	}
	return n.store.SaveContacts(contacts)
}

// Join asks whoever is at addr ("host:port") and then looks for the node's own
// neighbours. It is what Config.Bootstrap does at the start, for a script.
func (n *Node) Join(ctx context.Context, addr string) error {
	addrs, err := n.resolve(ctx, addr)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	for _, at := range addrs {
		if _, failed := n.Ping(ctx, at); failed != nil {
			err = failed
			continue
		}
		s := n.sideOf(at.Addr())
		n.mu.Lock()
		self := s.id
		n.mu.Unlock()
		if _, err = n.FindNode(ctx, self); err == nil {
			return nil
		}
	}
	return fmt.Errorf("join %s: %w", addr, err)
}
