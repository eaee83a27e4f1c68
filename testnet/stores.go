package testnet

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/khashmir/kad/khashmir"
)

// stores has random peers store values, and others that do not hold them look
// for them.
func (r *run) stores(ctx context.Context) error {
	before, err := r.total()
	if err != nil {
		return err
	}
	r.gets.all = true
	storing := r.depositing(Storing, r.living(), 0)
	err = r.each(ctx, Storing, r.config.Stores*r.config.Entries, r.config.Callers, func(j int) error {
		d := storing.store(ctx, j)
		if d == nil {
			return nil
		}
		order := r.random(Storing+", readers", d.number).Perm(len(r.peers))
		for _, reader := range r.readers(order, d, r.config.Readers) {
			r.look(ctx, &r.gets, reader, d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	after, err := r.total()
	r.report.MessagesPerStore = ratio(r.questions, r.report.Stores)
	r.report.HopsPerStore = ratio(r.hops, r.report.Stores)
	r.report.MessagesPerGet = ratio(after.Asked-before.Asked-r.questions, r.gets.looked)
	r.report.HopsPerGet = ratio(after.Hops-before.Hops-r.hops, after.Lookups-before.Lookups-r.report.Stores)
	return err
}

// depositing is some peers storing.
type depositing struct {
	run    *run
	stage  Stage
	among  []int
	source uint64           // 0 to 3: values of different sources differ
	begun  map[int]*deposit // by number; some of their values are still to be stored

	tried, acknowledged int
}

func (r *run) depositing(stage Stage, among []int, source uint64) *depositing {
	return &depositing{run: r, stage: stage, among: among, source: source, begun: make(map[int]*deposit)}
}

// store has the j-th value stored, Config.Entries of them under one key. It
// returns the deposit if this was the last of it.
func (s *depositing) store(ctx context.Context, j int) *deposit {
	r := s.run
	number, nth := j/r.config.Entries, j%r.config.Entries
	writer, value := s.publisher(number, nth), s.value(j)
	d := s.deposit(number)
	hash := d.expect(&r.mu, writer, value)
	result, err := r.peers[writer].Store(ctx, d.key, value)
	if ctx.Err() != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range result.Holders {
		d.holders[id] = true
	}
	s.tried++
	if err == nil {
		d.values[hash] = true
		d.acknowledged++
		s.acknowledged++
	} else {
		r.faults.add("peer %d did not store %s: %v", writer, d.what, err)
	}
	if s.stage == Storing {
		r.stored(result, err)
	}
	if d.attempts++; d.attempts < r.config.Entries {
		return nil
	}
	delete(s.begun, number)
	r.deposits = append(r.deposits, d)
	return d
}

// end leaves the rest of what is begun.
func (s *depositing) end() {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(s.begun)) {
		s.run.deposits = append(s.run.deposits, s.begun[number])
	}
	clear(s.begun)
}

func (r *run) stored(s stored, err error) {
	r.store = append(r.store, s.Took)
	r.questions += s.Questions
	r.hops += s.Hops
	if err == nil {
		r.report.StoresOK++
	}
}

// publisher is another one for each value of a key, as long as there are others.
func (s *depositing) publisher(number, nth int) int {
	order := s.run.random(s.stage, s.drawing(number)).Perm(len(s.among))
	return s.among[order[nth%len(order)]]
}

func (s *depositing) deposit(number int) *deposit {
	r := s.run
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := s.begun[number]
	if !ok {
		first, what := s.value(number*r.config.Entries), fmt.Sprintf("value %d", number)
		if r.config.Entries > 1 {
			what = fmt.Sprintf("values under key %d", number)
			first = binary.BigEndian.AppendUint64(first, uint64(r.config.Entries)) // else kept files could have more under it
		}
		if s.source > 0 {
			what += fmt.Sprintf(" of half %d", s.source)
		}
		d = newDeposit(number, what, khashmir.HashID(first))
		s.begun[number] = d
	}
	return d
}

// value is the j-th: random bytes behind a number that no other value has.
func (s *depositing) value(j int) []byte {
	random := s.run.random(s.stage+", values", s.drawing(j))
	value := make([]byte, s.run.config.ValueSize)
	for i := range value {
		value[i] = byte(random.Uint32())
	}
	binary.BigEndian.PutUint64(value, uint64(s.drawing(j)))
	return value
}

// drawing tells the j-th of this source from that of another.
func (s *depositing) drawing(j int) int { return j | int(s.source)<<60 }

// readers are the first of the order that neither hold nor published what they
// look for; where there are too few, as in a network of ten, any but its
// publishers; where all have published, any.
func (r *run) readers(order []int, d *deposit, enough int) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var without, with, wrote []int
	for _, i := range order {
		switch {
		case d.publishers[i]:
			wrote = append(wrote, i)
		case d.holders[r.peers[i].ID()]:
			with = append(with, i)
		default:
			without = append(without, i)
		}
	}
	chosen := append(without, with...)
	if len(chosen) == 0 {
		chosen = wrote
	}
	return chosen[:min(enough, len(chosen))]
}

// living are the peers that have not crashed.
func (r *run) living() (living []int) {
	for i, dead := range r.dead {
		if !dead {
			living = append(living, i)
		}
	}
	return living
}

// look has the reader look for a deposit, and reports whether it found just
// that.
func (r *run) look(ctx context.Context, in *looks, reader int, d *deposit) bool {
	got, err := r.peers[reader].Read(ctx, d.key)
	if ctx.Err() != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v := d.judge(got.Values)
	in.looked++
	in.whole = append(in.whole, got.Took)
	if len(got.Values) > v.foreign {
		in.first = append(in.first, got.First)
	}
	if !in.quiet {
		d.looked, d.missing = true, max(d.missing, v.missing)
		r.report.Foreign += v.foreign
	}
	if v.missing == 0 && v.foreign == 0 && err == nil && !(in.all && v.absent > 0) {
		in.found++
		return true
	}
	if !in.quiet {
		r.faults.add("peer %d did not find %s: %s", reader, d.what, v.words(len(d.values), err))
	}
	return false
}
