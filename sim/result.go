package sim

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	kad "github.com/khashmir/kad"
)

// Result is what a simulation has come to.
type Result struct {
	Command  string  `json:"command"` // the arguments of khashmir-testnet that print it again, as a shell takes them, as far as it was made with Set
	Scenario string  `json:"scenario"`
	Nodes    int     `json:"nodes"`
	Seed     uint64  `json:"seed"`
	Latency  string  `json:"latency"`
	Sessions string  `json:"sessions"`
	Median   float64 `json:"median_s"` // of the sessions; 0: for ever

	K        int     `json:"k"`
	Alpha    int     `json:"alpha"`
	Replicas int     `json:"replicas"`
	Compared float64 `json:"replicate_interval_s"` // the longest from one comparison of holders to the next

	Trace   string  `json:"trace"` // a hash of all that happened, in hex
	Events  uint64  `json:"events"`
	Virtual float64 `json:"virtual_s"` // seconds simulated, and those they took
	Wall    float64 `json:"wall_s"`
	Heap    uint64  `json:"heap_bytes"` // in use at the end

	Interrupted bool `json:"interrupted,omitempty"` // it was ended before its end

	Measured float64 `json:"measured_s"` // virtual seconds, to which the rest refers
	Alive    float64 `json:"alive"`      // nodes, on average
	Deaths   int     `json:"deaths"`

	Lookups Operations `json:"lookups"` // for random IDs
	Stores  Operations `json:"stores"`
	Placed  float64    `json:"placed"` // the part of the Replicas closest to a value that hold it a minute after it was acknowledged
	Finds   Operations `json:"finds"`  // of values that were acknowledged and have not expired

	Upkeep Traffic `json:"upkeep"` // what a network costs that nobody uses
	Work   Traffic `json:"work"`   // what the operations cost

	UpkeepBy map[string]Traffic `json:"upkeep_by"` // of the upkeep, by the question's method, with the answers

	Load Quantiles `json:"load"` // questions answered, by node

	// Where everybody wants the same: the part of the finds that the node most asked
	// was asked in; that the one which gave the most gave it in; and of the nodes
	// that had a copy in their cache at the most.
	Busiest float64 `json:"busiest,omitempty"`
	Gave    float64 `json:"gave,omitempty"`
	Copies  float64 `json:"copies,omitempty"`

	Acknowledged int `json:"acknowledged"` // values that ought to be there at the end
	Lost         int `json:"lost"`         // of these, nobody who lives holds any more
	Unfound      int `json:"unfound"`      // of these, a last find from anywhere did not find, where one was made
	Strangers    int `json:"strangers"`    // after healing: of the K closest to each node, those that it does not know
	Judged       int `json:"judged"`       // nodes that were asked for theirs

	// Repair is how long after a disk was destroyed there was another copy of what
	// it held, where less than Replicas were left and one came.
	Repair Quantiles `json:"repair_s"`

	// Size is how far off the nodes are that have made 16 lookups for K and more, when
	// they are asked how many there are; and the same by a rule of thumb, as
	// Kademlua's prompt has it: K, and twice as many for each split.
	Size       Estimates `json:"size"`
	SizeByRule Estimates `json:"size_by_rule"`

	// HalfLife is what the nodes that are ten minutes old and more take for the
	// median session, when the measuring ends.
	HalfLife Quantiles `json:"half_life_s"`

	Timeline []Moment `json:"timeline"`
	Marks    []Mark   `json:"marks,omitempty"` // what the scenario has done, and when
}

// Mark is something that the scenario does to the network.
type Mark struct {
	At   time.Duration `json:"at_ns"` // since measuring began
	What string        `json:"what"`
}

// Estimates is how far some of them are off, as parts of the truth.
type Estimates struct {
	Count     int     `json:"count"`
	Bias      float64 `json:"bias"`
	Deviation float64 `json:"deviation"` // standard, around their mean
}

// Operations is one kind of them.
type Operations struct {
	Done      int            `json:"done"`
	Failed    int            `json:"failed"`
	Why       map[string]int `json:"why,omitempty"` // of those that failed
	Took      Quantiles      `json:"took_ms"`
	First     Quantiles      `json:"first_ms"` // until the first value was there
	Hops      Quantiles      `json:"hops"`
	Questions Quantiles      `json:"questions"`
	Recall    float64        `json:"recall"` // the part of the K closest that live which were found, on average
	Whole     float64        `json:"whole"`  // the part of the operations that found all of them
}

// Traffic is messages sent by a node a second, questions and answers alike.
type Traffic struct {
	Messages float64 `json:"messages"`
	Bytes    float64 `json:"bytes"` // encoded, without what the transport adds
}

// Moment is one point of the timeline: from At to the next.
type Moment struct {
	At       time.Duration `json:"at_ns"` // since measuring began
	Nodes    int           `json:"nodes"`
	Deaths   int           `json:"deaths"`
	Found    int           `json:"found"`
	Missed   int           `json:"missed"`
	Looked   int           `json:"looked"` // lookups that ended well
	Recall   float64       `json:"recall"` // the sum of theirs
	Messages int           `json:"messages"`
	Bytes    [2]int        `json:"bytes"` // upkeep, work
}

