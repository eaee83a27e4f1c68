package sim

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
)

// Config is one simulation. The zero value is a steady network of a thousand
// nodes; a Scenario fills in what is left zero of what it is about, but what was
// set to zero with Set stays zero.
type Config struct {
	Scenario string // one of Scenarios; default: steady
	Nodes    int    // default: 1,000
	Seed     uint64 // the same seed, the same run

	Contacts int           // addresses that a newcomer is given; default: 3
	JoinOver time.Duration // how long it takes all of them to come; default: 5 ms a node, a minute at least
	Settle   time.Duration // from the last join to where measuring begins; default: 15 min
	Duration time.Duration // of what is measured; default: 1 h
	Heal     time.Duration // of peace at the end, before the last judgement; default: see Scenarios

	// Node has the tunables of every node. Its ports, key and bootstrap are
	// the simulation's.
	Node khashmir.Config

	Latency    Latency       // default: WideArea
	Loss       float64       // the part of all packets that is lost
	Asymmetric float64       // the part of all pairs of which one does not hear the other
	NAT        float64       // the part of the nodes that hear only whom they have spoken to
	Skew       time.Duration // the most that a clock is off

	Sessions Sessions      // how long nodes stay; default: for ever
	Polite   float64       // the part of the sessions that end with handing over
	Return   float64       // the part of those gone that come back with their disk; for the rest newcomers come
	Downtime time.Duration // for how long they are gone; default: 5 min

	LookupEvery time.Duration // how often each node looks for a random ID; less than 0: never; default: 10 min
	Values      int           // stored when measuring begins; default: 100 in most scenarios
	ValueSize   int           // bytes; default: 100
	Prompt      float64       // the part of the stores that are khashmir.Prompt
	FindEvery   time.Duration // how often each node looks for one of the values; default: 10 min; less than 0: never

	Liars          float64       // the part of the nodes that lie about whom they know
	PartitionShare float64       // the part of the nodes on the other side
	PartitionFor   time.Duration // how long the two do not hear each other
	Kill           float64       // the part of the nodes that dies at once
	Crowd          int           // newcomers at once
	HotFinds       int           // finds of one key, from everywhere

	sessionKind   string // what Sessions was set from
	sessionMedian time.Duration
	settings      []setting     // by Set, in order
	noLater       time.Duration // what breaks later is not of interest; 0: all is

	Trace io.Writer // gets a line of JSON for the run and for all that happens but messages; default: nothing
}

// names is what a simulation may be called in an error.
func names() string {
	var all []string
	for _, s := range Scenarios {
		all = append(all, s.Name)
	}
	return strings.Join(all, ", ")
}

func (c Config) withDefaults() (Config, error) {
	c.Scenario = cmp.Or(c.Scenario, "steady")
	i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == c.Scenario })
	if i < 0 {
		return c, fmt.Errorf("sim: there is no scenario %q; there are %s", c.Scenario, names())
	}
	Scenarios[i].fill(&c)
	c.Nodes = cmp.Or(c.Nodes, 1000)
	c.Contacts = cmp.Or(c.Contacts, 3)
	c.JoinOver = cmp.Or(c.JoinOver, max(time.Minute, time.Duration(c.Nodes)*5*time.Millisecond))
	c.Settle = cmp.Or(c.Settle, 15*time.Minute)
	c.Duration = cmp.Or(c.Duration, time.Hour)
	c.Downtime = cmp.Or(c.Downtime, 5*time.Minute)
	c.LookupEvery = cmp.Or(c.LookupEvery, 10*time.Minute)
	c.FindEvery = cmp.Or(c.FindEvery, 10*time.Minute)
	c.ValueSize = cmp.Or(c.ValueSize, 100)
	if c.Latency.rtt == nil {
		c.Latency = WideArea()
	}
	if err := c.again(); err != nil {
		return c, err
	}
	return c, c.check()
}

// Check says what cannot be run.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
}

const maxNodes = 1 << 20

func (c Config) check() error {
	if c.Nodes < 1 || c.Nodes > maxNodes {
		return fmt.Errorf("sim: %d nodes: want 1 to %d", c.Nodes, maxNodes)
	}
	for _, part := range []struct {
		name string
		of   float64
	}{
		{"loss", c.Loss}, {"asymmetric", c.Asymmetric}, {"NAT", c.NAT}, {"polite", c.Polite}, {"return", c.Return},
		{"liars", c.Liars}, {"partition", c.PartitionShare}, {"kill", c.Kill}, {"prompt", c.Prompt},
	} {
		if part.of < 0 || part.of > 1 || part.of != part.of {
			return fmt.Errorf("sim: %s is a part of the whole, from 0 to 1, not %v", part.name, part.of)
		}
	}
	for _, d := range []struct {
		name string
		is   time.Duration
	}{{"join over", c.JoinOver}, {"settle", c.Settle}, {"duration", c.Duration}, {"heal", c.Heal}, {"downtime", c.Downtime}, {"skew", c.Skew}, {"partition", c.PartitionFor}} {
		if d.is < 0 || d.is > maxVirtual {
			return fmt.Errorf("sim: %s: %v is not between 0 and %v", d.name, d.is, maxVirtual)
		}
	}
	cut := c.Duration/6 + c.PartitionFor
	switch {
	case c.Scenario == "partition" && cut > c.Duration:
		return fmt.Errorf("sim: a partition of %v would be over %v after measuring began, which is only for %v", c.PartitionFor, cut, c.Duration)
	case c.Duration < time.Second:
		return fmt.Errorf("sim: duration: %v is too short to measure anything: want 1s at least", c.Duration)
	case c.Contacts < 1 || c.Values < 0 || c.Crowd < 0 || c.HotFinds < 0 || c.Nodes+c.Crowd > maxNodes:
		return fmt.Errorf("sim: contacts (%d), values (%d), crowd (%d) or hot finds (%d) make no sense", c.Contacts, c.Values, c.Crowd, c.HotFinds)
	case c.ValueSize < 8 || c.ValueSize > kad.MaxValueSize:
		return fmt.Errorf("sim: a value of %d bytes: want 8 to %d", c.ValueSize, kad.MaxValueSize)
	case c.Node.Transport != nil || c.Node.Store != nil || c.Node.Clock != nil || c.Node.Key != nil || c.Node.Bootstrap != nil:
		return fmt.Errorf("sim: the ports, the key and the bootstrap of a node are the simulation's")
	}
	if err := c.Node.Check(); err != nil {
		return fmt.Errorf("sim: each node: %w", err)
	}
	return nil
}

const maxVirtual = 365 * 24 * time.Hour

// limits are those of the stores.
func (c Config) limits() store.Limits {
	return store.Limits{MaxEntriesPerKey: c.Node.MaxEntriesPerKey, MaxEntries: c.Node.MaxEntries, MaxBytes: c.Node.MaxBytes}
}
