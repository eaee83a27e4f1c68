package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// statement is one of statements. It speaks to the driver itself: the pool, the
// locks and the conversions of database/sql, of which a put would pay for seven
// statements, are for connections that are shared. Who uses it has the turn.
type statement struct {
	conn driver.ConnPrepareContext
	sql  string
	stmt prepared // nil until it is used
}

// prepared is what the driver makes of a statement.
type prepared interface {
	driver.StmtExecContext
	driver.StmtQueryContext
	Close() error
}

// ready is the statement prepared.
func (s *statement) ready() (prepared, error) {
	if s.stmt == nil {
		stmt, err := s.conn.PrepareContext(context.Background(), s.sql)
		if err != nil {
			return nil, fmt.Errorf("prepare %q: %w", s.sql, err)
		}
		s.stmt = stmt.(prepared)
	}
	return s.stmt, nil
}

func (s *statement) close() (err error) {
	if s.stmt != nil {
		err, s.stmt = s.stmt.Close(), nil
	}
	return err
}

func (s *statement) exec(args ...any) error {
	stmt, err := s.ready()
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(context.Background(), values(args))
	return err
}

func (s *statement) query(args ...any) (*rows, error) {
	stmt, err := s.ready()
	if err != nil {
		return nil, err
	}
	from, err := stmt.QueryContext(context.Background(), values(args))
	if err != nil {
		return nil, err
	}
	return &rows{from: from, row: make([]driver.Value, len(from.Columns()))}, nil
}

// first is the first row, for Scan to read.
func (s *statement) first(args ...any) scanner {
	r, err := s.query(args...)
	if err != nil {
		return &rows{err: err}
	}
	defer r.Close()
	if !r.Next() && r.err == nil {
		r.err = sql.ErrNoRows
	}
	return r
}

// values is what the driver takes: an int is an int64 there.
func values(args []any) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, a := range args {
		if n, ok := a.(int); ok {
			a = int64(n)
		}
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return all
}

// scanner is a row.
type scanner interface{ Scan(into ...any) error }

// rows are read as those of database/sql are.
type rows struct {
	from driver.Rows
	row  []driver.Value
	err  error
}

func (r *rows) Next() bool {
	if r.err != nil {
		return false
	}
	if err := r.from.Next(r.row); err != nil {
		if !errors.Is(err, io.EOF) {
			r.err = err
		}
		return false
	}
	return true
}

func (r *rows) Err() error { return r.err }

func (r *rows) Close() error { return r.from.Close() }

func (r *rows) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	for i, to := range into {
		if !assign(to, r.row[i]) {
			return fmt.Errorf("column %d is a %T, not for a %T", i, r.row[i], to)
		}
	}
	return nil
}

// assign gives a column away; no bytes are nil.
func assign(to any, v driver.Value) bool {
	if b, ok := to.(*[]byte); ok {
		*b, ok = v.([]byte)
		return ok || v == nil
	}
	n, ok := v.(int64)
	switch to := to.(type) {
	case *int64:
		*to = n
	case *int:
		*to = int(n)
	case *bool:
		*to = n != 0
	default:
		return false
	}
	return ok
}
