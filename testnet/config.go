package testnet

import (
	"errors"
	"fmt"
	"math"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
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
	Stores    int    // how many keys random peers store values under
	Entries   int    // values under each key, each from another peer as long as there are such
	Readers   int    // how many peers look for each key
	ValueSize int    // in bytes
	Callers   int    // finds or stores at once
	Seed      uint64 // decides the identities and all choices; 0 is a seed like any other
	Transport string // QUIC, Streams or Mem
	Store     string // SQLite or Memory

	// Mainline makes the peers nodes of BitTorrent's DHT, for RunMainline. They
	// speak UDP; there are no faults to order.
	Mainline bool

	// The faults, in the order in which they happen, after the stores.
	Partition time.Duration // the network is cut in two halves for so long
	Kill      float64       // this share of the peers crashes, 0 to 1
	Restart   bool          // every peer is a process; all are killed and started again

	// Processes makes every peer a process of its own that writes what happens to
	// a log beside its file. There are no faults to order.
	Processes bool

	// Live makes a network to watch and to do things to: its peers look after
	// their tables and compare what they hold while a person waits, their buckets
	// are the paper's, and a cut can go through it. There are no faults to order.
	Live bool

	// Observe, when set, is asked at each start of a peer who is to hear what it
	// does. Peers that are processes are not heard.
	Observe func(peer khashmir.ID) khashmir.Observer

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
		Peers: 50, Contacts: 3, Finds: 10, Stores: 10, Entries: 1, Readers: 3,
		ValueSize: 100, Callers: 1, Transport: QUIC, Store: SQLite,
	}
}

const (
	minValue     = 8           // room for a number that tells a value from all others
	minSide      = 2           // peers of a network, and of each half of it
	minPartition = time.Second // for anything to happen meanwhile
)

// Check says in words what cannot be run.
func (c Config) Check() error {
	switch {
	case c.Peers < minSide:
		return fmt.Errorf("a network needs at least 2 peers, not %d", c.Peers)
	case c.Contacts < 1:
		return fmt.Errorf("each peer needs at least 1 contact, not %d", c.Contacts)
	case c.Finds < 0, c.Stores < 0, c.Readers < 0:
		return errors.New("finds, stores and readers cannot be negative")
	case c.Entries < 1 || c.Entries > kad.MaxEntriesPerKey:
		return fmt.Errorf("a key has 1 to %d values, not %d", kad.MaxEntriesPerKey, c.Entries)
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
	if c.Mainline {
		return c.checkMainline()
	}
	if c.Live && (c.Kill != 0 || c.Partition != 0 || c.Restart) {
		return errors.New("a network to watch goes with no fault by order: leave out kill, partition and restart")
	}
	if c.Processes {
		return c.checkProcesses()
	}
	return c.checkFaults()
}

func (c Config) checkProcesses() error {
	switch {
	case c.Live || c.Kill != 0 || c.Partition != 0 || c.Restart:
		return errors.New("processes go with no fault, and with no page: leave out kill, partition, restart and web")
	case c.Store == Memory:
		return fmt.Errorf("a process has files: it needs a %s store, not %s", SQLite, c.Store)
	case c.Transport == Mem:
		return fmt.Errorf("%s does not connect processes: take %s or %s", Mem, QUIC, Streams)
	}
	return nil
}

// apart: each peer is a process of its own.
func (c Config) apart() bool { return c.Restart || c.Processes }

func (c Config) checkMainline() error {
	const room = 8 // for the length
	switch {
	case c.Live:
		return errors.New("nodes of BitTorrent's DHT cannot be watched")
	case c.Kill != 0 || c.Partition != 0 || c.Restart:
		return errors.New("mainline goes with no fault: leave out kill, partition and restart")
	case c.Transport != QUIC: // the default
		return fmt.Errorf("mainline speaks UDP, not %s", c.Transport)
	case c.Entries != 1:
		return fmt.Errorf("mainline has one item under a target, not %d", c.Entries)
	case c.ValueSize > kad.MaxItemValue-room:
		return fmt.Errorf("an item has up to %d bytes, not %d", kad.MaxItemValue-room, c.ValueSize)
	}
	return nil
}

func (c Config) checkFaults() error {
	switch {
	case !(c.Kill >= 0 && c.Kill < 1):
		return fmt.Errorf("the share of peers to kill is between 0 and 1, not %v", c.Kill)
	case c.Partition < 0 || c.Partition > 0 && c.Partition < minPartition:
		return fmt.Errorf("a partition lasts %v at least, not %v", minPartition, c.Partition)
	case c.Kill == 0 && c.Partition == 0 && !c.Restart:
		return nil
	case c.Stores == 0:
		return errors.New("with 0 stores there is nothing that a fault could lose")
	case c.Kill > 0 && c.victims() == 0:
		return fmt.Errorf("a share of %v of %d peers is not one to kill", c.Kill, c.Peers)
	case c.Peers-c.victims() < minSide:
		return fmt.Errorf("with %d of %d peers killed fewer than %d are left", c.victims(), c.Peers, minSide)
	case c.Partition > 0 && c.Peers < 2*minSide:
		return fmt.Errorf("%d peers cannot be cut in two networks of at least %d", c.Peers, minSide)
	case c.Restart && c.Store == Memory:
		return fmt.Errorf("peers that are killed start again on their files: restart needs a %s store, not %s", SQLite, c.Store)
	case c.Restart && c.Transport == Mem:
		return fmt.Errorf("peers to restart are processes of their own, which %s does not connect: take %s or %s", Mem, QUIC, Streams)
	case c.Restart && c.Partition > 0:
		return errors.New("restart makes a process of each peer, and a partition cuts between peers of one process: take one of the two")
	}
	return nil
}

// victims is how many peers crash.
func (c Config) victims() int { return int(math.Round(c.Kill * float64(c.Peers))) }
