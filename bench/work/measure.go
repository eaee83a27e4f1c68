package work

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

// booters is how many nodes are built, introduced and settled at once.
const booters = 8

// patience is for one operation, bootPatience for all nodes to settle. They are
// an end, not a measure.
const (
	patience     = 30 * time.Second
	bootPatience = 8 * time.Minute
)

// Observer hears what is about to be measured: "boot", "store", "find". A
// profile of it can begin then; it ends when the next does, or at "".
type Observer func(part string)

// Measure puts the swarm through the work, and closes it.
func Measure(ctx context.Context, w Work, s Swarm, observe Observer) (Figures, error) {
	m := &measurement{work: w, swarm: s, observe: observe, random: rand.New(rand.NewPCG(w.Seed, 0))}
	err := m.boot(ctx)
	if err == nil && w.Stores > 0 {
		err = m.operate(ctx)
	}
	m.begin("")
	if closing := s.Close(); err == nil && closing != nil {
		err = fmt.Errorf("close: %w", closing)
	}
	return m.figures, err
}

type measurement struct {
	work    Work
	swarm   Swarm
	observe Observer
	random  *rand.Rand
	figures Figures
	failed  atomic.Pointer[error] // the first
}

func (m *measurement) begin(part string) {
	if m.observe != nil {
		m.observe(part)
	}
}

// boot builds the nodes, gives each its random contacts and has each find its
// place. The memory is what the process has more than before the first node.
func (m *measurement) boot(ctx context.Context) error {
	w, s := m.work, m.swarm
	contacts := make([][]int, w.Nodes)
	for i := range contacts {
		contacts[i] = m.others(i, w.Contacts)
	}
	ctx, cancel := context.WithTimeout(ctx, bootPatience)
	defer cancel()
	memory, goroutines := Memory(), runtime.NumGoroutine()
	m.begin("boot")
	begun := Now()
	steps := []func(i int) error{
		func(i int) error { return s.Build(ctx, i) },
		func(i int) error { return m.introduce(ctx, i, contacts[i]) },
		func(i int) error { return s.Settle(ctx, i) },
	}
	for _, step := range steps {
		var fatal atomic.Pointer[error]
		parallel(booters, w.Nodes, func(i int) {
			if err := step(i); err != nil {
				fatal.CompareAndSwap(nil, &err)
			}
		})
		if err := fatal.Load(); err != nil {
			return fmt.Errorf("boot: %w", *err)
		}
	}
	took, nodes, f := begun.Since(), float64(w.Nodes), &m.figures
	f.BootS, f.BootCPUS = took.Wall.Seconds(), took.CPU.Seconds()
	f.MemoryKiB = float64(Memory()-memory) / 1024 / nodes
	f.Goroutines = float64(runtime.NumGoroutine()-goroutines) / nodes
	f.Connections = float64(s.Connections()) / nodes
	return nil
}

// introduce gives node i its contacts. One that does not answer is lived
// without, and told of: others may know this node.
func (m *measurement) introduce(ctx context.Context, i int, contacts []int) error {
	for _, other := range contacts {
		if err := m.swarm.Meet(ctx, i, other); err != nil {
			m.check(fmt.Errorf("a contact did not answer: %w", err))
		}
	}
	return nil
}

func (m *measurement) check(err error) {
	if err != nil {
		m.failed.CompareAndSwap(nil, &err)
	}
}

// others draws some different nodes that are not i.
func (m *measurement) others(i, some int) (drawn []int) {
	for _, other := range m.random.Perm(m.work.Nodes) {
		if other != i && len(drawn) < some {
			drawn = append(drawn, other)
		}
	}
	return drawn
}

