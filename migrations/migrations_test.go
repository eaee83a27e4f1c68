package migrations_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/khashmir/kad/migrations"
	_ "modernc.org/sqlite"
)

func TestOurFilesMakeTheTablesOfTheStoreAndRunOnce(t *testing.T) {
	db := open(t)
	for range 2 { // the second run finds nothing to do
		if err := migrations.Apply(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if got, want := tables(t, db), []string{"contacts", "entries", "identity", "items", "kept", "taken"}; !slices.Equal(got, want) {
			t.Fatalf("tables %v, want %v", got, want)
		}
	}
}

func TestALaterFileIsAppliedToAnOlderDatabaseThatKeepsItsRows(t *testing.T) {
	db := open(t)
	dir := fstest.MapFS{"0001_a.sql": file("CREATE TABLE a (x); INSERT INTO a VALUES (7);")}
	if err := migrations.Run(t.Context(), db, dir); err != nil {
		t.Fatal(err)
	}
	dir["0002_b.sql"] = file("ALTER TABLE a ADD COLUMN y DEFAULT 8;")
	if err := migrations.Run(t.Context(), db, dir); err != nil {
		t.Fatal(err)
	}
	var x, y int
	if err := db.QueryRow("SELECT x, y FROM a").Scan(&x, &y); err != nil || x != 7 || y != 8 {
		t.Fatalf("row (%d, %d), %v, want (7, 8)", x, y, err)
	}
	if got := version(t, db); got != 2 {
		t.Fatalf("version %d, want 2", got)
	}
}

func TestABrokenFileLeavesNothingOfItselfAndAllBeforeIt(t *testing.T) {
	db := open(t)
	dir := fstest.MapFS{
		"0001_good.sql":   file("CREATE TABLE good (x);"),
		"0002_broken.sql": file("CREATE TABLE half (x); CREATE NONSENSE;"),
		"0003_after.sql":  file("CREATE TABLE after (x);"),
	}
	err := migrations.Run(t.Context(), db, dir)
	if err == nil || !strings.Contains(err.Error(), "0002_broken.sql") {
		t.Fatalf("error %v does not name the file", err)
	}
	if got := tables(t, db); !slices.Equal(got, []string{"good"}) || version(t, db) != 1 {
		t.Fatalf("tables %v at version %d, want [good] at 1", got, version(t, db))
	}
	// Once the file is mended, the next start goes on from there.
	dir["0002_broken.sql"] = file("CREATE TABLE half (x);")
	if err := migrations.Run(t.Context(), db, dir); err != nil {
		t.Fatal(err)
	}
	if got := tables(t, db); !slices.Equal(got, []string{"after", "good", "half"}) {
		t.Fatalf("tables %v", got)
	}
}

func TestADatabaseNewerThanTheProgramIsRefusedUntouched(t *testing.T) {
	db := open(t)
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	err := migrations.Apply(t.Context(), db)
	if !errors.Is(err, migrations.ErrNewer) || !strings.Contains(err.Error(), "99") {
		t.Fatalf("error %v, want ErrNewer with the version", err)
	}
	if got := tables(t, db); len(got) != 0 || version(t, db) != 99 {
		t.Fatalf("tables %v at version %d: the database was touched", got, version(t, db))
	}
}

func TestFilesThatAreNotNumberedWithoutAGapAreRefused(t *testing.T) {
	for _, second := range []string{"0003_gap.sql", "0001_twice.sql", "2_short.sql", "name.sql"} {
		dir := fstest.MapFS{"0001_a.sql": file("CREATE TABLE a (x);"), second: file("CREATE TABLE b (x);")}
		if err := migrations.Run(t.Context(), open(t), dir); err == nil {
			t.Errorf("%s after 0001_a.sql: accepted", second)
		}
	}
}

func file(script string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(script)} }

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func tables(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.Query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func version(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRow("PRAGMA user_version").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