func (s *Sim) result(wall time.Duration, heap uint64) *Result {
	c := s.config
	r := &Result{
		Command: c.Command(), K: s.k(), Alpha: cmp.Or(c.Node.Alpha, kad.Alpha), Replicas: s.replicas(),
		Compared: cmp.Or(c.Node.ReplicateInterval, kad.ReplicateInterval).Seconds(),
		Scenario: c.Scenario, Nodes: c.Nodes, Seed: c.Seed, Latency: c.Latency.String(), Sessions: c.Sessions.String(), Median: c.Sessions.Median().Seconds(),
		Trace: fmt.Sprintf("%016x", s.hash), Events: s.events,
		Virtual: time.Duration(s.now).Seconds(), Wall: wall.Seconds(), Heap: heap,
		Interrupted: s.stopped,
		Measured:    time.Duration(s.until - s.since).Seconds(), Deaths: s.deaths,
		Lookups: s.lookups.operations(), Stores: s.stores.operations(), Finds: s.finds.operations(),
		Acknowledged: s.acknowledged, Lost: s.lostValues, Unfound: s.unfound, Strangers: s.strangers, Judged: s.judged,
		Timeline: s.timeline, Marks: s.marks,
	}
	if s.placing.places > 0 {
		r.Placed = float64(s.placing.held) / float64(s.placing.places)
	}
	r.Alive = s.nodeTime / r.Measured
	r.Work = s.work.aNode(s.nodeTime)
	var upkeep traffic
	r.UpkeepBy = make(map[string]Traffic)
	for method, t := range s.upkeep {
		r.UpkeepBy[string(method)] = t.aNode(s.nodeTime)
		upkeep.messages, upkeep.bytes = upkeep.messages+t.messages, upkeep.bytes+t.bytes
	}
	r.Upkeep = upkeep.aNode(s.nodeTime)
	var load []int32
	for _, p := range s.peers {
		if p.lives() {
			load = append(load, int32(p.served))
		}
	}
	r.Load = quantiles(load, 1)
	if c.HotFinds > 0 && r.Finds.Done > 0 && r.Alive > 0 {
		for _, p := range s.peers {
			r.Busiest = max(r.Busiest, float64(p.hot)/float64(r.Finds.Done))
			r.Gave = max(r.Gave, float64(p.gave)/float64(r.Finds.Done))
		}
		r.Copies = float64(s.copies) / r.Alive
	}
	r.Size, r.SizeByRule = s.sizes()
	r.HalfLife, r.Repair = quantiles(s.halfLives, 1), quantiles(s.repairs, 1000)
	return r
}

// aNode is t by a node a second, of so many seconds that nodes have lived.
func (t traffic) aNode(seconds float64) Traffic {
	if seconds == 0 {
		return Traffic{}
	}
	return Traffic{float64(t.messages) / seconds, float64(t.bytes) / seconds}
}

// UpkeepOf is what the bytes of the upkeep are for, as a mean of some results, the
// most first: "compare 6.1 B, ping 2.2 B".
func UpkeepOf(results ...*Result) string {
	bytes := make(map[string]float64)
	for _, r := range results {
		for method, t := range r.UpkeepBy {
			bytes[method] += t.Bytes / float64(len(results))
		}
	}
	methods := slices.SortedFunc(maps.Keys(bytes), func(a, b string) int {
		return cmp.Or(cmp.Compare(bytes[b], bytes[a]), cmp.Compare(a, b))
	})
	for i, m := range methods {
		methods[i] = fmt.Sprintf("%s %.1f B", m, bytes[m])
	}
	return strings.Join(methods, ", ")
}

// sizes asks the nodes how many there are.
func (s *Sim) sizes() (learned, byRule Estimates) {
	var l, t []float64
	for _, p := range s.roster.living {
		stats, err := p.node.Stats()
		if err != nil || p.liar || p.whole < 16 || stats.Network == 0 {
			continue
		}
		l = append(l, float64(stats.Network)/float64(len(s.roster.living)))
		t = append(t, math.Ldexp(float64(s.k()), len(p.node.Table())-1)/float64(len(s.roster.living)))
	}
	return estimates(l), estimates(t)
}

func estimates(all []float64) (e Estimates) {
	if e.Count = len(all); e.Count < 2 {
		return e
	}
	mean, squares := 0.0, 0.0
	for _, x := range all {
		mean += x / float64(len(all))
	}
	for _, x := range all {
		squares += (x - mean) * (x - mean)
	}
	return Estimates{len(all), mean - 1, math.Sqrt(squares / float64(len(all)-1))}
}

func (t *tally) operations() Operations {
	o := Operations{
		Done: t.done, Failed: t.failed, Why: t.why,
		Took: quantiles(t.took, 1000), First: quantiles(t.first, 1000),
		Hops: quantiles(t.hops, 1), Questions: quantiles(t.questions, 1),
	}
	if t.looked > 0 {
		o.Recall, o.Whole = t.recall/float64(t.looked), float64(t.whole)/float64(t.looked)
	}
	return o
}
