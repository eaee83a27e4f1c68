package testnet

import (
	"errors"
	"fmt"

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
	Seed      uint64 // decides the identities and all choices; 0 is a seed like any other
	Transport string // QUIC, Streams or Mem
	Store     string // SQLite or Memory

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
		ValueSize: 100, Callers: 1, Transport: QUIC, Store: SQLite,
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
