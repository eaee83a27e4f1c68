package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parameter is a field of Config under a name, for command lines and sweeps.
type Parameter struct {
	Name  string
	Kind  string // what it takes, in one word
	About string
	set   func(c *Config, value string) error
}

// setting is a parameter that was set.
type setting struct{ name, value string }

// Parameters is all of them, in the order in which they are best explained.
var Parameters = []Parameter{
	{"nodes", "n", "how many there are (default 1000)", count(func(c *Config) *int { return &c.Nodes })},
	{"seed", "n", "the same seed, the same run (default 1)", func(c *Config, value string) (err error) {
		c.Seed, err = strconv.ParseUint(value, 10, 64)
		return complain(err, "a whole number, 0 or more")
	}},
	{"duration", "time", "how long is measured, as 1h30m (default 1h)", span(func(c *Config) *time.Duration { return &c.Duration })},
	{"hours", "n", "the same, in hours", func(c *Config, value string) error {
		hours, err := strconv.ParseFloat(value, 64)
		if err == nil && !(hours > 0 && hours <= maxVirtual.Hours()) {
			err = strconv.ErrRange
		}
		c.Duration = time.Duration(hours * float64(time.Hour))
		return complain(err, "a number of hours")
	}},
	{"join-over", "time", "how long all take to come (default 5ms a node)", span(func(c *Config) *time.Duration { return &c.JoinOver })},
	{"settle", "time", "from the last that came to the measuring (default 15m)", span(func(c *Config) *time.Duration { return &c.Settle })},
	{"heal", "time", "peace before the last judgement", span(func(c *Config) *time.Duration { return &c.Heal })},
	{"contacts", "n", "addresses that a newcomer is given (default 3)", count(func(c *Config) *int { return &c.Contacts })},

	{"churn", "time", "median of how long nodes stay, as 30m", func(c *Config, value string) error { return session(c, "", value) }},
	{"median-session", "time", "the same", func(c *Config, value string) error { return session(c, "", value) }},
	{"sessions", "kind", "exponential, weibull (of shape 0.5) or trace:FILE (a line a session, in seconds)", func(c *Config, value string) error {
		return session(c, value, "")
	}},
	{"polite", "share", "of those who go hands over first", part(func(c *Config) *float64 { return &c.Polite })},
	{"return", "share", "of those who go comes back with its disk", part(func(c *Config) *float64 { return &c.Return })},
	{"downtime", "time", "after how long (default 5m)", span(func(c *Config) *time.Duration { return &c.Downtime })},

	{"latency", "kind", "wide-area, data-centre, constant:RTT or matrix:FILE (default wide-area)", func(c *Config, value string) (err error) {
		c.Latency, err = ParseLatency(value)
		return err
	}},
	{"loss", "share", "of all packets that is lost", part(func(c *Config) *float64 { return &c.Loss })},
	{"asymmetric", "share", "of all pairs of which one does not hear the other", part(func(c *Config) *float64 { return &c.Asymmetric })},
	{"nat", "share", "of the nodes that hear only whom they have spoken to", part(func(c *Config) *float64 { return &c.NAT })},
	{"skew", "time", "by how much clocks are off at the most", span(func(c *Config) *time.Duration { return &c.Skew })},

	{"lookup-every", "time", "how often each node looks for a random ID (default 10m; 0s: never)", span(func(c *Config) *time.Duration { return &c.LookupEvery })},
	{"values", "n", "that are stored", count(func(c *Config) *int { return &c.Values })},
	{"value-size", "bytes", "of each (default 100)", count(func(c *Config) *int { return &c.ValueSize })},
	{"prompt", "share", "of the stores that are prompt: told when half the replicas have it", part(func(c *Config) *float64 { return &c.Prompt })},
	{"find-every", "time", "how often each node looks for one of them (default 10m; 0s: never)", span(func(c *Config) *time.Duration { return &c.FindEvery })},

	{"liars", "share", "of the nodes that lie", part(func(c *Config) *float64 { return &c.Liars })},
	{"partition", "share", "of the nodes on the other side", part(func(c *Config) *float64 { return &c.PartitionShare })},
	{"partition-for", "time", "how long they are cut off (default 20m)", span(func(c *Config) *time.Duration { return &c.PartitionFor })},
	{"kill", "share", "of the nodes that dies at once", part(func(c *Config) *float64 { return &c.Kill })},
	{"crowd", "n", "of newcomers at once", count(func(c *Config) *int { return &c.Crowd })},
	{"hot-finds", "n", "finds of one key", count(func(c *Config) *int { return &c.HotFinds })},

	{"k", "n", "contacts in a bucket, and found by a lookup", atLeastOne(func(c *Config) *int { return &c.Node.K })},
	{"wide-buckets", "n", "of the farthest buckets hold more than k (0: none)", countOrNone(func(c *Config) *int { return &c.Node.WideBuckets })},
	{"settle-buckets", "n", "of the farthest buckets a newcomer looks into (0: none)", countOrNone(func(c *Config) *int { return &c.Node.SettleBuckets })},
	{"alpha", "n", "questions of a lookup in flight", atLeastOne(func(c *Config) *int { return &c.Node.Alpha })},
	{"replicas", "n", "nodes that hold a value", atLeastOne(func(c *Config) *int { return &c.Node.Replicas })},
	{"max-failures", "n", "unanswered questions that cost the place", atLeastOne(func(c *Config) *int { return &c.Node.MaxFailures })},
	{"bucket-staleness", "time", "without a lookup, after which a bucket is refreshed", rhythmic(func(c *Config) *time.Duration { return &c.Node.BucketStaleness })},
	{"maintain-interval", "time", "how often one bucket may be refreshed", rhythmic(func(c *Config) *time.Duration { return &c.Node.MaintainInterval })},
	{"replicate-interval", "time", "the longest from one comparison with other holders to the next", rhythmic(func(c *Config) *time.Duration { return &c.Node.ReplicateInterval })},
}

