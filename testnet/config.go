package testnet

import (
	"errors"
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
)

// The kinds of parts a network may be built from.
const (
	QUIC    = "quic"    // a socket a peer, on loopback: sealed datagrams, and QUIC for what is larger
	Streams = "streams" // the same socket, every question on a QUIC stream
	Mem     = "mem"     // messages passed in process
	SQLite  = "sqlite"  // a file a peer
	Memory  = "memory"  // nothing is kept
)

// TempPattern names the directories that are made where Config.Dir is empty,
// as os.MkdirTemp takes it.
const TempPattern = "khashmir-testnet-*"

// Config is what to build and what to do with it. Default fills it; Check says
// what is wrong with it.
type Config struct {
	Peers     int
	Contacts  int    // random ones that each peer is given
	Finds     int    // how often a random peer finds another
	Stores    int    // how often a random peer stores a value
	Readers   int    // how many peers look for each value
	ValueSize int    // in bytes
	Callers   int    // finds or stores at once
	Entries   int    // values under one key, each by a random peer
	Seed      uint64 // decides the identities and all choices; 0 is a seed like any other
	Transport string // QUIC, Streams or Mem
	Store     string // SQLite or Memory

	// What is done to the network when all is stored. Then everything that was
	// acknowledged is read back.
	Kill      float64       // this share of the peers crashes without notice
	Partition time.Duration // the halves do not hear each other for so long, and go on
	Restart   bool          // every peer is a process: all are killed, and started again

	// PeerCommand is what starts a process that runs Peer, for Restart.
	PeerCommand []string

	// Dir is where the peers' files stay. A peer whose file is there already
	// goes on as who it was, whatever the seed. Empty: a temporary directory,
	// removed at the end.
	Dir string

	// Progress, when set, hears how far each stage is. It is called from many
	// goroutines.
	Progress func(stage Stage, done, total int)
}

// Default is the script as Khashmir shipped it.
func Default() Config {
	return Config{
		Peers: 50, Contacts: 3, Finds: 10, Stores: 10, Readers: 3,
		ValueSize: 100, Callers: 1, Entries: 1, Transport: QUIC, Store: SQLite,
	}
}

// minValue is room for a number that tells a value from all others.
const minValue = 8

// Check says in words what cannot be run.
func (c Config) Check() error {
	switch {
	case c.Peers < 2:
		return fmt.Errorf("a network needs at least 2 peers, not %d", c.Peers)
	case c.Contacts < 1:
		return fmt.Errorf("each peer needs at least 1 contact, not %d", c.Contacts)
	case c.Finds < 0, c.Stores < 0, c.Readers < 0:
		return errors.New("finds, stores and readers cannot be negative")
	case c.Entries < 1 || c.Entries > kad.MaxEntriesPerKey:
		return fmt.Errorf("a key has 1 to %d entries, not %d", kad.MaxEntriesPerKey, c.Entries)
	case c.Kill < 0 || c.Kill >= 1:
		return fmt.Errorf("the share to kill is at least 0 and less than 1, not %v", c.Kill)
	case c.Kill > 0 && c.Peers-int(c.Kill*float64(c.Peers)) < 2:
		return fmt.Errorf("of %d peers at least 2 must live on", c.Peers)
	case c.Partition < 0:
		return fmt.Errorf("a partition lasts a while, not %v", c.Partition)
	case c.Partition > 0 && c.Peers < 4:
		return fmt.Errorf("each half of a partition needs 2 peers, and %d are not enough", c.Peers)
	case c.Restart && (c.Store != SQLite || c.Transport == Mem):
		return fmt.Errorf("peers that are killed and come back need files and sockets: %s store, and %s or %s for transport", SQLite, QUIC, Streams)
	case c.Restart && (c.Kill > 0 || c.Partition > 0):
		return errors.New("a restart is of all peers, in processes of their own; try the other faults without it")
	case c.Callers < 1:
		return fmt.Errorf("at least 1 caller is needed, not %d", c.Callers)
	case c.ValueSize < minValue || c.ValueSize > kad.MaxValueSize:
		return fmt.Errorf("a value has %d to %d bytes, not %d", minValue, kad.MaxValueSize, c.ValueSize)
	case c.Transport != QUIC && c.Transport != Streams && c.Transport != Mem:
		return fmt.Errorf("transport is %s, %s or %s, not %q", QUIC, Streams, Mem, c.Transport)
	case c.Store != SQLite && c.Store != Memory:
		return fmt.Errorf("store is %s or %s, not %q", SQLite, Memory, c.Store)
	case c.Store == Memory && c.Dir != "":
		return fmt.Errorf("a %s store has no files to keep in %s", Memory, c.Dir)
	}
	return nil
}
