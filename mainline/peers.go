package mainline

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// Result is what became of an announcement or a put.
type Result struct {
	Target  kad.ID
	Stored  []kad.Contact // those that took it
	Refused []Refusal     // those that did not, and why
}

// Refusal is one node's.
type Refusal struct {
	From kad.Contact
	Err  error
}

// GetPeers looks for peers of infohash (BEP 5) and returns all it found, each
// once. Those that this node holds are among them.
func (n *Node) GetPeers(ctx context.Context, infohash kad.ID) (peers []netip.AddrPort, err error) {
	for peer, failed := range n.Peers(ctx, infohash) {
		if failed != nil {
			err = failed
		} else {
			peers = append(peers, peer)
		}
	}
	return peers, err
}

// Peers yields the peers of infohash as they come in, each once, and an error
// at last if the search did not go well. Who has enough just breaks.
func (n *Node) Peers(ctx context.Context, infohash kad.ID) iter.Seq2[netip.AddrPort, error] {
	return func(yield func(netip.AddrPort, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		type batch struct {
			peers []netip.AddrPort
			err   error
		}
		queue := newQueue[batch]()
		n.mu.Lock()
		n.getPeers(ctx, infohash, func(peers []netip.AddrPort, err error) { queue.add(batch{peers, err}) })
		n.unlock()
		for {
			b := queue.take()
			if len(b.peers) == 0 {
				if b.err != nil {
					yield(netip.AddrPort{}, b.err)
				}
				return
			}
			for _, peer := range b.peers {
				if !yield(peer, nil) {
					return
				}
			}
		}
	}
}

// GetPeersFunc is GetPeers with a callback: it runs with each batch of peers
// not seen before, and at last with an empty one, and an error if the search
// did not go well.
func (n *Node) GetPeersFunc(ctx context.Context, infohash kad.ID, callback func([]netip.AddrPort, error)) {
	n.mu.Lock()
	defer n.unlock()
	n.getPeers(ctx, infohash, func(peers []netip.AddrPort, err error) {
		n.callBack(func() { callback(peers, err) })
	})
}

func (n *Node) getPeers(ctx context.Context, infohash kad.ID, heard func([]netip.AddrPort, error)) {
	seen := make(map[netip.AddrPort]struct{})
	tell := func(peers []netip.AddrPort) {
		peers = slices.DeleteFunc(peers, func(p netip.AddrPort) bool {
			_, again := seen[p]
			seen[p] = struct{}{}
			return again
		})
		if len(peers) > 0 {
			heard(peers, nil)
		}
	}
	tell(n.heldPeers(infohash))
	n.everywhere(ctx, n.peerSearch(infohash, func(_ kad.Contact, m *bep5.Message) { tell(slices.Collect(m.Peers())) }),
		func(_ []*search, err error) { heard(nil, doing("get peers", infohash, err)) })
}

func (n *Node) peerSearch(infohash kad.ID, reply func(kad.Contact, *bep5.Message)) func(*side) *search {
	return func(s *side) *search {
		body := s.question(bep5.GetPeers, bep5.Args{InfoHash: string(infohash[:])})
		return &search{target: infohash, body: body, reply: reply}
	}
}

// heldPeers is those that were announced to this node itself.
func (n *Node) heldPeers(infohash kad.ID) (peers []netip.AddrPort) {
	now := n.config.Clock.Now().Unix()
	n.shelf.mu.Lock()
	defer n.shelf.mu.Unlock()
	for _, s := range n.shelf.swarms {
		w := s.byHash[infohash]
		if w == nil {
			continue
		}
		for i := range w.more {
			if addr, ok := bep5.ReadAddr(w.addrs[i*s.size : (i+1)*s.size]); ok && w.more[i].ends > now {
				peers = append(peers, addr)
			}
		}
	}
	return peers
}

// AnnouncePeer tells the nodes closest to infohash that this host is a peer, at
// port; 0 means the port that the node itself listens at, as the others see it
// (implied_port). They hold it for half an hour or so.
func (n *Node) AnnouncePeer(ctx context.Context, infohash kad.ID, port int) (Result, error) {
	return wait(n, func(then func(Result, error)) { n.announce(ctx, infohash, port, false, then) })
}

// AnnouncePeerFunc is AnnouncePeer with a callback.
func (n *Node) AnnouncePeerFunc(ctx context.Context, infohash kad.ID, port int, callback func(Result, error)) {
	call(n, callback, func(then func(Result, error)) { n.announce(ctx, infohash, port, false, then) })
}

// AnnounceSeed is AnnouncePeer for a peer that has all of it (BEP 33).
func (n *Node) AnnounceSeed(ctx context.Context, infohash kad.ID, port int) (Result, error) {
	return wait(n, func(then func(Result, error)) { n.announce(ctx, infohash, port, true, then) })
}

func (n *Node) announce(ctx context.Context, infohash kad.ID, port int, seed bool, then func(Result, error)) {
	if port < 0 || port > 65535 {
		then(Result{Target: infohash}, fmt.Errorf("announce %s: %d is no port", infohash, port))
		return
	}
	tokens := make(map[kad.Contact]string)
	reply := func(from kad.Contact, m *bep5.Message) { tokens[from] = string(m.Token) }
	n.everywhere(ctx, n.peerSearch(infohash, reply), func(searches []*search, err error) {
		if err != nil {
			then(Result{Target: infohash}, doing("announce", infohash, err))
			return
		}
		n.write(ctx, searches, tokens, func(s *side, token string) []byte {
			number := int64(port)
			args := bep5.Args{InfoHash: string(infohash[:]), Port: &number, Token: token}
			if port == 0 {
				number, args.ImpliedPort = int64(s.udp.Addr().Port()), 1
			}
			if seed {
				args.Seed = 1
			}
			return s.question(bep5.AnnouncePeer, args)
		}, then)
	})
}

// write asks those closest, as the searches have found them, to keep something.
// Nobody who gave no token is asked.
func (n *Node) write(ctx context.Context, searches []*search, tokens map[kad.Contact]string, body func(*side, string) []byte, then func(Result, error)) {
	result := Result{Target: searches[0].target}
	left := 1
	over := false
	done := func() {
		if left--; left > 0 || over {
			return
		}
		over = true
		var err error
		if len(result.Stored) == 0 {
			err = doing("store", result.Target, ErrNotStored)
		}
		then(result, err)
	}
	for _, f := range searches {
		for _, c := range f.closest() {
			token, given := tokens[c]
			if !given || token == "" {
				continue
			}
			left++
			f.side.ask(c, body(f.side, token), func(from kad.Contact, _ *bep5.Message, err error) {
				if err != nil {
					result.Refused = append(result.Refused, Refusal{from, err})
				} else {
					result.Stored = append(result.Stored, from)
				}
				done()
			})
		}
	}
	n.running.Add(1)
	forget := context.AfterFunc(ctx, func() {
		defer n.running.Done()
		n.mu.Lock()
		defer n.unlock()
		if !over {
			over = true
			then(result, context.Cause(ctx))
		}
	})
	before := then
	then = func(r Result, err error) {
		if forget() {
			n.running.Done()
		}
		before(r, err)
	}
	done()
}
