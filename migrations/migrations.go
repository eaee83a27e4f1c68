// Package migrations owns the schema of the store: numbered SQL files, applied
// in order, each once. The number of the last one applied is the database's
// PRAGMA user_version.
//
// To change the schema, add the next file (0002_what_it_does.sql) and never
// touch one that was released. The package knows no table and no Go type of
// the store.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
)

//go:embed *.sql
var files embed.FS

// ErrNewer means that the database was written by a later version of the
// program. It was left as it is.
var ErrNewer = errors.New("the database is newer than this program")

// Apply brings db to the newest schema this program knows.
func Apply(ctx context.Context, db *sql.DB) error {
	ours, err := ours()
	if err != nil {
		return err
	}
	return run(ctx, db, ours)
}

// ours are read once: two copies of them for each of a thousand stores in one
// process would be most of the garbage that opening a store makes.
var ours = sync.OnceValues(func() ([]file, error) { return numbered(files) })

// file is one of them.
type file struct{ name, script string }

// Run applies those files of dir, named 0001_name.sql, 0002_name.sql and so
// on without a gap, that db has not seen yet. Each runs in a transaction of
// its own together with its number: after an error, db holds all files before
// the broken one and nothing of that one.
func Run(ctx context.Context, db *sql.DB, dir fs.FS) error {
	all, err := numbered(dir)
	if err != nil {
		return err
	}
	return run(ctx, db, all)
}

func run(ctx context.Context, db *sql.DB, all []file) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("migrations: read the schema's version: %w", err)
	}
	if version > len(all) {
		return fmt.Errorf("migrations: schema %d, but this program knows only %d: %w", version, len(all), ErrNewer)
	}
	for ; version < len(all); version++ {
		if err := apply(ctx, db, all[version].script, version+1); err != nil {
			return fmt.Errorf("migrations: apply %s: %w", all[version].name, err)
		}
	}
	return nil
}

// numbered reads the files in order and makes sure that file i has number i+1.
func numbered(dir fs.FS) (all []file, err error) {
	names, err := fs.Glob(dir, "*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("migrations: list the files: %w", err)
	}
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 || len(number) != 4 {
			return nil, fmt.Errorf("migrations: found %s where %04d_name.sql should be", name, i+1)
		}
		script, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("migrations: read %s: %w", name, err)
		}
		all = append(all, file{name, string(script)})
	}
	return all, nil
}

func apply(ctx context.Context, db *sql.DB, script string, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return err
	}
	// A pragma takes no arguments; the version is ours, not a stranger's.
	if _, err := tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(version)); err != nil {
		return err
	}
	return tx.Commit()
}
