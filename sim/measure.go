package sim

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// measure is what is counted while measuring.
type measure struct {
	begun     time.Time // on the wall
	measuring bool
	since     int64
	until     int64

	alive    int
	nodeTime float64 // node-seconds lived while measuring
	counted  int64   // until when
	deaths   int
	work     traffic
	upkeep   map[krpc.Method]*traffic // answers are of the question's
	lookups  tally
	stores   tally
	finds    tally
	timeline []Moment
	each     int64 // how long a moment is
	turns    int64 // when this one ends
	marks    []Mark
	truth    []member
	copies   int // of what everybody wants, at the most

	repairs   []int32 // ms from the end of a disk until there is a copy in place of its own
	halfLives []int32 // of the sessions, as nodes see them, in seconds

	acknowledged, lostValues, unfound, strangers, judged int
}

// traffic is messages, and their bytes.
type traffic struct{ messages, bytes int64 }

// tally is of one kind of operations.
type tally struct {
	done, failed int
	why          map[string]int
	took         []int32 // µs
	first        []int32 // µs
	hops         []int32
	questions    []int32
	recall       float64
	looked       int // of which recall and hops are
	whole        int // with a recall of 1
}

func (s *Sim) k() int {
	if s.config.Node.K > 0 {
		return s.config.Node.K
	}
	return kad.K
}

func (s *Sim) maxFailures() int {
	if s.config.Node.MaxFailures > 0 {
		return s.config.Node.MaxFailures
	}
	return kad.MaxFailures
}

func (s *Sim) replicas() int {
	if s.config.Node.Replicas > 0 {
		return s.config.Node.Replicas
	}
	return min(kad.Replicas, s.k())
}

// startMeasuring begins counting, for d.
func (s *Sim) startMeasuring(d time.Duration) {
	s.population(0)
	s.measuring, s.since, s.until = true, s.now, s.now+int64(d)
	s.counted = s.now
	s.each, s.turns = int64(d/moments), s.now+int64(d/moments)
	s.timeline = []Moment{{Nodes: s.alive}}
	s.upkeep = make(map[krpc.Method]*traffic)
	if s.config.HotFinds > 0 {
		s.countCopies(d / moments)
	}
}

// moments is how many points a timeline has.
const moments = 60

// countCopies looks again and again how many there are of what everybody wants.
func (s *Sim) countCopies(every time.Duration) {
	s.in(every, action(func() {
		if s.copies = max(s.copies, s.cached()); s.measuring {
			s.countCopies(every)
		}
	}))
}

// cached is how many nodes have a copy of anything in their cache.
func (s *Sim) cached() (nodes int) {
	for _, p := range s.roster.living {
		if stats, err := p.node.Stats(); err == nil && stats.Cached > 0 {
			nodes++
		}
	}
	return nodes
}

// moment is the current point of the timeline, or after the measuring the last. Those
// that have ended keep how many nodes there are before what happens now.
func (s *Sim) moment() *Moment {
	for s.measuring && s.now >= s.turns && s.each > 0 {
		s.timeline[len(s.timeline)-1].Nodes = s.alive
		s.timeline = append(s.timeline, Moment{At: time.Duration(s.turns - s.since), Nodes: s.alive})
		s.turns += s.each
	}
	return &s.timeline[len(s.timeline)-1]
}

// mark says what happens now, where the course of things is drawn.
func (s *Sim) mark(what string) {
	if s.measuring {
		s.marks = append(s.marks, Mark{time.Duration(s.now - s.since), what})
	}
}

func (s *Sim) stopMeasuring() {
	s.population(0)
	s.moment().Nodes = s.alive
	s.measuring = false
	s.until = s.now
	if s.config.Sessions.draw != nil {
		s.halfLives = s.seenHalfLives()
	}
}

// grown is how old a node must be to be asked how long others live.
const grown = 10 * time.Minute

// seenHalfLives is what the nodes take for the median session, in seconds.
func (s *Sim) seenHalfLives() (seen []int32) {
	for _, p := range s.roster.living {
		if stats, err := p.node.Stats(); err == nil && s.now-p.since >= int64(grown) {
			seen = append(seen, int32(stats.HalfLife.Seconds()))
		}
	}
	return seen
}

