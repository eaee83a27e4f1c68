package testnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// ledger is what was acknowledged: the values under each key.
type ledger struct {
	mu     sync.Mutex
	order  []khashmir.ID
	values map[khashmir.ID]map[string]bool
}

func (l *ledger) add(key khashmir.ID, value []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.values == nil {
		l.values = make(map[khashmir.ID]map[string]bool)
	}
	if l.values[key] == nil {
		l.values[key] = make(map[string]bool)
		l.order = append(l.order, key)
	}
	l.values[key][string(value)] = true
}

// keys are those with anything under them, in the order of the first store.
func (l *ledger) keys() []khashmir.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.order)
}

// size is how many values there are in all.
func (l *ledger) size() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, values := range l.values {
		n += len(values)
	}
	return n
}

// compare says how many values are missing of those acknowledged under key,
// and how many of those read nobody has stored.
func (l *ledger) compare(key khashmir.ID, read []string) (missing, foreign int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing = len(l.values[key])
	for _, value := range read {
		if l.values[key][value] {
			missing--
		} else {
			foreign++
		}
	}
	return missing, foreign
}

// reading is what a search came to.
type reading struct {
	values       []string
	first, whole time.Duration
	err          error
}

// look reads all that is under key.
func look(ctx context.Context, node *khashmir.Node, key khashmir.ID) (r reading) {
	begun := time.Now()
	for value, err := range node.Values(ctx, key) {
		switch {
		case err != nil:
			r.err = err
		default:
			if len(r.values) == 0 {
				r.first = time.Since(begun)
			}
			r.values = append(r.values, string(value))
		}
	}
	r.whole = time.Since(begun)
	return r
}

func (r reading) wrong(missing, foreign int) string {
	switch {
	case r.err != nil:
		return r.err.Error()
	case len(r.values) == 0:
		return errors.New("nobody has it").Error()
	}
	return fmt.Sprintf("%d are missing, %d are others", missing, foreign)
}
