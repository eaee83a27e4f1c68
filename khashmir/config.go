package khashmir

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// Config is what may differ between nodes. The zero value works: QUIC on any
// free port, SQLite in khashmir.db, and no network joined.
type Config struct {
	// Path is the SQLite file for entries, contacts and the identity.
	// Default: khashmir.db in the working directory.
	Path string

	// Listen is the UDP address to listen at. Default: any free port on all
	// addresses.
	Listen string

	// Bootstrap names contacts ("host:port") to ask at the start and whenever
	// the table has run empty. Default: none. A dead one costs a log line. A
	// lookup in the first moments that finds fewer than K waits for these, and for
	// the contacts saved, for kad.MeetTimeout at the most.
	Bootstrap []string

	// PowerSafe makes a value outlive a power cut at every holder that
	// acknowledged it with this setting, at one fsync a commit. Default: it
	// outlives the death of the process, kill -9 included. Of the default
	// Store.
	PowerSafe bool

	// Client makes a node that asks and does not answer: it finds, stores and
	// removes, others keep what it has stored, and nobody takes it for one of the
	// network. For who comes for a moment, or cannot be reached. Default: it
	// takes its part.
	Client bool

	// Key is the node's identity, kept in the store from then on; a store that
	// has another refuses it. Default: the one in the store, made once.
	Key ed25519.PrivateKey

	// The ports. Default: QUIC, SQLite, real time. The node closes them.
	Transport Transport
	Store     Store
	Clock     Clock

	// Observer hears what the node does. Default: nobody does.
	Observer Observer

	// Authentic reports whether an entry's publisher has signed it under key.
	// Default: Entry.Authentic. A simulator, which is many nodes and sees the
	// same entry again and again, remembers.
	Authentic func(key ID, e kad.Entry) bool

	// Logger hears of what went wrong that no caller can be told. Default:
	// nobody does.
	Logger *slog.Logger

	// The tunables. Zero means the constant of the same name in package kad.
	K                  int
	WideBuckets        int // less than 0: none
	SettleBuckets      int // less than 0: none
	Alpha              int
	Replicas           int
	ValueTTL           time.Duration
	MaxValueTTL        time.Duration
	MaxValueSize       int
	MaxLookups         int
	MaxFailures        int
	MinPingInterval    time.Duration
	BucketStaleness    time.Duration
	CheckpointInterval time.Duration
	ExpireInterval     time.Duration
	MaintainInterval   time.Duration
	RepublishInterval  time.Duration
	ReplicateInterval  time.Duration // the longest; it is shorter where contacts die sooner
	TokenInterval      time.Duration
	LeaveTimeout       time.Duration
	MaxConnections     int // of the default Transport

	// These are the default Store's.
	MaxEntriesPerKey    int
	MaxEntries          int
	MaxBytes            int64
	MaxPublisherEntries int
	MaxPublisherBytes   int64
	QuotaEntries        int
	QuotaBytes          int64
	MaxGroupEntries     int
	MaxGroupBytes       int64
}

// limits are the default Store's.
func (c Config) limits() store.Limits {
	return store.Limits{
		MaxEntriesPerKey:    c.MaxEntriesPerKey,
		MaxEntries:          c.MaxEntries,
		MaxBytes:            c.MaxBytes,
		MaxPublisherEntries: c.MaxPublisherEntries,
		MaxPublisherBytes:   c.MaxPublisherBytes,
		QuotaEntries:        c.QuotaEntries,
		QuotaBytes:          c.QuotaBytes,
		MaxGroupEntries:     c.MaxGroupEntries,
		MaxGroupBytes:       c.MaxGroupBytes,
	}
}

func (c Config) withDefaults() Config {
	c.Path = cmp.Or(c.Path, "khashmir.db")
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = newRealClock()
	}
	if c.Authentic == nil {
		c.Authentic = func(key ID, e kad.Entry) bool { return e.Authentic(key) }
	}
	c.K = cmp.Or(c.K, kad.K)
	c.WideBuckets = cmp.Or(c.WideBuckets, kad.WideBuckets)
	c.SettleBuckets = cmp.Or(c.SettleBuckets, kad.SettleBuckets)
	c.Alpha = cmp.Or(c.Alpha, kad.Alpha)
	c.Replicas = cmp.Or(c.Replicas, min(kad.Replicas, c.K))
	c.ValueTTL = cmp.Or(c.ValueTTL, kad.ValueTTL)
	c.MaxValueTTL = cmp.Or(c.MaxValueTTL, max(kad.MaxValueTTL, c.ValueTTL))
	c.MaxValueSize = cmp.Or(c.MaxValueSize, kad.MaxValueSize)
	c.MaxEntriesPerKey = cmp.Or(c.MaxEntriesPerKey, kad.MaxEntriesPerKey)
	c.MaxEntries = cmp.Or(c.MaxEntries, kad.MaxEntries)
	c.MaxBytes = cmp.Or(c.MaxBytes, kad.MaxBytes)
	c.MaxPublisherEntries = cmp.Or(c.MaxPublisherEntries, kad.MaxPublisherEntries)
	c.MaxPublisherBytes = cmp.Or(c.MaxPublisherBytes, kad.MaxPublisherBytes)
	c.QuotaEntries = cmp.Or(c.QuotaEntries, kad.QuotaEntries)
	c.QuotaBytes = cmp.Or(c.QuotaBytes, kad.QuotaBytes)
	c.MaxGroupEntries = cmp.Or(c.MaxGroupEntries, kad.MaxGroupEntries)
	c.MaxGroupBytes = cmp.Or(c.MaxGroupBytes, kad.MaxGroupBytes)
	c.MaxLookups = cmp.Or(c.MaxLookups, kad.MaxLookups)
	c.MaxFailures = cmp.Or(c.MaxFailures, kad.MaxFailures)
	c.MinPingInterval = cmp.Or(c.MinPingInterval, kad.MinPingInterval)
	c.BucketStaleness = cmp.Or(c.BucketStaleness, kad.BucketStaleness)
	c.CheckpointInterval = cmp.Or(c.CheckpointInterval, kad.CheckpointInterval)
	c.ExpireInterval = cmp.Or(c.ExpireInterval, kad.ExpireInterval)
	c.MaintainInterval = cmp.Or(c.MaintainInterval, kad.MaintainInterval)
	c.RepublishInterval = cmp.Or(c.RepublishInterval, kad.RepublishInterval)
	c.ReplicateInterval = cmp.Or(c.ReplicateInterval, kad.ReplicateInterval)
	c.LeaveTimeout = cmp.Or(c.LeaveTimeout, kad.LeaveTimeout)
	c.TokenInterval = cmp.Or(c.TokenInterval, kad.TokenInterval)
	c.MaxConnections = cmp.Or(c.MaxConnections, kad.MaxConnections)
	return c
}