// operate stores and finds with one caller, then with many.
func (m *measurement) operate(ctx context.Context) error {
	w, f := m.work, &m.figures
	m.begin("store")
	deposits := m.deposits(w.Stores)
	one := m.store(ctx, deposits, 1)
	f.StoreP50MS, f.StoreP99MS = percentiles(one.took)
	f.StoreQuestions, f.StoreCPUMS = one.questions, one.cpuMS
	m.begin("find")
	one = m.find(ctx, deposits, 1)
	f.FirstP50MS, f.FirstP99MS = percentiles(one.first)
	f.FindP50MS, f.FindP99MS = percentiles(one.took)
	f.FindQuestions, f.FindCPUMS = one.questions, one.cpuMS

	m.begin("store, many callers")
	deposits = m.deposits(w.Burst)
	f.StoresPerS = m.store(ctx, deposits, w.Callers).perS
	m.begin("find, many callers")
	f.FindsPerS = m.find(ctx, deposits, w.Callers).perS
	if err := m.failed.Load(); err != nil {
		f.Failure = (*err).Error()
	}
	return ctx.Err()
}

// deposit is a value, and who stores it.
type deposit struct {
	key, value []byte
	writer     int
	stored     bool
}

func (m *measurement) deposits(count int) []deposit {
	deposits := make([]deposit, count)
	for i := range deposits {
		d := &deposits[i]
		d.value = make([]byte, m.work.ValueSize)
		for j := range d.value {
			d.value[j] = byte(m.random.Uint32())
		}
		hash := sha256.Sum256(d.value)
		d.key, d.writer = hash[:20], m.random.IntN(m.work.Nodes)
	}
	return deposits
}

// outcome is what came of some operations.
type outcome struct {
	took, first            []time.Duration // in the order of the operations; first without those that found nothing
	questions, cpuMS, perS float64         // the first two an operation
}

// run does the operations, and counts what all nodes did meanwhile.
func (m *measurement) run(ctx context.Context, total, callers int, do func(ctx context.Context, i int)) (o outcome) {
	o.took = make([]time.Duration, total)
	questions, begun := m.swarm.Questions(), Now()
	parallel(callers, total, func(i int) {
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		began := time.Now()
		do(bounded, i)
		o.took[i] = time.Since(began)
	})
	took, each := begun.Since(), float64(max(total, 1))
	o.questions = float64(m.swarm.Questions()-questions) / each
	o.cpuMS = took.CPU.Seconds() * 1000 / each
	o.perS = float64(total) / took.Wall.Seconds()
	return o
}

func (m *measurement) store(ctx context.Context, deposits []deposit, callers int) outcome {
	o := m.run(ctx, len(deposits), callers, func(ctx context.Context, i int) {
		d := &deposits[i]
		err := m.swarm.Store(ctx, d.writer, d.key, d.value)
		m.check(err)
		d.stored = err == nil
	})
	for _, d := range deposits {
		m.figures.Tried++
		if d.stored {
			m.figures.Stored++
		}
	}
	return o
}

// search is one reader looking for one deposit.
type search struct {
	*deposit
	reader int
	first  time.Duration
	found  bool
}

// find has each deposit looked for: by all first readers, then by all second
// ones, and so on.
func (m *measurement) find(ctx context.Context, deposits []deposit, callers int) outcome {
	var searches []search
	readers := make([][]int, len(deposits))
	for i, d := range deposits {
		readers[i] = m.readers(d)
	}
	for nth := range m.work.Readers {
		for i := range deposits {
			if nth < len(readers[i]) {
				searches = append(searches, search{deposit: &deposits[i], reader: readers[i][nth]})
			}
		}
	}
	o := m.run(ctx, len(searches), callers, func(ctx context.Context, i int) {
		s := &searches[i]
		var err error
		s.first, s.found, err = m.swarm.Find(ctx, s.reader, s.key, s.value)
		m.check(err)
	})
	for _, s := range searches {
		m.figures.Searched++
		if s.found {
			m.figures.Found++
			o.first = append(o.first, s.first)
		}
	}
	return o
}

// readers draws who is to look for d: nodes that do not hold it.
func (m *measurement) readers(d deposit) (drawn []int) {
	for _, i := range m.random.Perm(m.work.Nodes) {
		if len(drawn) == m.work.Readers {
			break
		}
		if i != d.writer && !m.swarm.Holds(i, d.key) {
			drawn = append(drawn, i)
		}
	}
	return drawn
}
