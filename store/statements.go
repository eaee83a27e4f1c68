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

	find   *sqlx.Stmt // key, hash -> id, expires_at
	renew  *sqlx.Stmt // created, expires, id
	insert *sqlx.Stmt // key, hash, publisher, created, expires, value
	rows   *sqlx.Stmt // key -> how many rows, the expired ones too
	live   *sqlx.Stmt // key, now -> how many of them are live

	page  *sqlx.Stmt // key, after, now -> id, value, publisher, created, expires
	sweep *sqlx.Stmt // now, limit
	clear *sqlx.Stmt // key, now

	drop  *sqlx.Stmt // id
	usage *sqlx.Stmt // publisher -> its entries, its bytes, all entries, all bytes
}

func (st *statements) prepare(ctx context.Context, conn *sqlx.Conn) error {
	for _, p := range []struct {
		stmt **sqlx.Stmt
		sql  string
	}{
		{&st.begin, `BEGIN IMMEDIATE`},
		{&st.commit, `COMMIT`},
		{&st.rollback, `ROLLBACK`},
		{&st.find, `SELECT id, expires_at FROM entries WHERE key = ? AND value_hash = ?`},
		{&st.renew, `UPDATE entries SET created_at = ?, expires_at = ? WHERE id = ?`},
		{&st.insert, `INSERT INTO entries (key, value_hash, publisher, created_at, expires_at, value)
			VALUES (?, ?, ?, ?, ?, ?)`},
		{&st.rows, `SELECT COUNT(*) FROM entries WHERE key = ?`},
		{&st.live, `SELECT COUNT(*) FROM entries WHERE key = ? AND expires_at > ?`},
		// The inner query sorts ids, which the index alone gives; the LIMIT
		// keeps SQLite from merging it with the outer one and sorting values.
		{&st.page, `SELECT e.id, e.value, e.publisher, e.created_at, e.expires_at
			FROM (SELECT id FROM entries WHERE key = ? AND id > ? ORDER BY id LIMIT -1) AS page
			CROSS JOIN entries AS e ON e.id = page.id WHERE e.expires_at > ?`},
		{&st.sweep, `DELETE FROM entries WHERE id IN
			(SELECT id FROM entries WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?)`},
		{&st.clear, `DELETE FROM entries WHERE key = ? AND expires_at <= ?`},
		{&st.drop, `DELETE FROM entries WHERE id = ?`},
		{&st.usage, `SELECT COALESCE(its.entries, 0), COALESCE(its.bytes, 0), everybody.entries, everybody.bytes
			FROM usage AS everybody LEFT JOIN usage AS its ON its.publisher = ? WHERE everybody.publisher = x''`},
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
