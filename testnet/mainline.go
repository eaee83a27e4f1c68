package testnet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/mainline"
)

// MainlineReport is what a run of BitTorrent's nodes showed.
type MainlineReport struct {
	Peers   int    `json:"peers"`
	Seed    uint64 `json:"seed"`
	Store   string `json:"store"`
	Callers int    `json:"callers"`
	Dir     string `json:"dir,omitempty"`

	BootS    float64 `json:"boot_s"`
	BootCPUS float64 `json:"boot_cpu_s"`
	Joined   int     `json:"joined"`

	Find     Tally `json:"find_node"`
	Announce Tally `json:"announce_peer"`
	GetPeers Tally `json:"get_peers"`
	Put      Tally `json:"put"`
	Get      Tally `json:"get"`

	Questions  float64 `json:"questions"` // of one of these, on average
	Contacts   float64 `json:"contacts"`  // in a peer's table
	Goroutines int     `json:"goroutines"`
	RSSMiB     float64 `json:"rss_mib"`
	CPUS       float64 `json:"cpu_s"`
	WallS      float64 `json:"wall_s"`

	Faults []string `json:"faults,omitempty"`
}

// Tally is how often something was done, and how often it went well.
type Tally struct {
	OK    int     `json:"ok"`
	Done  int     `json:"done"`
	P50MS float64 `json:"p50_ms"`
	P99MS float64 `json:"p99_ms"`

	times []time.Duration
}

func (t Tally) well() bool { return t.OK == t.Done }

// OK reports whether everything was stored and found.
func (r MainlineReport) OK() bool {
	return r.Joined == r.Peers && r.Find.well() && r.Announce.well() && r.GetPeers.well() && r.Put.well() && r.Get.well()
}

// swarm is nodes of BitTorrent's DHT on this machine, and what they showed.
type swarm struct {
	*Network // for its directory, its stages and its choices
	nodes    []*mainline.Node
	report   MainlineReport
	joining  int // questions asked until all had joined
}

// RunMainline builds a network of BitTorrent's nodes, has them announce peers
// and find them, put items and get them, and takes it down again. What was not
// found is in the report, not in the error.
func RunMainline(ctx context.Context, config Config) (MainlineReport, error) {
	if err := config.Check(); err != nil {
		return MainlineReport{}, err
	}
	s := &swarm{Network: &Network{config: config, dir: config.Dir, begun: now()}, nodes: make([]*mainline.Node, config.Peers)}
	s.report = MainlineReport{Peers: config.Peers, Seed: config.Seed, Store: config.Store, Callers: config.Callers, Dir: config.Dir}
	if err := s.makeDir(); err != nil {
		return s.report, err
	}
	err := s.script(ctx)
	err = also(err, s.close())
	all := s.begun.since()
	s.report.WallS, s.report.CPUS = seconds(all.wall), seconds(all.cpu)
	return s.report, err
}

func (s *swarm) script(ctx context.Context) error {
	for _, part := range []func(context.Context) error{s.build, s.meet, s.finds, s.announces, s.items} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	r := &s.report
	for _, t := range []*Tally{&r.Find, &r.Announce, &r.GetPeers, &r.Put, &r.Get} {
		t.P50MS, t.P99MS = percentiles(t.times)
	}
	done := r.Find.Done + r.Announce.Done + r.GetPeers.Done + r.Put.Done + r.Get.Done
	asked, contacts := 0, 0
	for _, n := range s.nodes {
		stats := n.Stats()
		asked += int(stats.Asked)
		contacts += stats.Contacts
	}
	r.Questions = ratio(asked-s.joining, done)
	r.Contacts = ratio(contacts, len(s.nodes))
	r.Goroutines, r.RSSMiB = runtime.NumGoroutine(), memory()
	r.Faults = s.faults.words()
	return nil
}

func (s *swarm) build(ctx context.Context) error {
	return s.each(ctx, Building, len(s.nodes), workers, func(i int) (err error) {
		config := mainline.Config{
			Listen:   netip.MustParseAddrPort("127.0.0.1:0"),
			Loopback: true,
			ID:       kad.ID(slices.Clone(s.seed(i)[:kad.IDSize])),
		}
		if s.config.Store == SQLite {
			config.Path = filepath.Join(s.dir, fmt.Sprintf("mainline-%04d.db", i))
		}
		if s.nodes[i], err = mainline.Open(config); err != nil {
			return fmt.Errorf("peer %d: %w", i, err)
		}
		return nil
	})
}

func (s *swarm) seed(i int) []byte { b := drawn(s.config.Seed, "mainline", i); return b[:] }

