package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	kad "github.com/khashmir/kad"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A disk that forgets costs what was on the damaged pages, and a warning; never
// the start. A changed value is told by its row's checksum (see entries.go).
// Where the file's own structure is damaged SQLite says so, to whoever comes to
// that page: the call fails, a mark is left beside the file, and the next Open
// moves the file aside and carries over all that can still be read.
//
// The damaged file is kept, for whoever knows better. A file that does not look
// like one of ours is left alone, and Open says what is wrong with it.

// damageMark beside the file says that it is damaged. It is a file because the
// database is what cannot be trusted.
const damageMark = "-damaged"

// isDamage tells a disk's fault from a user's and from ours.
func isDamage(err error) bool {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return false
	}
	code := failure.Code() & 0xff // the rest of the code is detail
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// noticed leaves the mark if err is damage, and hands err on.
func (s *SQLite) noticed(err error) error {
	if err == nil || !isDamage(err) {
		return err
	}
	s.damage.Do(func() {
		marking := os.WriteFile(s.path+damageMark, nil, 0o600)
		s.warn("the file is damaged; the next start saves what can be read", errors.Join(err, marking))
	})
	return explain(err)
}

func (s *SQLite) warn(message string, err error) {
	if s.tell != nil {
		s.tell(message, err)
	}
}

// whole reads what a start needs and would not look at again: the identity and
// the contacts.
func (s *SQLite) whole() error {
	_, identity := s.readIdentity()
	_, contacts := s.readContacts()
	if err := errors.Join(identity, contacts); isDamage(err) {
		return err
	}
	return nil // what is merely wrong is told to who asks for it
}

// isOurs reports whether the file bears the words of our schema, in its first
// page.
func isOurs(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 64<<10)
	n, _ := io.ReadFull(f, head)
	text := string(head[:n])
	return strings.Contains(text, "CREATE TABLE entries") || strings.Contains(text, "CREATE TABLE identity")
}

// salvage moves the file aside and makes a new one of what can be read.
func salvage(path string, config Config, why error) (*SQLite, error) {
	aside := fmt.Sprintf("%s.damaged-%d", path, time.Now().UnixMilli())
	if err := os.Rename(path, aside); err != nil {
		return nil, fmt.Errorf("%w, and it cannot be moved aside: %w", why, err)
	}
	back := func() { os.Rename(aside, path); os.Rename(aside+"-wal", path+"-wal") }
	if err := os.Rename(path+"-wal", aside+"-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		back()
		return nil, fmt.Errorf("%w, and its log cannot be moved aside: %w", why, err)
	}
	s, err := openFile(path, config)
	if err != nil {
		os.Remove(path)
		back()
		return nil, err
	}
	saved := s.carryOver(aside)
	os.Remove(path + damageMark)
	s.warn(fmt.Sprintf("the file was damaged and is now %s; saved are %s", aside, saved), why)
	return s, nil
}

// saved is what was carried over.
type saved struct {
	identity                bool
	contacts, kept, entries int
	lost                    int // rows that could not be read, as far as one can count them
}

func (s saved) String() string {
	identity := "the identity"
	if !s.identity {
		identity = "NOT the identity"
	}
	return fmt.Sprintf("%s, %d contacts, %d kept values and %d entries; %d rows or more are lost",
		identity, s.contacts, s.kept, s.entries, s.lost)
}

// carryOver reads the damaged file at path as far as that goes.
func (s *SQLite) carryOver(path string) (got saved) {
	old, err := sqlx.Open("sqlite", dsn(path, Config{}))
	if err != nil {
		return got
	}
	defer old.Close()
	old.SetMaxOpenConns(1)
	ctx := context.Background()
	from := &SQLite{path: path, db: old}
	if from.conn, err = old.Connx(ctx); err != nil {
		return got
	}
	defer from.conn.Close()
	if key, err := from.readIdentity(); err == nil && key != nil {
		got.identity = s.setIdentity(key) == nil
	}
	contacts, _ := from.readContacts() // what comes before the damage
	if s.SaveContacts(contacts) == nil {
		got.contacts = len(contacts)
	}
	copied := func(table string, row func(*sqlx.Rows) error) int {
		c := &carrier{from: from.conn, table: table, row: row, in: s.transact}
		c.between(0, c.last())
		got.lost += c.lost
		return c.copied
	}
	got.kept = copied("kept", func(rows *sqlx.Rows) error {
		k := Kept{}
		var id, ttl, due int64
		var key, hash []byte
		if err := rows.Scan(&id, &key, &hash, &ttl, &due, &k.Value); err != nil {
			return err
		}
		copy(k.Key[:], key)
		k.TTL, k.Due = time.Duration(ttl)*time.Millisecond, time.UnixMilli(due)
		return s.keepNow(k)
	})
	got.entries = copied("entries", s.carryEntry)
	return got
}