// Check says in words what cannot work, as Open does, and starts nothing.
func (c Config) Check() error { return c.withDefaults().check() }

// check says in words what cannot work. It wants the defaults filled in.
func (c Config) check() error {
	const (
		room    = 4 << 10 // what a message needs beside its value
		maxWide = 10      // a thousand times K in the farthest
	)
	positive := func(name string, n int64) error {
		if n <= 0 {
			return fmt.Errorf("config: %s must be positive, got %d", name, n)
		}
		return nil
	}
	for _, field := range []struct {
		name string
		n    int64
	}{
		{"K", int64(c.K)}, {"Alpha", int64(c.Alpha)}, {"Replicas", int64(c.Replicas)},
		{"ValueTTL", int64(c.ValueTTL)}, {"MaxValueTTL", int64(c.MaxValueTTL)}, {"MaxValueSize", int64(c.MaxValueSize)},
		{"MaxEntriesPerKey", int64(c.MaxEntriesPerKey)}, {"MaxEntries", int64(c.MaxEntries)},
		{"MaxBytes", c.MaxBytes}, {"MaxPublisherEntries", int64(c.MaxPublisherEntries)},
		{"MaxPublisherBytes", c.MaxPublisherBytes}, {"QuotaEntries", int64(c.QuotaEntries)}, {"QuotaBytes", c.QuotaBytes},
		{"MaxGroupEntries", int64(c.MaxGroupEntries)}, {"MaxGroupBytes", c.MaxGroupBytes}, {"MaxLookups", int64(c.MaxLookups)},
		{"MaxFailures", int64(c.MaxFailures)}, {"MinPingInterval", int64(c.MinPingInterval)},
		{"BucketStaleness", int64(c.BucketStaleness)}, {"CheckpointInterval", int64(c.CheckpointInterval)},
		{"ExpireInterval", int64(c.ExpireInterval)}, {"MaintainInterval", int64(c.MaintainInterval)}, {"RepublishInterval", int64(c.RepublishInterval)},
		{"ReplicateInterval", int64(c.ReplicateInterval)}, {"LeaveTimeout", int64(c.LeaveTimeout)},
		{"TokenInterval", int64(c.TokenInterval)}, {"MaxConnections", int64(c.MaxConnections)},
	} {
		if err := positive(field.name, field.n); err != nil {
			return err
		}
	}
	switch {
	case c.Replicas > c.K:
		return fmt.Errorf("config: Replicas (%d) is more than K (%d) that a lookup finds", c.Replicas, c.K)
	case c.ValueTTL < kad.MinValueTTL || c.ValueTTL > c.MaxValueTTL:
		return fmt.Errorf("config: ValueTTL (%v) is not between %v and MaxValueTTL (%v)", c.ValueTTL, kad.MinValueTTL, c.MaxValueTTL)
	case c.Alpha > kad.MaxLookupQuestions:
		return fmt.Errorf("config: Alpha (%d) is more than the %d questions of a lookup", c.Alpha, kad.MaxLookupQuestions)
	case c.K > kad.MaxContactsPerReply:
		return fmt.Errorf("config: K (%d) is more than the %d contacts a reply may carry", c.K, kad.MaxContactsPerReply)
	case c.WideBuckets > maxWide:
		return fmt.Errorf("config: WideBuckets (%d) is more than %d", c.WideBuckets, maxWide)
	case c.MaxValueSize > kad.MaxMessageSize-room:
		return fmt.Errorf("config: MaxValueSize (%d) does not fit a message of %d bytes", c.MaxValueSize, kad.MaxMessageSize)
	case c.Key != nil && len(c.Key) != ed25519.PrivateKeySize:
		return fmt.Errorf("config: Key is not an Ed25519 private key")
	}
	return nil
}
