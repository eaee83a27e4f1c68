package testnet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// deposit is what was to be stored under one key. A reader must find just that.
type deposit struct {
	number int
	what   string // in words
	key    khashmir.ID

	// Guarded by the network's mu.
	values       map[[sha256.Size]byte]bool // true: acknowledged
	acknowledged int
	attempts     int // ended
	publishers   map[int]bool
	holders      map[khashmir.ID]bool
	looked       bool
	missing      int // to the worst of those who looked since forget
}

func newDeposit(number int, what string, key khashmir.ID) *deposit {
	return &deposit{
		number:     number,
		what:       what,
		key:        key,
		values:     make(map[[sha256.Size]byte]bool),
		publishers: make(map[int]bool),
		holders:    make(map[khashmir.ID]bool),
	}
}

// expect: value is about to be stored by the peer, and may be found from now on.
func (d *deposit) expect(mu *sync.Mutex, writer int, value []byte) (hash [sha256.Size]byte) {
	hash = sha256.Sum256(value)
	mu.Lock()
	defer mu.Unlock()
	d.values[hash] = false
	d.publishers[writer] = true
	return hash
}

// verdict is on what a reader has found.
type verdict struct {
	missing int // acknowledged
	absent  int // these, and the others that were to be stored
	foreign int // never to be stored, or twice
}

func (d *deposit) judge(values [][]byte) verdict {
	v := verdict{missing: d.acknowledged, absent: len(d.values)}
	seen := make(map[[sha256.Size]byte]bool)
	for _, value := range values {
		hash := sha256.Sum256(value)
		acknowledged, known := d.values[hash]
		if !known || seen[hash] {
			v.foreign++
			continue
		}
		seen[hash] = true
		v.absent--
		if acknowledged {
			v.missing--
		}
	}
	return v
}

// words say what is wrong with what was found of so many values.
func (v verdict) words(of int, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case of == 1 && v.foreign > 0:
		return "another value is there"
	case of == 1:
		return "nobody has it"
	case v.foreign > 0:
		return fmt.Sprintf("%d of %d are there, and %d that were never stored", of-v.absent, of, v.foreign)
	}
	return fmt.Sprintf("%d of %d are there", of-v.absent, of)
}

// looks is what came of looking for deposits.
type looks struct {
	looked, found int // by one peer each
	first, whole  []time.Duration
	all           bool // what was not acknowledged must be there too
	quiet         bool // what is not found is looked for again
}

// Kept is what is left of the values.
type Kept struct {
	Acknowledged int `json:"acknowledged"` // stored, as their publishers were told
	Readable     int `json:"readable"`     // of these, found by all who looked last
	Lost         int `json:"lost"`         // of these, not found by one of them
}

// forget begins a new count of what is lost.
func (r *run) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.deposits {
		d.looked, d.missing = false, 0
	}
}

// tally is the count since.
func (r *run) tally() (k Kept) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.deposits {
		k.Acknowledged += d.acknowledged
		if d.looked {
			k.Lost += d.missing
			k.Readable += d.acknowledged - d.missing
		}
	}
	return k
}

// acknowledged are the deposits of which something must be found.
func (r *run) acknowledged() (some []*deposit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.deposits {
		if d.acknowledged > 0 {
			some = append(some, d)
		}
	}
	return some
}

// lookForAll has one of the peers look for each deposit once.
func (r *run) lookForAll(ctx context.Context, stage Stage, among []int, in *looks) error {
	r.forget()
	all := r.acknowledged()
	return r.each(ctx, stage, len(all), r.config.Callers, func(i int) error {
		r.look(ctx, in, r.anyOf(among, r.random(stage, i), all[i]), all[i])
		return nil
	})
}

// anyOf draws a reader for d.
func (r *run) anyOf(among []int, random *rand.Rand, d *deposit) int {
	order := slices.Clone(among)
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return r.readers(order, d, 1)[0]
}
