package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/khashmir/kad/migrations"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A disk that forgets costs what was on the damaged pages, and a warning; never
// the start. A changed value is told by its row's checksum (see entries.go).
// Where the file's own structure is damaged SQLite says so, to whoever comes to
// that page: the call fails, a mark is left beside the file, and the next Open
// carries over what can still be read (see salvage.go). What a start needs is
// looked at by every Open: the schema, the identity and the contacts.

// damageMark beside the file says that it is damaged. It is a file of its own,
// because the database is what cannot be trusted.
const damageMark = "-damaged"

// What is damage although SQLite does not say so.
var (
	errMarked   = errors.New("it was found to be damaged before")
	errCut      = errors.New("it is empty, and its log is not")
	errSchema   = errors.New("its tables are not those of a store")
	errIdentity = errors.New("its identity cannot be read")
)

// isDamage tells a disk's fault from a user's and from ours. SQLITE_BUSY, no
// permission, no space and a failing read are not: they may be gone tomorrow.
func isDamage(err error) bool {
	for _, damage := range []error{errMarked, errCut, errSchema, errIdentity} {
		if errors.Is(err, damage) {
			return true
		}
	}
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return false
	}
	code := failure.Code() & 0xff // the rest of the code is detail
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// notice is the first damage that a running store came upon.
type notice struct {
	mu   sync.Mutex
	err  error
	told bool
}

// noticed leaves the mark if err is damage, and hands err on. The caller may
// have the turn; whoever has is told once that is over, see tellDamage.
func (s *SQLite) noticed(err error) error {
	if err == nil || !isDamage(err) {
		return err
	}
	s.damage.mu.Lock()
	defer s.damage.mu.Unlock()
	if s.damage.err == nil {
		s.damage.err = errors.Join(err, mark(s.path))
		s.hurt.Store(true)
	}
	return explain(err)
}

func mark(path string) error { return os.WriteFile(path+damageMark, nil, 0o600) }

// tellDamage warns of what was noticed, once. The caller holds no lock.
func (s *SQLite) tellDamage() {
	if !s.hurt.Load() {
		return
	}
	s.damage.mu.Lock()
	first := !s.damage.told
	s.damage.told = true
	s.damage.mu.Unlock()
	if first {
		s.config.warn("the store's file is damaged; the next start saves what can be read", s.damage.err)
	}
}

func (c Config) warn(message string, err error) {
	if c.Warn != nil {
		c.Warn(message, err)
	}
}

// marked reports what stands beside the file, before SQLite touches it: it
// would throw away the log of a file that has lost all else.
func marked(path string) error {
	if _, err := os.Stat(path + damageMark); err == nil {
		return errMarked
	}
	file, err := os.Stat(path)
	log, missing := os.Stat(path + "-wal")
	if err == nil && missing == nil && file.Size() == 0 && log.Size() > walHeader {
		return errCut
	}
	return nil
}

// whole reads what a start needs and nobody would look at again.
func (s *SQLite) whole() error {
	if _, err := s.readIdentity(); err != nil {
		return fmt.Errorf("%w: %w", errIdentity, err)
	}
	if _, err := s.readContacts(); err != nil {
		return fmt.Errorf("its contacts: %w", err)
	}
	return nil
}

// headerDamage is err, or damage if SQLite finds in the header what no version
// of it has written. To lock a file cannot fail in this way otherwise.
func headerDamage(err error) error {
	var failure *sqlite.Error
	if errors.As(err, &failure) && failure.Code() == sqlite3.SQLITE_ERROR {
		return fmt.Errorf("%w: %w", errSchema, err)
	}
	return err
}

// checkNew keeps the migrations from another program's tables, and from ours
// if a damaged header says that there are none.
func checkNew(ctx context.Context, db *sql.DB) error {
	var version, tables, ours int
	err := errors.Join(db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version),
		db.QueryRowContext(ctx, "SELECT COUNT(*), COUNT(CASE name WHEN 'identity' THEN 1 END) FROM sqlite_schema").Scan(&tables, &ours))
	if err == nil && tables > 0 && (version == 0 || ours == 0) {
		return errSchema
	}
	return err
}

// checkSchema compares the words of the schema: a changed one is another table,
// another name or a trigger that does something else. What somebody has added
// does no harm.
func checkSchema(ctx context.Context, db *sql.DB) error {
	words, err := schema(ctx, db)
	if err != nil {
		return err
	}
	ours, err := ourSchema()
	if err != nil {
		return err
	}
	for _, w := range ours {
		if !slices.Contains(words, w) {
			return fmt.Errorf("%w: it lacks %.40q", errSchema, w)
		}
	}
	return nil
}

// ourSchema is the newest, made in memory.
var ourSchema = sync.OnceValues(func() ([]string, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := migrations.Apply(context.Background(), db); err != nil {
		return nil, err
	}
	return schema(context.Background(), db)
})

func schema(ctx context.Context, db *sql.DB) (words []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT type || ' ' || name || ' on ' || tbl_name || ': ' || COALESCE(sql, '') FROM sqlite_schema")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w string
		if err := rows.Scan(&w); err != nil {
			return nil, fmt.Errorf("%w: %w", errSchema, err)
		}
		words = append(words, strings.ToValidUTF8(w, "?"))
	}
	return words, rows.Err()
}
