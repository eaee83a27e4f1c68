package store

import (
	"reflect"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// giveUpLookaside returns the 48 KiB that SQLite takes for each connection to
// allocate small things from, a quarter of an open store. It spares malloc's
// locks, but the driver's malloc is as fast: a put measured no slower without.
//
// The setting belongs to the connection, and the driver has no word for it. So
// the handle is read from where the driver keeps it. A driver that keeps it
// elsewhere, or has something of this in use, changes nothing but the memory.
func giveUpLookaside(connection any) {
	c := reflect.ValueOf(connection)
	if c.Kind() != reflect.Pointer || c.Elem().Kind() != reflect.Struct {
		return
	}
	handle := c.Elem().FieldByName("db")
	if !handle.IsValid() || handle.Kind() != reflect.Uintptr || handle.IsZero() {
		return
	}
	tls := libc.NewTLS()
	defer tls.Close()
	none := libc.NewVaList(uintptr(0), int32(0), int32(0)) // no room, of no pieces of no size
	defer libc.Xfree(tls, none)
	sqlite3.Xsqlite3_db_config(tls, uintptr(handle.Uint()), sqlite3.SQLITE_DBCONFIG_LOOKASIDE, none)
}
