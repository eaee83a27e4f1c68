package mainline

import (
	"context"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// Samples is some of the info-hashes that a node holds peers of (BEP 51).
type Samples struct {
	From     kad.Contact
	Hashes   []kad.ID
	Held     int64         // how many it holds
	Interval time.Duration // how long it wants not to be asked again
	Closer   []kad.Contact // nodes close to the target
}

// SampleInfohashes asks the node at addr for info-hashes, and for nodes close
// to target, so that one can go on to these.
func (n *Node) SampleInfohashes(ctx context.Context, addr netip.AddrPort, target kad.ID) (Samples, error) {
	return wait(n, func(then func(Samples, error)) { n.sampleAt(ctx, addr, target, then) })
}

// SampleInfohashesFunc is SampleInfohashes with a callback.
func (n *Node) SampleInfohashesFunc(ctx context.Context, addr netip.AddrPort, target kad.ID, callback func(Samples, error)) {
	call(n, callback, func(then func(Samples, error)) { n.sampleAt(ctx, addr, target, then) })
}

func (n *Node) sampleAt(ctx context.Context, addr netip.AddrPort, target kad.ID, then func(Samples, error)) {
	body := func(s *side) ([]byte, error) {
		return s.question(bep5.SampleInfohashes, bep5.Args{Target: string(target[:])}), nil
	}
	n.askAt(ctx, addr, body, func(from kad.Contact, m *bep5.Message, err error) {
		if err != nil {
			then(Samples{From: from}, doing("sample", addr, err))
			return
		}
		then(Samples{
			From: from, Hashes: m.Hashes(), Held: m.Num, Closer: m.Contacts(),
			Interval: time.Duration(max(0, min(m.Interval, 6*3600))) * time.Second,
		}, nil)
	})
}

// Scraped is about how many hosts share an info-hash (BEP 33).
type Scraped struct {
	Peers float64 // that lack some of it
	Seeds float64 // that have all of it
	Nodes int     // that told of any
}

// Scrape asks the nodes closest to infohash how many share it. They answer with
// filters that can be joined, so a host that announced to all is one.
func (n *Node) Scrape(ctx context.Context, infohash kad.ID) (Scraped, error) {
	return wait(n, func(then func(Scraped, error)) { n.scrape(ctx, infohash, then) })
}

// ScrapeFunc is Scrape with a callback.
func (n *Node) ScrapeFunc(ctx context.Context, infohash kad.ID, callback func(Scraped, error)) {
	call(n, callback, func(then func(Scraped, error)) { n.scrape(ctx, infohash, then) })
}

func (n *Node) scrape(ctx context.Context, infohash kad.ID, then func(Scraped, error)) {
	var peers, seeds Bloom
	nodes := 0
	on := func(s *side) *search {
		body := s.question(bep5.GetPeers, bep5.Args{InfoHash: string(infohash[:]), Scrape: 1})
		return &search{target: infohash, body: body, reply: func(_ kad.Contact, m *bep5.Message) {
			if len(m.BloomPeers) == len(peers) && len(m.BloomSeeds) == len(seeds) {
				peers.Join((*Bloom)(m.BloomPeers))
				seeds.Join((*Bloom)(m.BloomSeeds))
				nodes++
			}
		}}
	}
	n.everywhere(ctx, on, func(_ []*search, err error) {
		then(Scraped{peers.Estimate(), seeds.Estimate(), nodes}, doing("scrape", infohash, err))
	})
}
