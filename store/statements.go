package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// statements are what every value passes through, prepared once: parsing costs
// half as much again as running them. What runs a few times an hour (contacts,
// identity, stats) is written where it is used.
//
// They belong to the one connection, and SQLite keeps a file open until the
// last of them is closed.
type statements struct {
	all []*sqlx.Stmt

	begin, commit, rollback *sqlx.Stmt

	find    *sqlx.Stmt // key, item -> id, expires_at, seq, removed
	renew   *sqlx.Stmt // mark, seq, created, expires, signature, checksum, id
	replace *sqlx.Stmt // the same, but removed and value before id
	insert  *sqlx.Stmt // key, item, mark, seq, removed, publisher, origin, created, expires, signature, checksum, value
	rows    *sqlx.Stmt // key -> how many rows, the expired ones too
	live    *sqlx.Stmt // key, now -> how many of them are live

	page  *sqlx.Stmt // key, after, now -> a row each
	one   *sqlx.Stmt // id, now -> a row
	sweep *sqlx.Stmt // now, limit
	clear *sqlx.Stmt // key, now

	drop  *sqlx.Stmt // id
	letGo *sqlx.Stmt // id, key, mark
	usage *sqlx.Stmt // publisher, origin -> entries and bytes of each and of all

	crowd *sqlx.Stmt // first key, last key, limit -> how many rows, at the most
	under *sqlx.Stmt // first key, last key -> id, key, publisher, expires_at, size

	digest *sqlx.Stmt // first key, last key, now, limit -> count, low sum, high sum
	marks  *sqlx.Stmt // first key, last key, now, limit -> key, id, mark
}

// row is what a statement selects of an entry.
const row = `id, key, seq, removed, publisher, created_at, expires_at, signature, checksum, value`

func (st *statements) prepare(ctx context.Context, conn *sqlx.Conn) error {
	for _, p := range []struct {
		stmt **sqlx.Stmt
		sql  string
	}{
		{&st.begin, `BEGIN IMMEDIATE`},
		{&st.commit, `COMMIT`},
		{&st.rollback, `ROLLBACK`},
		{&st.find, `SELECT id, expires_at, seq, removed FROM entries WHERE key = ? AND item = ?`},
		{&st.renew, `UPDATE entries SET mark = ?, seq = ?, created_at = ?, expires_at = ?, signature = ?, checksum = ?
			WHERE id = ?`},
		{&st.replace, `UPDATE entries SET mark = ?, seq = ?, created_at = ?, expires_at = ?, signature = ?, checksum = ?,
			removed = ?, value = ? WHERE id = ?`},
		{&st.insert, `INSERT INTO entries (key, item, mark, seq, removed, publisher, origin, created_at, expires_at, signature, checksum, value)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&st.rows, `SELECT COUNT(*) FROM entries WHERE key = ?`},
		{&st.live, `SELECT COUNT(*) FROM entries WHERE key = ? AND expires_at > ?`},
		// The inner query sorts ids, which the index alone gives; the LIMIT
		// keeps SQLite from merging it with the outer one and sorting values.
		{&st.page, `SELECT ` + row + ` FROM (SELECT id AS at FROM entries WHERE key = ? AND id > ? ORDER BY id LIMIT -1)
			CROSS JOIN entries ON id = at WHERE expires_at > ? AND NOT removed`},
		{&st.one, `SELECT ` + row + ` FROM entries WHERE id = ? AND expires_at > ?`},
		{&st.sweep, `DELETE FROM entries WHERE id IN
			(SELECT id FROM entries WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?)`},
		{&st.clear, `DELETE FROM entries WHERE key = ? AND expires_at <= ?`},
		{&st.letGo, `DELETE FROM entries WHERE id = ? AND key = ? AND mark = ?`},
		{&st.drop, `DELETE FROM entries WHERE id = ?`},
		{&st.usage, `SELECT COALESCE(its.entries, 0), COALESCE(its.bytes, 0), COALESCE(origins.entries, 0), COALESCE(origins.bytes, 0),
			everybody.entries, everybody.bytes FROM usage AS everybody LEFT JOIN usage AS its ON its.publisher = ?
			LEFT JOIN usage AS origins ON origins.publisher = ? WHERE everybody.publisher = x''`},
		{&st.crowd, `SELECT COUNT(*) FROM (SELECT 1 FROM entries WHERE key BETWEEN ? AND ? LIMIT ?)`},
		{&st.under, `SELECT id, key, publisher, expires_at, length(value) FROM entries WHERE key BETWEEN ? AND ?`},
		// The + keeps SQLite from walking the other index.
		{&st.digest, `SELECT COUNT(*), COALESCE(SUM(mark & 0xffffffff), 0), COALESCE(SUM((mark >> 32) & 0xffffffff), 0)
			FROM (SELECT mark FROM entries WHERE key BETWEEN ? AND ? AND +expires_at > ? LIMIT ?)`},
		{&st.marks, `SELECT key, id, mark FROM entries WHERE key BETWEEN ? AND ? AND +expires_at > ? ORDER BY key LIMIT ?`},
	} {
		stmt, err := conn.PreparexContext(ctx, p.sql)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", p.sql, err)
		}
		*p.stmt = stmt
		st.all = append(st.all, stmt)
	}
	return nil
}

func (st *statements) close() error {
	var errs []error
	for _, stmt := range st.all {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}