// meet gives every peer its random contacts; then all look for their neighbours
// once more, when all are there.
func (s *swarm) meet(ctx context.Context) error {
	err := s.each(ctx, Meeting, len(s.nodes), workers, func(i int) error {
		random := s.random(Meeting, i)
		for range s.config.Contacts {
			other := s.nodes[others(random, len(s.nodes), i)]
			if _, err := s.nodes[i].Ping(ctx, other.Addr()); err != nil && ctx.Err() == nil {
				return fmt.Errorf("peer %d: %w", i, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for range 2 { // those who were first knew of few
		joined := 0
		err = s.each(ctx, Joining, len(s.nodes), workers, func(i int) error {
			_, err := s.nodes[i].FindNode(ctx, s.nodes[i].ID())
			s.mu.Lock()
			defer s.mu.Unlock()
			if err == nil {
				joined++
			} else {
				s.faults.add("peer %d found no close nodes: %v", i, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.report.Joined = joined
	}
	boot := s.begun.since()
	s.report.BootS, s.report.BootCPUS = seconds(boot.wall), seconds(boot.cpu)
	for _, n := range s.nodes {
		s.joining += int(n.Stats().Asked)
	}
	return nil
}

// count times f, and notes in t how it went.
func (s *swarm) count(ctx context.Context, t *Tally, what string, f func() error) {
	begun := time.Now()
	err := f()
	took := time.Since(begun)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Done++
	t.times = append(t.times, took)
	if err == nil {
		t.OK++
	} else {
		s.faults.add("%s: %v", what, err)
	}
}

var errOther = errors.New("it found something else")

func (s *swarm) finds(ctx context.Context) error {
	return s.each(ctx, Finding, s.config.Finds, s.config.Callers, func(i int) error {
		random := s.random(Finding, i)
		from := random.IntN(len(s.nodes))
		wanted := s.nodes[others(random, len(s.nodes), from)]
		s.count(ctx, &s.report.Find, fmt.Sprintf("peer %d looked for another", from), func() error {
			found, err := s.nodes[from].FindNode(ctx, wanted.ID())
			if err == nil && (len(found) == 0 || found[0].ID != wanted.ID()) {
				err = errOther
			}
			return err
		})
		return nil
	})
}

// readers calls f with random nodes that are not the author.
func (s *swarm) readers(random *rand.Rand, author int, f func(reader int)) {
	for range s.config.Readers {
		f(others(random, len(s.nodes), author))
	}
}

const firstPort = 1024

func (s *swarm) announces(ctx context.Context) error {
	return s.each(ctx, Announcing, s.config.Stores, s.config.Callers, func(i int) error {
		random := s.random(Announcing, i)
		author := random.IntN(len(s.nodes))
		hash, port := kad.HashID(s.seed(-1-i)), firstPort+i%(1<<15)
		want := netip.AddrPortFrom(s.nodes[author].Addr().Addr(), uint16(port))
		s.count(ctx, &s.report.Announce, fmt.Sprintf("peer %d announced a peer", author), func() error {
			_, err := s.nodes[author].AnnouncePeer(ctx, hash, port)
			return err
		})
		s.readers(random, author, func(reader int) {
			s.count(ctx, &s.report.GetPeers, fmt.Sprintf("peer %d looked for peers", reader), func() error {
				peers, err := s.nodes[reader].GetPeers(ctx, hash)
				if err == nil && !slices.Equal(peers, []netip.AddrPort{want}) {
					err = errOther
				}
				return err
			})
		})
		return nil
	})
}

// items puts mutable items and immutable ones, in turn.
func (s *swarm) items(ctx context.Context) error {
	return s.each(ctx, Storing, s.config.Stores, s.config.Callers, func(i int) error {
		random := s.random(Storing, i)
		author := random.IntN(len(s.nodes))
		value := make([]byte, s.config.ValueSize)
		copy(value, s.seed(-1-i))
		var target kad.ID
		s.count(ctx, &s.report.Put, fmt.Sprintf("peer %d put an item", author), func() (err error) {
			var r mainline.Result
			if i%2 == 0 {
				r, err = s.nodes[author].PutImmutable(ctx, value)
			} else {
				r, err = s.nodes[author].PutMutable(ctx, ed25519.NewKeyFromSeed(s.seed(i)), nil, value, 1)
			}
			target = r.Target
			return err
		})
		s.readers(random, author, func(reader int) {
			s.count(ctx, &s.report.Get, fmt.Sprintf("peer %d looked for an item", reader), func() error {
				item, err := s.nodes[reader].Get(ctx, target)
				got := ""
				if err == nil && (item.Decode(&got) != nil || got != string(value)) {
					err = errOther
				}
				return err
			})
		})
		return nil
	})
}

// close closes all that were opened and removes what was made for them.
func (s *swarm) close() error {
	errs := make([]error, len(s.nodes))
	_ = s.each(context.Background(), Closing, len(s.nodes), workers, func(i int) error {
		if s.nodes[i] != nil {
			errs[i] = s.nodes[i].Close()
		}
		return nil
	})
	return also(errors.Join(errs...), s.Network.Close()) // which has only the directory
}
