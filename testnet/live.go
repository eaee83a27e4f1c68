package testnet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// What a living network refuses (Config.Live).
var (
	ErrUp   = errors.New("the peer is up")
	ErrDown = errors.New("the peer is down")
	ErrCut  = errors.New("each side of a cut needs 2 peers at least")
)

const (
	// livePeers is from how many peers on all that a living network does by
	// itself takes proportionally longer: it shares one machine, and what all
	// peers do together is what it sees.
	livePeers = 50

	// refresh is how long a bucket of a peer in a living network goes without a
	// lookup: nobody waits an hour to see a table forget who died.
	refresh = 7 * time.Second

	// failures is how many questions a contact there may leave unanswered. One
	// that has is not asked again while there are better, and so would keep its
	// place for long; on one machine who is silent is gone.
	failures = 1

	// narrow: its buckets are the paper's. Wide ones have nearly all of a small
	// network in them, and a lookup has nothing to find its way through.
	narrow = -1
)

// pace is t, or longer where there are many peers.
func (c Config) pace(t time.Duration) time.Duration {
	return max(t, t*time.Duration(c.Peers)/livePeers)
}

// grow has the peers join one after another, each by a few of those that have,
// as networks do. Where a thousand join at once, each by strangers as new as
// itself, islands form that know nothing of their nearest neighbours.
func (n *Network) grow(ctx context.Context) error {
	err := n.each(ctx, Joining, len(n.peers), 1, func(i int) error {
		for _, other := range n.random(Meeting, i).Perm(i)[:min(i, n.config.Contacts)] {
			if err := n.peers[i].AddContact(ctx, n.peers[other].Addr()); err != nil {
				return fmt.Errorf("peer %d was given peer %d: %w", i, other, err)
			}
		}
		if i == 0 {
			return nil
		}
		return n.peers[i].FindCloseNodes(ctx)
	})
	n.boot = n.begun.since()
	return err
}

// Peer is how one of them is.
type Peer struct {
	ID   khashmir.ID
	Addr netip.AddrPort
	Node *khashmir.Node // nil: it is down
	Side int            // of the cut: 0 or 1
}

// Peers are all there are in this process, in the order in which they were
// built. A peer keeps its place and its ID whatever happens to it.
func (n *Network) Peers() []Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]Peer, len(n.Nodes))
	for i, node := range n.Nodes {
		all[i] = Peer{ID: node.ID(), Addr: node.Addr(), Node: node, Side: n.side(i)}
		if n.down[i] {
			all[i].Node = nil
		}
	}
	return all
}

// IsCut reports whether a cut goes through the network.
func (n *Network) IsCut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sides != nil
}

func (n *Network) side(i int) int {
	if n.sides == nil {
		return 0
	}
	return n.sides[i]
}

// Kill has the i-th peer crash, without notice to anybody.
func (n *Network) Kill(i int) error {
	n.changing.Lock()
	defer n.changing.Unlock()
	n.mu.Lock()
	if n.down[i] {
		n.mu.Unlock()
		return fmt.Errorf("kill peer %d: %w", i, ErrDown)
	}
	n.down[i] = true
	node := n.Nodes[i]
	n.mu.Unlock()
	if err := node.Abort(); err != nil {
		return fmt.Errorf("kill peer %d: %w", i, err)
	}
	return nil
}

// Revive starts the i-th peer again, as who it was: with its ID, and with its
// file where it has one. It is told of a few others, as at first, and finds its
// neighbours if one of them answers. Else it is up and alone, as on the small
// side of a cut, until somebody finds it.
func (n *Network) Revive(ctx context.Context, i int) error {
	if err := n.reopen(ctx, i); err != nil {
		return fmt.Errorf("start peer %d: %w", i, err)
	}
	n.mu.Lock()
	node := n.Nodes[i]
	n.mu.Unlock()
	for _, addr := range n.acquaintances(i) {
		_, _ = node.AddContact(ctx, addr.String())
	}
	_, _ = node.FindCloseNodes(ctx)
	if ctx.Err() != nil {
		return fmt.Errorf("start peer %d: %w", i, context.Cause(ctx))
	}
	return nil
}

func (n *Network) reopen(ctx context.Context, i int) error {
	n.changing.Lock()
	defer n.changing.Unlock()
	n.mu.Lock()
	down := n.down[i]
	n.mu.Unlock()
	if !down {
		return ErrUp
	}
	opened, err := n.open(ctx, i)
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.peers[i], n.down[i] = opened, false
	n.divideLiving()
	n.mu.Unlock()
	return nil
}

// acquaintances are where some of those are that are up on the same side.
func (n *Network) acquaintances(i int) (at []netip.AddrPort) {
	peers := n.Peers()
	n.mu.Lock()
	n.revived++
	random := n.random(Starting, n.revived)
	n.mu.Unlock()
	for _, other := range random.Perm(len(peers)) {
		p := peers[other]
		if other != i && p.Node != nil && p.Side == peers[i].Side && len(at) < n.config.Contacts {
			at = append(at, p.Addr)
		}
	}
	return at
}

// Cut cuts the network in two: this share of the peers, drawn at random, and the
// others. No question crosses it. A cut that there was is another one then.
func (n *Network) Cut(share float64) error {
	n.changing.Lock()
	defer n.changing.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	one := int(share*float64(len(n.Nodes)) + 0.5)
	if !(share > 0 && share < 1) || one < minSide || len(n.Nodes)-one < minSide {
		return fmt.Errorf("cut a share of %v of %d peers off: %w", share, len(n.Nodes), ErrCut)
	}
	n.cuts++
	n.sides = make([]int, len(n.Nodes))
	for _, i := range n.random(Cutting, n.cuts).Perm(len(n.Nodes))[:one] {
		n.sides[i] = 1
	}
	n.divideLiving()
	return nil
}

// divideLiving tells the cut where the peers are now. Call it under the lock.
func (n *Network) divideLiving() {
	if n.sides == nil {
		n.cut.set(nil)
		return
	}
	at := make(map[netip.AddrPort]int, len(n.Nodes))
	for i, node := range n.Nodes {
		at[node.Addr()] = n.sides[i]
	}
	n.cut.set(at)
}

// Heal mends the cut, if there is one. The sides find each other by themselves:
// everybody goes on asking those it has lost.
func (n *Network) Heal() {
	n.changing.Lock()
	defer n.changing.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sides = nil
	n.divideLiving()
}
