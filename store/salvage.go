package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
)

// A salvage makes a new file, PATH-salvaged, of all rows that can be read in
// the damaged one. Only when that is complete and on the disk, the damaged file
// is moved aside, to PATH.damaged-<unix ms>, and the new one takes its place.
// A salvage that fails or is killed has changed nothing: the next Open begins
// again, or ends it if it had come to the moving.
//
// A damaged page costs the rows on it (some 15 small ones, or one large) and
// those that continue on it, whichever page it is: pages.go does not follow the
// paths that lead to a page. A row is taken if its checksum says that it is as
// it was written; kept values have a hash, contacts are checked when they are
// met, and only the identity has nothing but its shape.
//
// The new file's lock, which is SQLite's, is also the salvage's: whoever opens
// the store meanwhile finds it in use.
const salvaged = "-salvaged"

// ownPages is how many pages at the beginning are looked at to know a file as
// ours. Our schema is there, and so are the first entries.
const ownPages = 64

// salvage makes a whole file of the damaged one at path.
//
// A file that was never known to be a store is moved only if it is ours beyond
// doubt: a page at its beginning holds our schema's words, or an entry with the
// right checksum. So a picture is safe whatever its path is given for.
func salvage(path string, config Config, why error) error {
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	old, err := openPages(path)
	if err != nil {
		return fmt.Errorf("%w, and it cannot be read: %w", why, err)
	}
	defer old.close()
	if _, unmarked := os.Stat(path + damageMark); unmarked != nil && !old.ours() {
		return fmt.Errorf("%w; it does not look like a store and was left as it is", why)
	}
	if err := mark(path); err != nil { // from here on nobody takes it for whole
		return fmt.Errorf("%w, and it cannot be marked: %w", why, err)
	}
	fresh, err := openSalvaged(path)
	if err != nil {
		return fmt.Errorf("%w, and there is no new file: %w", why, err)
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(before, now) {
		fresh.discard() // somebody else has done it
		return ErrInUse
	}
	what, err := fresh.carry(old)
	if err != nil {
		fresh.discard()
		return fmt.Errorf("%w, and what can be read cannot be saved: %w", why, err)
	}
	aside, err := fresh.takePlace(path)
	if err != nil {
		return fmt.Errorf("%w, and cannot be replaced: %w", why, err)
	}
	config.warn(fmt.Sprintf("the store's file was damaged; %s; the damaged file is now %s", what, aside), why)
	return nil
}

// openSalvaged is the new file. What an earlier salvage has left there is
// continued: the same rows come again.
func openSalvaged(path string) (*SQLite, error) {
	const any = math.MaxInt // what was taken once is not refused now
	unlimited := Limits{
		MaxEntriesPerKey: any, MaxEntries: any, MaxBytes: any, MaxPublisherEntries: any, MaxPublisherBytes: any,
		QuotaEntries: any, QuotaBytes: any, MaxGroupEntries: any, MaxGroupBytes: any,
	}
	fresh, err := openFile(path+salvaged, Config{Limits: unlimited})
	if isDamage(err) {
		os.Remove(path + salvaged + "-wal")
		os.Remove(path + salvaged)
		return openFile(path+salvaged, Config{Limits: unlimited})
	}
	return fresh, err
}

func (s *SQLite) discard() {
	s.disconnect()
	os.Remove(s.path + "-wal")
	os.Remove(s.path)
}

// takePlace moves the damaged file aside and s, which is closed, into its place.
func (s *SQLite) takePlace(path string) (aside string, err error) {
	if _, err := s.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		s.discard()
		return "", err
	}
	if aside, err = moveAside(path); err != nil {
		s.discard()
		return "", err
	}
	err = s.disconnect()
	if err == nil {
		err = os.Rename(s.path, path)
	}
	if err != nil {
		return "", errors.Join(err, moveFile(aside, path))
	}
	return aside, os.Remove(path + damageMark)
}

func moveAside(path string) (aside string, err error) {
	for now := time.Now().UnixMilli(); ; now++ { // a name that nothing has
		aside = fmt.Sprintf("%s.damaged-%d", path, now)
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, moveFile(path, aside)
		}
	}
}

// moveFile renames a database and what belongs to it, itself last: as long as
// it is there nothing has happened yet.
func moveFile(from, to string) error {
	for i, suffix := range []string{"-wal", "-shm", ""} {
		err := os.Rename(from+suffix, to+suffix)
		if err == nil || suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		for _, done := range []string{"-wal", "-shm", ""}[:i] {
			os.Rename(to+done, from+done)
		}
		return err
	}
	return nil
}

// endSalvage ends one that was killed between its last two moves: then there is
// no file, and the new one is complete.
func endSalvage(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(path + salvaged); err != nil {
		return nil
	}
	fresh, err := openFile(path+salvaged, Config{}) // nobody else is at it
	if err != nil {
		return err
	}
	if err := errors.Join(fresh.disconnect(), os.Rename(path+salvaged, path)); err != nil {
		return err
	}
	return os.Remove(path + damageMark)
}

// ours reports whether a page at the beginning has a row that only we write.
func (p *pages) ours() bool {
	words, err := ourSchema()
	if err != nil {
		return false
	}
	for n := range min(p.count, ownPages) {
		for r, ok := range p.rows(n + 1) {
			if !ok {
				continue
			}
			if _, whole := r.put(); whole || slices.Contains(words, r.schema()) {
				return true
			}
		}
	}
	return false
}

// carry puts all that can be read in old here, some rows at a time.
func (s *SQLite) carry(old *pages) (*harvest, error) {
	h := &harvest{contacts: make(map[int64]kad.Contact)}
	for n := range old.count {
		for r, ok := range old.rows(n + 1) {
			h.take(r, ok)
		}
		if len(h.puts)+len(h.kept) >= maxBatch || h.bytes >= kad.MaxMessageSize {
			if err := s.carrySome(h); err != nil {
				return h, err
			}
		}
	}
	if err := s.carrySome(h); err != nil {
		return h, err
	}
	if h.identity != nil {
		if err := s.SetIdentity(h.identity); err != nil {
			return h, err
		}
	}
	if err := s.SaveContacts(h.inOrder()); err != nil {
		return h, err
	}
	return h, errors.Join(s.conn.GetContext(context.Background(), &h.entries, "SELECT COUNT(*) FROM entries"),
		s.conn.GetContext(context.Background(), &h.keptValues, "SELECT COUNT(*) FROM kept"))
}

// carrySome empties the harvest of entries and kept values. A row may come
// twice, for what SQLite has moved may still be in its old place too: then the
// newer version stays.
func (s *SQLite) carrySome(h *harvest) error {
	err := s.transact(func() error {
		for _, p := range h.puts {
			if err := s.keep(p); err != nil && !errors.Is(err, ErrSuperseded) {
				return err
			}
		}
		for _, k := range h.kept {
			if err := s.keepNow(k); err != nil {
				return err
			}
		}
		return nil
	})
	h.puts, h.kept, h.bytes = nil, nil, 0
	return err
}
