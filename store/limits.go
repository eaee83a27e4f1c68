package store

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	kad "github.com/khashmir/kad"
)

// Limits is how much a store takes. A zero field means kad's constant of the
// same name.
//
// At a limit a put is refused, but for those of MaxEntries and MaxBytes: there
// evict.go may find room. Expired entries do not stand in its way, swept or not.
type Limits struct {
	MaxEntriesPerKey    int   // live entries under one key
	MaxEntries          int   // entries in all
	MaxBytes            int64 // of all values
	MaxPublisherEntries int   // entries of one publisher
	MaxPublisherBytes   int64 // of one publisher's values
	QuotaEntries        int   // what of it stays whoever else needs room
	QuotaBytes          int64 // the same
	MaxGroupEntries     int   // entries that came from one network, see kad.Contact.Group
	MaxGroupBytes       int64 // of their values
}

func (l Limits) withDefaults() Limits {
	return Limits{
		MaxEntriesPerKey:    cmp.Or(max(l.MaxEntriesPerKey, 0), kad.MaxEntriesPerKey),
		MaxEntries:          cmp.Or(max(l.MaxEntries, 0), kad.MaxEntries),
		MaxBytes:            cmp.Or(max(l.MaxBytes, 0), kad.MaxBytes),
		MaxPublisherEntries: cmp.Or(max(l.MaxPublisherEntries, 0), kad.MaxPublisherEntries),
		MaxPublisherBytes:   cmp.Or(max(l.MaxPublisherBytes, 0), kad.MaxPublisherBytes),
		QuotaEntries:        cmp.Or(max(l.QuotaEntries, 0), kad.QuotaEntries),
		QuotaBytes:          cmp.Or(max(l.QuotaBytes, 0), kad.QuotaBytes),
		MaxGroupEntries:     cmp.Or(max(l.MaxGroupEntries, 0), kad.MaxGroupEntries),
		MaxGroupBytes:       cmp.Or(max(l.MaxGroupBytes, 0), kad.MaxGroupBytes),
	}
}

// usage is what somebody's entries take.
type usage struct {
	Entries int
	Bytes   int64
}

// originOf is a group as it is kept and counted.
func originOf(group netip.Prefix) []byte {
	if !group.IsValid() {
		return []byte{}
	}
	return group.AppendTo([]byte("g"))
}

// take says why one more value does not fit, given what its publisher, its
// group and all of them take already; nil if it does.
func (l Limits) take(size int, publisher, group, all usage) error {
	switch {
	case publisher.Entries >= l.MaxPublisherEntries:
		return fmt.Errorf("the publisher has %d entries here: %w", publisher.Entries, ErrQuota)
	case publisher.Bytes+int64(size) > l.MaxPublisherBytes:
		return fmt.Errorf("the publisher has %d bytes here: %w", publisher.Bytes, ErrQuota)
	case group.Entries >= l.MaxGroupEntries:
		return fmt.Errorf("its network has given %d entries: %w", group.Entries, ErrQuota)
	case group.Bytes+int64(size) > l.MaxGroupBytes:
		return fmt.Errorf("its network has given %d bytes: %w", group.Bytes, ErrQuota)
	case all.Entries >= l.MaxEntries:
		return fmt.Errorf("there are %d entries: %w", all.Entries, ErrFull)
	case all.Bytes+int64(size) > l.MaxBytes:
		return fmt.Errorf("there are %d bytes: %w", all.Bytes, ErrFull)
	}
	return nil
}

// fits sweeps what expired, a slice at a time, until the put's value fits or
// nothing is left to sweep.
func (s *SQLite) fits(p *put, now around) error {
	for {
		full := s.limits.take(len(p.entry.Value), now.publisher, now.group, now.all)
		if full == nil {
			if !s.limits.mayEvict(now.publisher, len(p.entry.Value)) {
				s.futile = 0 // something is on loan now
			}
			return nil
		}
		dropped, err := s.remove(&s.sweep, p.now, kad.ExpireSlice)
		if err != nil {
			return err
		}
		if dropped == 0 {
			if !errors.Is(full, ErrFull) {
				return full
			}
			if evicted, err := s.evict(p, now.publisher); err != nil || evicted == 0 {
				return cmp.Or(err, full)
			}
		}
		if now, err = s.lookAround(p); err != nil {
			return err
		}
	}
}

// nameOf is an origin's name in the table. The empty one is everybody's.
func nameOf(origin []byte) []byte {
	if len(origin) == 0 {
		return nil
	}
	return origin
}

// fits is SQLite.fits.
func (m *Memory) fits(r *record, now int64) error {
	for {
		its := m.usage[string(r.publisher[:])]
		full := m.limits.take(len(r.value), its, m.usage[r.origin], m.all)
		switch {
		case full == nil:
			if !m.limits.mayEvict(its, len(r.value)) {
				m.futile = 0
			}
			return nil
		case m.sweep(now, kad.ExpireSlice) > 0:
		case !errors.Is(full, ErrFull) || m.evict(len(r.value), its) == 0:
			return full
		}
	}
}

// count keeps the usage as r comes (1) or goes (-1).
func (m *Memory) count(r *record, sign int) {
	m.weigh(r, sign, int64(sign*len(r.value)))
}

// weigh adds to what the publisher of r, its group and all of them take.
func (m *Memory) weigh(r *record, entries int, bytes int64) {
	m.all.Entries += entries
	m.all.Bytes += bytes
	if m.usage == nil {
		m.usage = make(map[string]usage)
	}
	for _, name := range []string{string(r.publisher[:]), r.origin} {
		u := m.usage[name]
		u.Entries += entries
		u.Bytes += bytes
		switch {
		case name == "": // not limited
		case u.Entries == 0:
			delete(m.usage, name)
		default:
			m.usage[name] = u
		}
	}
}
