package store

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"net/netip"
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
	keys     shelf
	soonest  expiryHeap       // the same records by expiry
	last     uint64           // the highest position given
	usage    map[string]usage // by publisher, and by group
	all      usage
	futile   int    // puts to be refused before we look for loans again
	nearest  kad.ID // distance at which the last eviction ended
	kept     []Kept
	identity ed25519.PrivateKey
	contacts []kad.Contact
}

// record is one entry. Its place stays when a newer version takes it.
type record struct {
	key              kad.ID
	position         uint64
	item             [16]byte
	mark             uint64
	value            []byte
	publisher        kad.PublicKey
	origin           string
	seq              int64
	removed          bool
	signature        kad.Signature
	created, expires int64
	index            int // in the heap
}

// entry shares its value with r.
func (r *record) entry() kad.Entry {
	e := kad.Entry{Value: r.value, Publisher: r.publisher, Seq: r.seq, Removed: r.removed, Signature: r.signature}
	e.Created, e.TTL = between(r.created, r.expires)
	return e
}

// NewMemory is an empty store.
func NewMemory(config Config) *Memory {
	return &Memory{limits: config.Limits.withDefaults(), nearest: theFarEnd}
}

// Put is SQLite.Put. It keeps a copy of the value.
func (m *Memory) Put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error {
	r := &record{
		key: key, item: itemOf(e), mark: e.Mark(key), value: bytes.Clone(e.Value),
		publisher: e.Publisher, origin: string(originOf(group)), seq: e.Seq, removed: e.Removed, signature: e.Signature,
	}
	r.created, r.expires = lifetime(e)
	if err := m.put(r, now.UnixMilli()); err != nil {
		return fmt.Errorf("store: put %s: %w", key, err)
	}
	return nil
}

func (m *Memory) put(r *record, now int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrClosed
	case r.expires <= now:
		return ErrExpired
	}
	old := m.find(r.key, r.item)
	if old != nil && old.expires > now {
		take, err := newer(r.entry(), old.seq, old.removed)
		if take {
			m.supersede(old, r)
		}
		return err
	}
	if old != nil {
		m.drop(old)
	}
	if err := m.makeRoom(r.key, now); err != nil {
		return err
	}
	if err := m.fits(r, now); err != nil {
		return err
	}
	m.add(r)
	return nil
}

// supersede puts r in the place of old, an older version.
func (m *Memory) supersede(old, r *record) {
	if old.removed == r.removed {
		r.value = old.value
	}
	m.weigh(old, 0, int64(len(r.value)-len(old.value)))
	r.position, r.origin, r.index = old.position, old.origin, old.index
	*old = *r
	m.keys.changed(old)
	m.soonest.fix(old)
}

// add gives r the next position.
func (m *Memory) add(r *record) {
	m.last++
	r.position = m.last
	m.keys.add(r)
	m.soonest.push(r)
	m.count(r, 1)
}

func (m *Memory) find(key kad.ID, item [16]byte) *record {
	for _, r := range m.keys.under[key] {
		if r.item == item {
			return r
		}
	}
	return nil
}

// makeRoom is SQLite.makeRoom: expired records go where a full key needs room.
func (m *Memory) makeRoom(key kad.ID, now int64) error {
	if len(m.keys.under[key]) < m.limits.MaxEntriesPerKey {
		return nil
	}
	var over []*record
	for _, r := range m.keys.under[key] {
		if r.expires <= now {
			over = append(over, r)
		}
	}
	for _, r := range over {
		m.drop(r)
	}
	if live := len(m.keys.under[key]); live >= m.limits.MaxEntriesPerKey {
		return fmt.Errorf("the key has %d entries: %w", live, ErrFull)
	}
	return nil
}

// drop forgets r.
func (m *Memory) drop(r *record) {
	m.soonest.remove(r)
	m.keys.remove(r)
	m.count(r, -1)
}

// Entries is SQLite.Entries. The values are the caller's.
func (m *Memory) Entries(key kad.ID, cursor uint64, maxBytes int, now time.Time) (page []kad.Entry, next uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, 0, fmt.Errorf("store: entries of %s: %w", key, ErrClosed)
	}
	records, size := m.keys.under[key], 0
	for _, r := range records[after(records, cursor):] {
		if r.expires <= now.UnixMilli() || r.removed {
			continue
		}
		size += len(r.value) + kad.EntryOverhead
		if len(page) > 0 && size > maxBytes {
			return page, cursor, nil
		}
		e := r.entry()
		e.Value = bytes.Clone(e.Value)
		page = append(page, e)
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
	m.keys, m.soonest, m.usage, m.kept, m.identity, m.contacts = shelf{}, nil, nil, nil, nil, nil
	return nil
}
