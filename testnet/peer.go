package testnet

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// peer is one node of the network: in this process (local) or in one of its
// own (process). What its methods give travels between processes.
type peer interface {
	ID() khashmir.ID
	Addr() string
	AddContact(ctx context.Context, addr string) error
	FindCloseNodes(ctx context.Context) error
	FindNode(ctx context.Context, id khashmir.ID) (found, error)
	Store(ctx context.Context, key khashmir.ID, value []byte) (stored, error)
	Read(ctx context.Context, key khashmir.ID) (reading, error)
	Stats() (stats, error)
	Close() error
	Abort() error // as a crash: of a process it is one
}

// found is whom a peer has found, closest first.
type found struct {
	IDs  []khashmir.ID
	Took time.Duration
}

// stored is what became of a value.
type stored struct {
	Holders   []khashmir.ID // who has committed it
	Questions int
	Hops      int
	Took      time.Duration
}

// reading is all that a peer found under a key. First is when the first of the
// values came, Took when the search was over.
type reading struct {
	Values      [][]byte
	First, Took time.Duration
}

// stats are a node's counts, and what its process takes if it has its own.
type stats struct {
	khashmir.Stats
	Goroutines int
	RSSMiB     float64
	OwnMiB     float64 // of it, pages that no other process shares
	CPU        time.Duration
}

// opening is all that a peer starts from.
type opening struct {
	Seed       []byte // of its identity, unless its file has one
	Path       string // of its file; empty: nothing is kept
	Listen     string
	Streams    bool          // every question goes on a QUIC stream
	Checkpoint time.Duration // how often the contacts are saved; 0: as ever
	Maintain   time.Duration // how often the table is looked after; 0: as ever
	Replicate  time.Duration // how often holders compare, at the least; 0: as ever
	Refresh    time.Duration // how long a bucket goes without a lookup; 0: as ever
	Log        string        // the file for what happens; empty: nobody hears of it
	Failures   int           // after how many a contact loses its place; 0: as ever
	Wide       int           // buckets that are wider; 0: as ever
}

func (n *Network) opening(i int) opening {
	o := opening{
		Seed:    identity(n.config.Seed, i).Seed(),
		Listen:  "127.0.0.1:0",
		Streams: n.config.Transport == Streams,
	}
	if n.config.Store == SQLite {
		o.Path = filepath.Join(n.dir, fmt.Sprintf("peer-%04d.db", i))
	}
	if n.config.Processes {
		o.Log = n.logOf(i)
	}
	if n.config.Restart {
		o.Checkpoint = checkpoint
	}
	if n.config.Partition > 0 {
		o.Maintain, o.Replicate = maintain, replicate
	}
	if c := n.config; c.Live {
		o.Maintain, o.Replicate, o.Refresh = c.pace(maintain), c.pace(replicate), c.pace(refresh)
		o.Failures, o.Wide = failures, narrow
	}
	return o
}

// open starts the i-th peer. Its identity follows from the seed, unless its
// file already has one.
func (n *Network) open(ctx context.Context, i int) (peer, error) {
	o := n.opening(i)
	if n.config.apart() {
		p, err := startProcess(ctx, o)
		if err != nil {
			return nil, err // and not a nil process in an interface
		}
		return p, nil
	}
	if old := n.Nodes[i]; old != nil && n.config.Transport != Mem {
		o.Listen = old.Addr().String()
	}
	p, err := openLocal(o, n.transport(o), nil, n.config.Observe)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Nodes[i] = p.node
	return p, nil
}

func (n *Network) transport(o opening) khashmir.Transport {
	var t khashmir.Transport
	if n.config.Transport == Mem {
		t = n.inProcess.Transport()
	} else {
		t = o.transport()
	}
	if n.config.Partition > 0 || n.config.Live {
		t = n.cut.divide(t)
	}
	return t
}

// transport is what a peer outside of Mem talks over.
func (o opening) transport() khashmir.Transport {
	return transport.NewQUIC(transport.QUICConfig{
		Listen:      netip.MustParseAddrPort(o.Listen),
		StreamsOnly: o.Streams,
	})
}

// identity is the i-th peer's key. Who knows the seed knows it too: it is for
// networks like this one.
func identity(seed uint64, i int) ed25519.PrivateKey {
	hash := drawn(seed, "identity", i)
	return ed25519.NewKeyFromSeed(hash[:])
}
