package growth

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"

	"github.com/khashmir/kad/bench/work"
)

// Entries measures one file as it fills: the CPU microseconds of a put by many
// callers, of reading what is under a key, and of a digest over about as many
// entries as ever.
func Entries(ctx context.Context, counts []int) (axis Axis, err error) {
	axis = Axis{Title: "one file, CPU us an operation", Of: "entries in it", Lines: []Line{
		{Name: "put", Log: true}, {Name: "get", Log: true}, {Name: "digest of 1,000", Log: true}, // by index
		{Name: "file, bytes an entry"},
	}}
	dir, err := os.MkdirTemp("", "khashmir-growth-*")
	if err != nil {
		return axis, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	limits := store.Limits{MaxPublisherEntries: kad.MaxEntries} // one publisher has them all
	kept, err := store.Open(filepath.Join(dir, "node.db"), store.Config{Limits: limits})
	if err != nil {
		return axis, err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	f := &file{kept: kept, now: time.Now()}
	if err := kept.SetIdentity(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))); err != nil {
		return axis, err
	}
	for _, count := range counts {
		y, err := f.measure(ctx, count)
		if err != nil {
			return axis, err
		}
		axis.Add(float64(count), y...)
	}
	axis.Fit()
	return axis, nil
}

// file is a store with numbered entries.
type file struct {
	kept    *store.SQLite
	now     time.Time
	entries int
}

// sample is how often each operation is done for its figure.
const sample = 500

func (f *file) measure(ctx context.Context, count int) ([]float64, error) {
	const digested = 1000
	if err := f.fill(ctx, max(f.entries, count-sample)); err != nil {
		return nil, err
	}
	rest := count - f.entries
	put, err := timed(rest, func() error { return f.fill(ctx, count) })
	if err != nil {
		return nil, err
	}
	get, err := timed(sample, func() error {
		return repeat(sample, func(i int) error {
			page, _, err := f.kept.Entries(key(i*(count/sample)), 0, kad.PageSize, f.now)
			if err == nil && len(page) != 1 {
				err = fmt.Errorf("%d entries under a key", len(page))
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	bits := 0
	for n := count; n >= 2*digested; n /= 2 {
		bits++
	}
	digest, err := timed(sample/10, func() error {
		return repeat(sample/10, func(i int) error {
			_, ok, err := f.kept.Digest(kad.NewRange(key(i), bits), kad.CompareEntries, f.now)
			if err == nil && !ok {
				err = errors.New("too many entries to digest")
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	stats, err := f.kept.Stats()
	return []float64{put, get, digest, float64(stats.FileBytes) / float64(count)}, err
}

// fill puts entries, from many callers, until there are so many.
func (f *file) fill(ctx context.Context, until int) error {
	const callers = 64
	var next atomic.Int64
	next.Store(int64(f.entries))
	var putting sync.WaitGroup
	var failed atomic.Pointer[error]
	for range callers {
		putting.Go(func() {
			for i := int(next.Add(1)) - 1; i < until && ctx.Err() == nil && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				e := kad.Entry{Value: value(i), Created: f.now, TTL: time.Hour, Seq: 1, Publisher: kad.PublicKey{1}, Signature: kad.Signature{1}}
				if err := f.kept.Put(key(i), e, netip.Prefix{}, f.now); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	putting.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	f.entries = until
	return ctx.Err()
}

func value(i int) []byte { return binary.BigEndian.AppendUint64(make([]byte, 92, 100), uint64(i)) }
func key(i int) kad.ID   { return kad.HashID(value(i)) }

// timed is the CPU microseconds of each of so many: they hang least on what else
// the machine does.
func timed(count int, do func() error) (float64, error) {
	begun := work.Now()
	err := do()
	return begun.Since().CPU.Seconds() * 1e6 / float64(max(1, count)), err
}

func repeat(count int, do func(i int) error) error {
	for i := range count {
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}
