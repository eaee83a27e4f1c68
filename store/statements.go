package store

import (
	"database/sql/driver"
	"errors"
	"strings"

	kad "github.com/khashmir/kad"
)

// statements are what every value passes through. Those of a first put are
// prepared when the store is opened, the others when they are first used, for
// parsing costs half as much again as running them. A rest closes them all (see
// expire.go): together they take as much memory as all else of an open store.
// What runs a few times an hour (contacts, identity, stats) is written where it
// is used.
//
// They belong to the one connection, and SQLite keeps a file open until the
// last of them is closed.
type statements struct {
	begin, commit, rollback statement

	look    statement // key, key, item, publisher, origin -> see around
	renew   statement // mark, seq, created, expires, signature, checksum, id
	replace statement // the same, but removed and value before id
	insert  statement // key, item, mark, seq, removed, publisher, origin, created, expires, signature, checksum, value
	live    statement // key, now -> how many of them are live

	page  statement // key, after, now -> a row each
	one   statement // id, now -> a row
	sweep statement // now, limit; it and the next three -> publisher, origin, size
	clear statement // key, now
	drop  statement // id
	letGo statement // id, key, mark

	weight  statement // id -> origin, size
	count   statement // name, entries, bytes that came
	uncount statement // name

	under    statement // first key, last key, limit -> id, key, expires_at
	last     statement // first key, last key -> the last key there is
	loans    statement // EvictSlice ids -> id, publisher, origin, size and the publisher's entries and bytes
	takeBack statement // EvictSlice ids

	digest statement // first key, last key, now, limit -> count, low sum, high sum
	marks  statement // first key, last key, now, limit -> key, id, mark

	holdings statement // first key, now, limit -> key, count, bytes, oldest, soonest, latest
}

// row is what a statement selects of an entry.
const row = `id, key, seq, removed, publisher, created_at, expires_at, signature, checksum, value`

// gone is what a statement that deletes entries says of each, for the tally.
const gone = ` RETURNING +publisher AS a, +origin AS b, length(value) AS c`

// belong gives them their words and their connection.
func (st *statements) belong(conn driver.ConnPrepareContext) {
	st.begin.sql = `BEGIN IMMEDIATE`
	st.commit.sql = `COMMIT`
	st.rollback.sql = `ROLLBACK`
	// For each query the driver makes strings of the columns' names and types: a
	// name of one letter and an expression, which has no type, cost nothing.
	st.look.sql = `SELECT COALESCE(e.id, 0) AS a, COALESCE(e.expires_at, 0) AS b, COALESCE(e.seq, 0) AS c, COALESCE(e.removed, 0) AS d,
		CASE WHEN e.id IS NULL THEN (SELECT COUNT(*) FROM entries WHERE key = ?) ELSE 0 END AS f,
		COALESCE(its.entries, 0) AS g, COALESCE(its.bytes, 0) AS h, COALESCE(origins.entries, 0) AS i, COALESCE(origins.bytes, 0) AS j,
		+everybody.entries AS k, +everybody.bytes AS l
		FROM taken AS everybody LEFT JOIN entries AS e ON e.key = ? AND e.item = ?
		LEFT JOIN taken AS its ON e.id IS NULL AND its.name = ? LEFT JOIN taken AS origins ON e.id IS NULL AND origins.name = ?
		WHERE everybody.name = x''`
	st.renew.sql = `UPDATE entries SET mark = ?, seq = ?, created_at = ?, expires_at = ?, signature = ?, checksum = ?
		WHERE id = ?`
	st.replace.sql = `UPDATE entries SET mark = ?, seq = ?, created_at = ?, expires_at = ?, signature = ?, checksum = ?,
		removed = ?, value = ? WHERE id = ?`
	st.insert.sql = `INSERT INTO entries (key, item, mark, seq, removed, publisher, origin, created_at, expires_at, signature, checksum, value)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	st.live.sql = `SELECT COUNT(*) FROM entries WHERE key = ? AND expires_at > ?`
	// The inner query sorts ids, which the index alone gives; the LIMIT
	// keeps SQLite from merging it with the outer one and sorting values.
	st.page.sql = `SELECT ` + row + ` FROM (SELECT id AS at FROM entries WHERE key = ? AND id > ? ORDER BY id LIMIT -1)
		CROSS JOIN entries ON id = at WHERE expires_at > ? AND NOT removed`
	st.one.sql = `SELECT ` + row + ` FROM entries WHERE id = ? AND expires_at > ?`
	st.sweep.sql = `DELETE FROM entries WHERE id IN
		(SELECT id FROM entries WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?)` + gone
	st.clear.sql = `DELETE FROM entries WHERE key = ? AND expires_at <= ?` + gone
	st.letGo.sql = `DELETE FROM entries WHERE id = ? AND key = ? AND mark = ?` + gone
	st.drop.sql = `DELETE FROM entries WHERE id = ?` + gone
	st.weight.sql = `SELECT origin, length(value) FROM entries WHERE id = ?`
	st.count.sql = `INSERT INTO taken VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes`
	st.uncount.sql = `DELETE FROM taken WHERE name = ? AND entries <= 0`
	st.under.sql = `SELECT +id AS a, +key AS b, +expires_at AS c FROM entries WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?`
	st.last.sql = `SELECT +key AS a FROM entries WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1`
	slice := ` (?` + strings.Repeat(`, ?`, kad.EvictSlice-1) + `)`
	st.loans.sql = `SELECT +e.id AS a, +e.publisher AS b, +e.origin AS c, length(e.value) AS d, COALESCE(u.entries, 0) AS f, COALESCE(u.bytes, 0) AS g
		FROM entries AS e LEFT JOIN taken AS u ON u.name = e.publisher WHERE e.id IN` + slice
	st.takeBack.sql = `DELETE FROM entries WHERE id IN` + slice
	// The + keeps SQLite from walking the other index.
	st.digest.sql = `SELECT COUNT(*), COALESCE(SUM(mark & 0xffffffff), 0), COALESCE(SUM((mark >> 32) & 0xffffffff), 0)
		FROM (SELECT mark FROM entries WHERE key BETWEEN ? AND ? AND +expires_at > ? LIMIT ?)`
	st.marks.sql = `SELECT key, id, mark FROM entries WHERE key BETWEEN ? AND ? AND +expires_at > ? ORDER BY key LIMIT ?`
	st.holdings.sql = `SELECT key, COUNT(*), SUM(length(value)), MIN(created_at), MIN(expires_at), MAX(expires_at)
		FROM entries WHERE key >= ? AND +expires_at > ? AND NOT removed GROUP BY key ORDER BY key LIMIT ?`
	for _, s := range st.each() {
		s.conn = conn
	}
}

// each is every statement.
func (st *statements) each() []*statement {
	return []*statement{
		&st.begin, &st.commit, &st.rollback, &st.look, &st.renew, &st.replace, &st.insert, &st.live, &st.page, &st.one,
		&st.sweep, &st.clear, &st.drop, &st.letGo, &st.weight, &st.count, &st.uncount, &st.under, &st.last, &st.loans, &st.takeBack,
		&st.digest, &st.marks, &st.holdings,
	}
}

// prepare makes ready what keeps a value that is new: somebody waits for that.
func (st *statements) prepare() error {
	for _, s := range []*statement{&st.begin, &st.look, &st.insert, &st.count, &st.commit} {
		if _, err := s.ready(); err != nil {
			return err
		}
	}
	return nil
}

// close closes all; each is prepared again when it is wanted again.
func (st *statements) close() (err error) {
	for _, s := range st.each() {
		err = errors.Join(err, s.close())
	}
	return err
}
