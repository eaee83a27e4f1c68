package store

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
)

// Memory is the twin of SQLite without a disk: the same behaviour for the
// simulator and for tests. What it holds is gone when it is closed. An empty
// one costs a few hundred bytes.
type Memory struct {
	limits Limits

	mu       sync.Mutex
	closed   bool
	keys     map[kad.ID][]*record // in the order of their positions
	soonest  expiryHeap           // the same records by expiry
	last     uint64               // the highest position given
	usage    map[kad.PublicKey]usage
	all      usage
	kept     []Kept
	identity ed25519.PrivateKey
	contacts []kad.Contact
}

// record is one entry. All but its lifetime stays as it was first put.
type record struct {
	key              kad.ID
	position         uint64
	sum              uint64 // of the value: unequal sums spare comparing values
	value            []byte
	publisher        kad.PublicKey
	created, expires int64
	index            int // in the heap
}

// seed is one for all: the sums never leave the process.
var seed = maphash.MakeSeed()

// NewMemory is an empty store.
func NewMemory(config Config) *Memory {
	return &Memory{limits: config.Limits.withDefaults()}
}

// Put is SQLite.Put. It keeps a copy of the value.
func (m *Memory) Put(key kad.ID, e kad.Entry, now time.Time) error {
	if err := m.put(key, e, now.UnixMilli()); err != nil {
		return fmt.Errorf("store: put %s: %w", key, err)
	}
	return nil
}

func (m *Memory) put(key kad.ID, e kad.Entry, now int64) error {
	created, expires := lifetime(e)
	sum := maphash.Bytes(seed, e.Value)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrClosed
	case expires <= now:
		return ErrExpired
	}
	if old := m.find(key, sum, e.Value); old != nil && old.expires > now {
		if expires > old.expires {
			old.created, old.expires = created, expires
			m.soonest.fix(old)
		}
		return nil
	}
	if old := m.find(key, sum, e.Value); old != nil {
		m.drop(old)
	}
	if err := m.makeRoom(key, now); err != nil {
		return err
	}
	if err := m.fits(len(e.Value), e.Publisher, now); err != nil {
		return err
	}
	m.add(&record{key: key, sum: sum, value: bytes.Clone(e.Value), publisher: e.Publisher, created: created, expires: expires})
	return nil
}

// add gives r the next position.
func (m *Memory) add(r *record) {
	m.last++
	r.position = m.last
	if m.keys == nil {
		m.keys = make(map[kad.ID][]*record)
	}
	m.keys[r.key] = append(m.keys[r.key], r)
	m.soonest.push(r)
	m.count(r, 1)
}

func (m *Memory) find(key kad.ID, sum uint64, value []byte) *record {
	for _, r := range m.keys[key] {
		if r.sum == sum && bytes.Equal(r.value, value) {
			return r
		}
	}
	return nil
}

// makeRoom is SQLite.makeRoom: expired records go where a full key needs room.
func (m *Memory) makeRoom(key kad.ID, now int64) error {
	if len(m.keys[key]) < m.limits.MaxEntriesPerKey {
		return nil
	}
	var over []*record
	for _, r := range m.keys[key] {
		if r.expires <= now {
			over = append(over, r)
		}
	}
	for _, r := range over {
		m.drop(r)
	}
	if live := len(m.keys[key]); live >= m.limits.MaxEntriesPerKey {
		return fmt.Errorf("the key has %d entries: %w", live, ErrFull)
	}
	return nil
}

// drop forgets r.
func (m *Memory) drop(r *record) {
	m.soonest.remove(r)
	m.count(r, -1)
	records := m.keys[r.key]
	i := after(records, r.position-1)
	if records = slices.Delete(records, i, i+1); len(records) > 0 {
		m.keys[r.key] = records
	} else {
		delete(m.keys, r.key)
	}
}

// after is the index of the first record past a position.
func after(records []*record, position uint64) int {
	i, _ := slices.BinarySearchFunc(records, position, func(r *record, position uint64) int {
		if r.position <= position {
			return -1
		}
		return 1
	})
	return i
}

// Entries is SQLite.Entries. The values are the caller's.
func (m *Memory) Entries(key kad.ID, cursor uint64, maxBytes int, now time.Time) (page []kad.Entry, next uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, 0, fmt.Errorf("store: entries of %s: %w", key, ErrClosed)
	}
	records, size := m.keys[key], 0
	for _, r := range records[after(records, cursor):] {
		if r.expires <= now.UnixMilli() {
			continue
		}
		size += len(r.value) + kad.EntryOverhead
		if len(page) > 0 && size > maxBytes {
			return page, cursor, nil
		}
		page = append(page, entry(bytes.Clone(r.value), r.publisher, r.created, r.expires))
		cursor = r.position
	}
	return page, 0, nil
}

// Expire is SQLite.Expire.
func (m *Memory) Expire(now time.Time, limit int) (dropped int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, fmt.Errorf("store: expire: %w", ErrClosed)
	}
	return m.sweep(now.UnixMilli(), limit), nil
}

func (m *Memory) sweep(now int64, limit int) (dropped int) {
	for dropped < limit && len(m.soonest) > 0 && m.soonest[0].expires <= now {
		m.drop(m.soonest[0])
		dropped++
	}
	return dropped
}

// Stats is SQLite.Stats.
func (m *Memory) Stats() (Stats, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return Stats{}, fmt.Errorf("store: stats: %w", ErrClosed)
	}
	return Stats{Entries: m.all.Entries, Bytes: m.all.Bytes}, nil
}

// Close forgets everything. Closing twice does nothing.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.keys, m.soonest, m.usage, m.kept, m.identity, m.contacts = nil, nil, nil, nil, nil, nil
	return nil
}
