package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/migrations"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The settings of the one connection. The first pragma means a new file alone,
// the second takes the file for this process alone and keeps the log's index in
// our memory instead of in a third file. They must come before all that reads the
// file, and so before these:
//
// journal_mode changes the file, and is set once that is known to be ours. The
// cache is small (KiB, negative) because one process may hold a thousand
// stores, and a larger one measured no faster.
const laterSettings = "PRAGMA journal_mode = WAL; PRAGMA cache_size = -256"

// Config.PowerSafe makes synchronous FULL of NORMAL.
var settings = url.Values{
	"_pragma":      {"page_size(" + strconv.Itoa(pageSize) + ")", "locking_mode(EXCLUSIVE)"},
	"_synchronous": {"NORMAL"},
	"_error_rc":    {"1"}, // no stale message beside the right one
}

// SQLite is a store in one file. All its methods may be called at once.
//
// It has one connection. Writers share commits (see commit.go), so a reader
// waits for about one commit: beside 64 writers that never pause, 6 µs at the
// median and 1 ms at the 99th percentile. A second connection for readers
// would cost 115 KB more for each store, and the file's lock.
type SQLite struct {
	limits Limits
	path   string

	life   sync.RWMutex // every call holds it for reading, Close takes it whole
	closed bool

	puts queue

	turn sync.Mutex // whose turn it is on the connection
	db   *sqlx.DB
	conn *sqlx.Conn
	statements

	tally // of the transaction that the turn is used for

	self    kad.ID // our own, once somebody has asked
	nearest kad.ID // distance at which the last eviction ended
	grain   int    // bits of a range with about leafRows keys there
	futile  int    // puts to be refused before we look for loans again
	damaged int    // entries given up
	config  Config
	hurt    atomic.Bool // damage was noticed: one look a call
	damage  notice
}

// Open opens the store at path and brings its schema up to date; a missing
// file is created, readable by its owner only. Its directory must exist.
//
// A file that another process or another store of this one has open is
// ErrInUse, one from a newer program migrations.ErrNewer. SQLite's own lock
// says so, and it goes with the process that held it, however that ended.
//
// A damaged file is replaced by what can still be read of it, see Config.Warn
// and salvage.go. A file that is not a store is an error, and left as it is.
func Open(path string, config Config) (*SQLite, error) {
	s, err := open(path, config)
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	return s, nil
}

func open(path string, config Config) (*SQLite, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := endSalvage(path); err != nil {
		return nil, explain(err)
	}
	s, err := openFile(path, config)
	if !isDamage(err) {
		return s, explain(err)
	}
	if err := salvage(path, config, explain(err)); err != nil {
		return nil, err
	}
	s, err = openFile(path, config)
	return s, explain(err)
}

// openFile is nil with an error.
func openFile(path string, config Config) (*SQLite, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	if err := marked(path); errors.Is(err, errCut) {
		return nil, err
	}
	db, err := sqlx.Open("sqlite", dsn(path, config))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	s := &SQLite{limits: config.Limits.withDefaults(), path: path, db: db, config: config, nearest: theFarEnd}
	if err := s.connect(); err != nil {
		s.disconnect()
		return nil, err
	}
	return s, nil
}

// create makes an empty file, which SQLite takes for an empty database. It
// does not touch one that is there: closing any descriptor of a file would
// drop the locks that this process holds on it (POSIX).
func create(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return errors.New("it is a directory")
	case err == nil:
		return nil
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("its directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another opener was faster; the lock will tell
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// dsn names the database as a URI, so that a question mark in the path stays
// part of the path.
func dsn(path string, config Config) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/ on Windows
	}
	query := maps.Clone(settings)
	if config.PowerSafe {
		query.Set("_synchronous", "FULL")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

func (s *SQLite) connect() error {
	ctx := context.Background()
	// In exclusive mode the file is locked for good by the first write, not by
	// the opening: two idle processes would both think it theirs.
	if _, err := s.db.ExecContext(ctx, "BEGIN EXCLUSIVE; COMMIT"); err != nil {
		return fmt.Errorf("lock: %w", headerDamage(err))
	}
	if err := marked(s.path); err != nil { // now that nobody else can have left the mark
		return err
	}
	if err := checkNew(ctx, s.db.DB); err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, laterSettings); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if err := migrations.Apply(ctx, s.db.DB); err != nil {
		return err
	}
	if err := checkSchema(ctx, s.db.DB); err != nil {
		return err
	}
	var err error
	if s.conn, err = s.db.Connx(ctx); err != nil {
		return err
	}
	if err := s.conn.Raw(func(direct any) error {
		s.statements.belong(direct.(driver.ConnPrepareContext))
		return nil
	}); err != nil {
		return err
	}
	if err := s.whole(); err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return err
	}
	return s.shrink()
}

// shrink empties the cache. A start has read and written pages that nobody may
// want again.
func (s *SQLite) shrink() error {
	_, err := s.conn.ExecContext(context.Background(), "PRAGMA shrink_memory")
	return err
}

func (s *SQLite) disconnect() error {
	err := s.statements.close()
	if s.conn != nil {
		err = errors.Join(err, s.conn.Close())
	}
	return errors.Join(err, s.db.Close())
}

// explain puts what SQLite says into our words where a user can act on it.
func explain(err error) error {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return err
	}
	switch failure.Code() & 0xff { // the rest of the code is detail
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w (%w)", ErrInUse, err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("it is not a database: %w", err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("it is damaged: %w", err)
	}
	return err
}

// Close waits for the calls in flight, moves the log into the file and lets go
// of it. Closing twice does nothing.
func (s *SQLite) Close() error {
	defer s.tellDamage()
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	_, err := s.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	if err := errors.Join(s.noticed(err), s.disconnect()); err != nil {
		return fmt.Errorf("store: close %s: %w", s.path, err)
	}
	return nil
}

// enter begins a call that Close must wait for; leave ends it.
func (s *SQLite) enter() error {
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return ErrClosed
	}
	return nil
}

func (s *SQLite) leave() {
	s.life.RUnlock()
	s.tellDamage()
}

// transact runs do and commits what it did, or takes all of it back. The
// caller has the turn.
func (s *SQLite) transact(do func() error) error {
	if err := s.begin.exec(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := do()
	if err == nil {
		err = s.settle()
	}
	clear(s.tally)
	if err == nil {
		if err = s.commit.exec(); err != nil {
			err = fmt.Errorf("commit: %w", err)
		}
	}
	if err != nil {
		s.rollback.exec() // fails only where SQLite has already rolled back
	}
	return err
}