// Set sets the parameter of that name, or changes nothing. It holds whatever its field is
// given afterwards, until it is Set again.
func Set(c *Config, name, value string) error {
	for _, p := range Parameters {
		if p.Name == name {
			changed := *c
			if err := p.set(&changed, value); err != nil {
				return err
			}
			others := slices.DeleteFunc(slices.Clone(c.settings), func(s setting) bool { return s.name == name })
			changed.settings = append(others, setting{name, value})
			*c = changed
			return nil
		}
	}
	return fmt.Errorf("there is no parameter %q", name)
}

func count(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, value string) (err error) {
		*field(c), err = strconv.Atoi(value)
		return complain(err, "a whole number")
	}
}

// again sets what was set, for a zero was taken for nothing. Kinds have no zero, and
// may be of files that are read once.
func (c *Config) again() error {
	for _, s := range c.settings {
		i := slices.IndexFunc(Parameters, func(p Parameter) bool { return p.Name == s.name })
		if p := Parameters[i]; p.Kind != "kind" {
			if err := p.set(c, s.value); err != nil {
				return fmt.Errorf("sim: %s: %w", s.name, err)
			}
		}
	}
	return nil
}

// countOrNone is a count of which the node takes 0 for its default and less for none.
func countOrNone(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, value string) error {
		n, err := strconv.Atoi(value)
		if n == 0 {
			n = -1
		}
		*field(c) = n
		return complain(err, "a whole number")
	}
}

// atLeastOne is a count of which there is none less than 1: a 0 would be the node's default.
func atLeastOne(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, value string) error {
		n, err := strconv.Atoi(value)
		if err == nil && n < 1 {
			err = strconv.ErrRange
		}
		*field(c) = n
		return complain(err, "a whole number, 1 or more")
	}
}

func part(field func(*Config) *float64) func(*Config, string) error {
	return func(c *Config, value string) (err error) {
		*field(c), err = strconv.ParseFloat(value, 64)
		return complain(err, "a number from 0 to 1, as 0.2")
	}
}

func span(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, value string) (err error) {
		*field(c), err = time.ParseDuration(value)
		return complain(err, "a time, as 30s or 2m")
	}
}

// rhythmic is a span that something takes each time: a 0 would be the node's default.
func rhythmic(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, value string) error {
		d, err := time.ParseDuration(value)
		if err == nil && d <= 0 {
			err = strconv.ErrRange
		}
		*field(c) = d
		return complain(err, "a time of more than 0, as 30s or 2m")
	}
}

func complain(err error, want string) error {
	if err != nil {
		return fmt.Errorf("it takes %s", want)
	}
	return nil
}

// session changes the kind of the sessions or their median, and leaves the
// other as it is.
func session(c *Config, kind, median string) (err error) {
	if kind != "" {
		c.sessionKind = kind
	}
	if trace := strings.HasPrefix(c.sessionKind, "trace:"); trace && (median != "" || c.sessionMedian > 0) {
		return fmt.Errorf("sessions of a trace are as long as it says: leave out their median")
	}
	if median != "" {
		if c.sessionMedian, err = time.ParseDuration(median); err != nil || c.sessionMedian <= 0 {
			return fmt.Errorf("it takes a time, as 30m")
		}
	}
	c.Sessions, err = ParseSessions(c.sessionKind, cmp.Or(c.sessionMedian, time.Hour))
	return err
}