// carryEntry puts a row of another file here as it is, if it is whole.
func (s *SQLite) carryEntry(rows *sqlx.Rows) error {
	var id, mark, seq, created, expires, sum int64
	var removed bool
	var key, item, publisher, origin, signature, value []byte
	err := rows.Scan(&id, &key, &item, &mark, &seq, &removed, &publisher, &origin, &created, &expires, &signature, &sum, &value)
	if err != nil {
		return err
	}
	e := kad.Entry{Value: value, Seq: seq, Removed: removed}
	copy(e.Publisher[:], publisher)
	copy(e.Signature[:], signature)
	var under kad.ID
	copy(under[:], key)
	e.Created, e.TTL = between(created, expires)
	if sum != checksum(under, e, created, expires) {
		return errNotWhole
	}
	its := itemOf(e) // the index's columns may be damaged too
	_, err = s.insert.Exec(under[:], its[:], int64(e.Mark(under)), seq, removed, publisher,
		append([]byte{}, origin...), created, expires, signature, sum, append([]byte{}, value...)) // nil would be NULL
	return err
}

var errNotWhole = errors.New("the row is not as it was written")

// carrier copies a table by ranges of ids, and halves a range that cannot be
// read until what cannot be read is single rows.
type carrier struct {
	from   *sqlx.Conn
	table  string
	row    func(*sqlx.Rows) error
	in     func(func() error) error // a transaction of the new file
	copied int
	lost   int
	tries  int
}

// maxTries bounds the reading of what cannot be read: above it the rest of a
// damaged range is lost. A page has some 10 to 40 rows.
const maxTries = 200_000

// last is the highest id, as far as anything still tells.
func (c *carrier) last() (last int64) {
	err := c.from.GetContext(context.Background(), &last, `SELECT COALESCE(max(id), 0) FROM `+c.table+` NOT INDEXED`)
	if err == nil {
		return last
	}
	// The end of the table is damaged. An index has the ids too.
	for _, index := range map[string][]string{"entries": {"entries_by_expiry", "entries_by_key"}, "kept": {"kept_by_due"}}[c.table] {
		var highest int64
		query := `SELECT COALESCE(max(+id), 0) FROM ` + c.table + ` INDEXED BY ` + index
		if c.from.GetContext(context.Background(), &highest, query) == nil {
			last = max(last, highest)
		}
	}
	return cmp.Or(last, manyRows)
}

// between copies the rows with ids above after, up to last.
func (c *carrier) between(after, last int64) {
	for after < last && c.tries < maxTries {
		end := min(last, after+kad.ExpireSlice)
		before, lost := c.copied, c.lost
		err := c.in(func() error { return c.slice(after, end) })
		switch {
		case err == nil:
			after = end
			continue
		case end-after == 1:
			c.copied, c.lost = before, lost+1
			after = end
			continue
		}
		c.copied, c.lost = before, lost
		middle := after + (end-after)/2
		c.halves(after, middle)
		c.halves(middle, end)
		after = end
	}
}

// halves is between for a range that is damaged somewhere.
func (c *carrier) halves(after, last int64) {
	before, lost := c.copied, c.lost
	err := c.in(func() error { return c.slice(after, last) })
	if err == nil || c.tries >= maxTries {
		return
	}
	c.copied, c.lost = before, lost
	if last-after <= 1 {
		c.lost++
		return
	}
	middle := after + (last-after)/2
	c.halves(after, middle)
	c.halves(middle, last)
}

// manyRows is how far to look where nothing tells how many rows there were.
const manyRows = 1 << 22

func (c *carrier) slice(after, last int64) error {
	c.tries++
	rows, err := c.from.QueryxContext(context.Background(),
		`SELECT * FROM `+c.table+` NOT INDEXED WHERE id > ? AND id <= ? ORDER BY id`, after, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		switch err := c.row(rows); {
		case err == errNotWhole:
			c.lost++
		case err != nil:
			return err
		default:
			c.copied++
		}
	}
	return rows.Err()
}
