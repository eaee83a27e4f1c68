package mainline

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
)

// Config is what may differ between nodes. The zero value works: any port on
// all addresses of both families, nothing on disk, and no network joined.
type Config struct {
	// Listen is where to listen, by IPv4 or by IPv6. Default: any port on all
	// IPv4 addresses, and the same port on all IPv6 addresses if the system has
	// any.
	Listen netip.AddrPort

	// Listen6 is where to listen by IPv6 as well as at Listen. Default: nowhere,
	// if there is a Listen.
	Listen6 netip.AddrPort

	// Bootstrap names contacts ("host:port") to ask at the start and whenever
	// the table has run empty. Default: none. A dead one costs a log line.
	Bootstrap []string

	// ReadOnly is for short-lived tools: the node asks and answers nobody, and
	// says so, so that others do not keep it in their tables (BEP 43).
	ReadOnly bool

	// SecureOnly admits only contacts whose ID fits their address to the table
	// (BEP 42). Default: all, since many clients do not care.
	SecureOnly bool

	// Loopback admits loopback addresses to the table, without BEP 42, and
	// lifts all limits an address: for tests and measurements alone.
	Loopback bool

	// Path is the SQLite file for the identity, the contacts and the items.
	// Default: none, they end with the node.
	Path string

	// ID is the node's own, whatever BEP 42 says. Default: one that fits the
	// address, from the identity in the file.
	ID kad.ID

	// Table hears of every contact that answers, or ceases to, beside the
	// bounded one: a FlatTable or a PrefixTable keeps them all. Lookups begin
	// with what it knows, too.
	Table Table

	// Handler may answer in the node's place. It and Observer hear of every
	// query that could be read. They run where packets are read and must not
	// block: from them call nothing of the node's but what takes a callback.
	// Default: neither, and then they cost nothing.
	Handler  func(Incoming) (Answer, bool)
	Observer func(Incoming)

	// Clock is the time. Default: the real one.
	Clock Clock

	// Logger hears of what went wrong that no caller can be told. Default:
	// nobody does.
	Logger *slog.Logger

	// What the node asks of others, a minute, per family of addresses. Zero
	// means the constant of the same name in package kad. Questions beyond
	// wait, but those to loopback addresses where Loopback is set.
	PacketsPerMinute      int
	DestinationsPerMinute int

	// The tunables. Zero means the constant of the same name in package kad.
	Alpha              int
	WideBuckets        int // less than 0: none
	MaxSwarms          int
	MaxSwarmPeers      int
	MaxPeers           int
	MaxItems           int
	PeerTTL            time.Duration
	ItemTTL            time.Duration
	TokenInterval      time.Duration
	MaintainInterval   time.Duration
	CheckpointInterval time.Duration
	MinPingInterval    time.Duration
	BucketStaleness    time.Duration
}

// Clock is the time. AfterFunc runs f on a goroutine of its own unless it is
// stopped in time, which stop reports.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = realClock{}
	}
	c.PacketsPerMinute = cmp.Or(c.PacketsPerMinute, kad.PacketsPerMinute)
	c.DestinationsPerMinute = cmp.Or(c.DestinationsPerMinute, kad.DestinationsPerMinute)
	c.Alpha = cmp.Or(c.Alpha, kad.Alpha)
	c.WideBuckets = cmp.Or(c.WideBuckets, kad.WideBuckets)
	c.MaxSwarms = cmp.Or(c.MaxSwarms, kad.MaxSwarms)
	c.MaxSwarmPeers = cmp.Or(c.MaxSwarmPeers, kad.MaxSwarmPeers)
	c.MaxPeers = cmp.Or(c.MaxPeers, kad.MaxPeers)
	c.MaxItems = cmp.Or(c.MaxItems, kad.MaxItems)
	c.PeerTTL = cmp.Or(c.PeerTTL, kad.PeerTTL)
	c.ItemTTL = cmp.Or(c.ItemTTL, kad.ItemTTL)
	c.TokenInterval = cmp.Or(c.TokenInterval, kad.TokenInterval)
	c.MaintainInterval = cmp.Or(c.MaintainInterval, kad.MaintainInterval)
	c.CheckpointInterval = cmp.Or(c.CheckpointInterval, kad.CheckpointInterval)
	c.MinPingInterval = cmp.Or(c.MinPingInterval, kad.MinPingInterval)
	c.BucketStaleness = cmp.Or(c.BucketStaleness, kad.BucketStaleness)
	return c
}

// check says in words what cannot work. It wants the defaults filled in.
func (c Config) check() error {
	for _, field := range []struct {
		name string
		n    int64
	}{
		{"PacketsPerMinute", int64(c.PacketsPerMinute)}, {"DestinationsPerMinute", int64(c.DestinationsPerMinute)},
		{"Alpha", int64(c.Alpha)}, {"MaxSwarms", int64(c.MaxSwarms)}, {"MaxSwarmPeers", int64(c.MaxSwarmPeers)},
		{"MaxPeers", int64(c.MaxPeers)}, {"MaxItems", int64(c.MaxItems)}, {"PeerTTL", int64(c.PeerTTL)},
		{"ItemTTL", int64(c.ItemTTL)}, {"TokenInterval", int64(c.TokenInterval)}, {"MaintainInterval", int64(c.MaintainInterval)},
		{"CheckpointInterval", int64(c.CheckpointInterval)}, {"MinPingInterval", int64(c.MinPingInterval)},
		{"BucketStaleness", int64(c.BucketStaleness)},
	} {
		if field.n <= 0 {
			return fmt.Errorf("config: %s must be positive, got %d", field.name, field.n)
		}
	}
	if c.Listen6.IsValid() && (!c.Listen6.Addr().Is6() || c.Listen6.Addr().Is4In6()) {
		return fmt.Errorf("config: Listen6 (%s) is not an address of IPv6", c.Listen6)
	}
	if c.Listen6.IsValid() && c.Listen.IsValid() && !c.Listen.Addr().Unmap().Is4() {
		return fmt.Errorf("config: Listen (%s) and Listen6 are both of IPv6", c.Listen)
	}
	return nil
}

func (c Config) limits() limits {
	l := limits{
		swarms: c.MaxSwarms, perSwarm: c.MaxSwarmPeers, peers: c.MaxPeers, items: c.MaxItems,
		lifetime: c.PeerTTL, itemLifetime: c.ItemTTL, perAddress: kad.MaxPeersPerAddress,
	}
	if c.Loopback {
		l.perAddress = 0
	}
	return l
}