// population is by how many more live now.
func (s *Sim) population(change int) {
	if s.measuring {
		s.nodeTime += float64(s.alive) * time.Duration(s.now-s.counted).Seconds()
		m := s.moment()
		if change < 0 {
			s.deaths++
			m.Deaths++
		}
	}
	s.counted = s.now
	s.alive += change
}

// count is of messages on their way, because of q.
func (s *Sim) count(q *question, messages, bytes int) {
	if !s.measuring {
		return
	}
	t, i := &s.work, 1
	if !q.work {
		t, i = s.upkeep[q.query.Method], 0
	}
	if t == nil {
		t = new(traffic)
		s.upkeep[q.query.Method] = t
	}
	t.messages += int64(messages)
	t.bytes += int64(bytes)
	m := s.moment()
	m.Messages += messages
	m.Bytes[i] += bytes
}

// load is of a question that far has answered.
func (s *Sim) load(q *question, far *peer) {
	if !s.measuring {
		return
	}
	far.served++
	if s.config.HotFinds > 0 && q.query.Method == krpc.FindValue {
		far.hot++
		far.gave += min(1, len(q.reply.Entries))
	}
}

// seconds is the virtual time.
func (s *Sim) seconds() float64 { return time.Duration(s.now).Seconds() }

func (s *Sim) tally(o *op, err error) {
	m := s.moment()
	var t *tally
	switch o.kind {
	case lookingUp:
		t = &s.lookups
	case storing:
		t = &s.stores
	case finding:
		t = &s.finds
		if err == nil {
			m.Found++
		} else {
			m.Missed++
		}
	default:
		return
	}
	t.done++
	if err != nil {
		t.failed++
		if t.why == nil {
			t.why = make(map[string]int)
		}
		t.why[err.Error()]++
		return
	}
	t.took = append(t.took, int32((s.now-o.began)/1000))
	if o.first > 0 {
		t.first = append(t.first, int32((o.first-o.began)/1000))
	}
	t.questions = append(t.questions, int32(o.questions))
	if !o.looked { // a prompt store is told of before its lookup ends
		return
	}
	if o.kind == lookingUp {
		m.Looked++
		m.Recall += o.recall
	}
	t.looked++
	t.hops = append(t.hops, int32(o.hops))
	t.recall += o.recall
	if o.recall == 1 {
		t.whole++
	}
}

// Quantiles are of some numbers: their mean, and the least of them that 50, 90,
// 99 in a hundred do not exceed (the nearest rank). Hundredths are all of these,
// from the least to the greatest.
type Quantiles struct {
	Count      int       `json:"count"`
	Mean       float64   `json:"mean"`
	P50        float64   `json:"p50"`
	P90        float64   `json:"p90"`
	P99        float64   `json:"p99"`
	Max        float64   `json:"max"`
	Hundredths []float64 `json:"hundredths,omitempty"`
}

// quantiles are of numbers, each divided by unit.
func quantiles(numbers []int32, unit float64) Quantiles {
	if len(numbers) == 0 {
		return Quantiles{}
	}
	slices.Sort(numbers)
	q := Quantiles{Count: len(numbers)}
	sum := 0.0
	for _, n := range numbers {
		sum += float64(n)
	}
	for i := range 101 {
		q.Hundredths = append(q.Hundredths, float64(quantile(numbers, i))/unit)
	}
	q.Mean = sum / float64(len(numbers)) / unit
	q.P50, q.P90, q.P99, q.Max = q.Hundredths[50], q.Hundredths[90], q.Hundredths[99], q.Hundredths[100]
	return q
}

// quantile is the least of numbers, which are sorted, that so many in a hundred of them do
// not exceed; for 0 the least of all.
func quantile[N int32 | time.Duration](numbers []N, hundredths int) N {
	rank := (len(numbers)*hundredths + 99) / 100
	return numbers[max(rank, 1)-1]
}
