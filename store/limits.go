package store

import (
	"cmp"
	"fmt"

	kad "github.com/khashmir/kad"
)

// Limits is how much a store takes. A zero field means kad's constant of the
// same name.
//
// At a limit a put is refused; nothing that was acknowledged is given up for
// it. Expired entries do not stand in its way, swept or not.
type Limits struct {
	MaxEntriesPerKey    int   // live entries under one key
	MaxEntries          int   // entries in all
	MaxBytes            int64 // of all values
	MaxPublisherEntries int   // entries of one publisher
	MaxPublisherBytes   int64 // of one publisher's values
}

func (l Limits) withDefaults() Limits {
	return Limits{
		MaxEntriesPerKey:    cmp.Or(max(l.MaxEntriesPerKey, 0), kad.MaxEntriesPerKey),
		MaxEntries:          cmp.Or(max(l.MaxEntries, 0), kad.MaxEntries),
		MaxBytes:            cmp.Or(max(l.MaxBytes, 0), kad.MaxBytes),
		MaxPublisherEntries: cmp.Or(max(l.MaxPublisherEntries, 0), kad.MaxPublisherEntries),
		MaxPublisherBytes:   cmp.Or(max(l.MaxPublisherBytes, 0), kad.MaxPublisherBytes),
	}
}

// usage is what somebody's entries take.
type usage struct {
	Entries int
	Bytes   int64
}

// take says why one more value does not fit, given what its publisher and all
// of them take already; nil if it does.
func (l Limits) take(size int, publisher, all usage) error {
	switch {
	case publisher.Entries >= l.MaxPublisherEntries:
		return fmt.Errorf("the publisher has %d entries here: %w", publisher.Entries, ErrQuota)
	case publisher.Bytes+int64(size) > l.MaxPublisherBytes:
		return fmt.Errorf("the publisher has %d bytes here: %w", publisher.Bytes, ErrQuota)
	case all.Entries >= l.MaxEntries:
		return fmt.Errorf("there are %d entries: %w", all.Entries, ErrFull)
	case all.Bytes+int64(size) > l.MaxBytes:
		return fmt.Errorf("there are %d bytes: %w", all.Bytes, ErrFull)
	}
	return nil
}

// fits sweeps what expired, a slice at a time, until the put's value fits or
// nothing is left to sweep.
func (s *SQLite) fits(p *put) error {
	for {
		publisher, all, err := s.usageOf(p.entry.Publisher)
		if err != nil {
			return err
		}
		full := s.limits.take(len(p.entry.Value), publisher, all)
		if full == nil {
			return nil
		}
		result, err := s.sweep.Exec(p.now, kad.ExpireSlice)
		if err != nil {
			return err
		}
		if dropped, err := result.RowsAffected(); err != nil || dropped == 0 {
			return cmp.Or(err, full)
		}
	}
}

// usageOf is what the publisher's entries take, and everybody's.
func (s *SQLite) usageOf(publisher kad.PublicKey) (its, all usage, err error) {
	err = s.usage.QueryRow(publisher[:]).Scan(&its.Entries, &its.Bytes, &all.Entries, &all.Bytes)
	return its, all, err
}

// fits is SQLite.fits.
func (m *Memory) fits(size int, publisher kad.PublicKey, now int64) error {
	for {
		full := m.limits.take(size, m.usage[publisher], m.all)
		if full == nil || m.sweep(now, kad.ExpireSlice) == 0 {
			return full
		}
	}
}

// count keeps the usage as r comes (1) or goes (-1).
func (m *Memory) count(r *record, sign int) {
	bytes := int64(sign * len(r.value))
	m.all.Entries += sign
	m.all.Bytes += bytes
	u := m.usage[r.publisher]
	u.Entries += sign
	u.Bytes += bytes
	if u.Entries == 0 {
		delete(m.usage, r.publisher)
		return
	}
	if m.usage == nil {
		m.usage = make(map[kad.PublicKey]usage)
	}
	m.usage[r.publisher] = u
}
