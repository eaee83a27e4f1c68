package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

const (
	pageSize = 2048       // of a new file
	mark     = "-damaged" // what a store leaves beside a damaged file
)

// library is a file of a store with all there can be in one, and what is in it.
type library struct {
	file     []byte
	entries  map[kad.ID]kad.Entry
	kept     map[kad.ID]string
	contacts []kad.Contact
	rows     map[int]int // how many entries are on a page, or go on there
	inner    []int       // the pages that lead to others, and the roots
	identity int         // its page
}

// newLibrary has an identity, 300 contacts, 50 kept values and 1,000 entries
// of many sizes, some of them removed.
func newLibrary(t *testing.T) *library {
	t.Helper()
	if oneLibrary == nil {
		oneLibrary = makeLibrary(t)
	}
	l := *oneLibrary
	l.file = bytes.Clone(l.file)
	return &l
}

var oneLibrary *library // it takes a while to make

func makeLibrary(t *testing.T) *library {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	l := &library{entries: map[kad.ID]kad.Entry{}, kept: map[kad.ID]string{}, rows: map[int]int{}}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 1000 {
		v := make([]byte, []int{0, 10, 100, 1000, 4100, 9000}[random.IntN(6)])
		for j := range v {
			v[j] = byte(random.Uint32())
		}
		under, e := kad.HashID(fmt.Append(nil, i)), value(string(v), byte(i), 0, 3600)
		if i%7 == 0 {
			e.Seq = -int64(i)
		}
		put(t, s, under, e, 0)
		if i%20 == 0 {
			hash := e.Hash()
			e.Value, e.Removed, e.Seq = hash[:], true, e.Seq+1
			put(t, s, under, e, 0)
		}
		l.entries[under] = e
	}
	for i := range 50 {
		k := store.Kept{Key: kad.HashID(fmt.Append(nil, i)), Value: []byte(fmt.Sprint("kept ", i)), TTL: time.Hour, Due: at(0)}
		if err := s.Keep(k); err != nil {
			t.Fatal(err)
		}
		l.kept[k.Key] = string(k.Value)
	}
	for i := range 300 {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), uint16(8000+i))
		c := kad.NewContact(publicKey(byte(i)), addr)
		c.Key[31] = byte(i >> 8)
		l.contacts = append(l.contacts, kad.NewContact(c.Key, addr))
	}
	save(t, s, l.contacts)
	err := errors.Join(s.SetIdentity(nodeKey(1)), s.Close())
	if l.file, _ = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	l.survey(t, path)
	return l
}

// survey asks SQLite what is on which page.
func (l *library) survey(t *testing.T, path string) {
	t.Helper()
	db := rawOpen(t, path)
	defer db.Close()
	rows, err := db.Query("SELECT name, pageno, pagetype, ncell, path FROM dbstat ORDER BY pageno")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, kind, place string
		var page, cells int
		if err := rows.Scan(&name, &page, &kind, &cells, &place); err != nil {
			t.Fatal(err)
		}
		switch {
		case name == "entries" && kind == "leaf":
			l.rows[page] = cells
		case name == "entries" && kind == "overflow":
			l.rows[page] = 1
		case kind == "internal", place == "/":
			l.inner = append(l.inner, page)
		}
		if name == "identity" {
			l.identity = page
		}
	}
	if len(l.rows) < 500 || len(l.inner) < 8 || l.identity == 0 {
		t.Fatalf("pages: %d of entries, %v lead to others, %d is the identity's", len(l.rows), l.inner, l.identity)
	}
}

// write puts a damaged copy somewhere.
func write(t *testing.T, file []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "node.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// visit opens the store, which must not fail, and reads all of it: nothing may
// be there that was not put. It returns how many entries were not found, and
// the warnings.
func (l *library) visit(t *testing.T, path string) (lost int, identity bool, warnings []string) {
	t.Helper()
	s, err := store.Open(path, store.Config{Warn: func(message string, err error) {
		warnings = append(warnings, fmt.Sprint(message, ": ", err))
	}})
	if err != nil {
		t.Fatalf("it does not start: %v", err)
	}
	defer s.Close()
	lost = l.missing(t, s)
	key, identity, err := s.Identity()
	if err != nil {
		t.Fatalf("identity: %v", err)
	}
	return lost, identity && key.Equal(nodeKey(1)), warnings
}

func (l *library) missing(t *testing.T, s *store.SQLite) (lost int) {
	t.Helper()
	for under, want := range l.entries {
		page, _, _ := s.Entries(under, 0, 1<<20, at(1)) // what cannot be read is lost
		if len(page) > 1 || len(page) == 1 && !same(page[0], want) {
			t.Fatalf("served what was never put: %s", show(page))
		}
		if len(page) == 0 && !want.Removed {
			lost++
		}
	}
	marks, _ := s.Marks(kad.Range{}, 1<<20, at(1))
	for _, m := range marks {
		if e, ok, _ := s.Entry(m, at(1)); ok && !same(e, l.entries[m.Key]) {
			t.Fatalf("handed on what was never put: %v", e)
		}
	}
	due, _ := s.Due(at(3600), 1000)
	for _, k := range due {
		if !strings.HasPrefix(string(k.Value), "kept ") {
			t.Fatalf("keeps what was never kept: %.40q", k.Value)
		}
	}
	return lost
}

// damage hurts a page as disks do.
func damage(random *rand.Rand, file []byte, n int) {
	page := file[(n-1)*pageSize:][:pageSize]
	switch random.IntN(4) {
	case 0: // flipped bits
		for range 1 + random.IntN(3) {
			page[random.IntN(pageSize)] ^= 1 << random.IntN(8)
		}
	case 1: // never written
		clear(page)
	case 2: // torn: half of it is another page's
		copy(page[pageSize/2:], file[random.IntN(len(file)/pageSize)*pageSize:][:pageSize/2])
	case 3: // noise
		for i := range page {
			page[i] = byte(random.Uint32())
		}
	}
}

// Whatever the disk does to the file, the node starts and nothing false is
// served. What only a running store would come upon is saved by the next
// start; then only that is lost which was on the damaged pages.
func TestADamagedFileCostsWhatWasOnItsDamagedPages(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	hurt := make([][]int, 0, 64)
	for _, n := range l.inner { // the worst pages, one at a time
		hurt = append(hurt, []int{n})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		pages := make([]int, 1+random.IntN(6))
		for i := range pages {
			pages[i] = 1 + random.IntN(len(l.file)/pageSize)
		}
		hurt = append(hurt, pages)
	}
	for i, pages := range hurt {
		file, most := bytes.Clone(l.file), 0
		for _, n := range pages {
			damage(random, file, n)
			most += l.rows[n]
		}
		t.Run(fmt.Sprint(i, pages), func(t *testing.T) {
			t.Parallel()
			path := write(t, file)
			l.visit(t, path) // it may not find all that is there
			if err := os.WriteFile(path+mark, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			lost, identity, warnings := l.visit(t, path)
			if lost > most {
				t.Errorf("%d entries are lost, there were %d on the damaged pages: %q", lost, most, warnings)
			}
			if !identity && !slices.Contains(pages, l.identity) {
				t.Errorf("the identity is lost, its page %d is whole: %q", l.identity, warnings)
			}
			if len(warnings) != 1 {
				t.Errorf("warnings %q, want one", warnings)
			}
			openAt(t, path, store.Config{Warn: func(m string, err error) { t.Errorf("the next start: %s: %v", m, err) }})
		})
	}
}

func TestASalvageOfAWholeFileLosesNothingAndKeepsTheOldOne(t *testing.T) {
	l := newLibrary(t)
	path := write(t, l.file)
	if err := os.WriteFile(path+mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if lost, identity, warnings := l.visit(t, path); lost != 0 || !identity || len(warnings) != 1 ||
		!strings.Contains(warnings[0], "300 contacts, 50 kept values and 1000 entries; 0 rows") {
		t.Errorf("%d entries lost, identity %v, %q", lost, identity, warnings)
	}
	s := openAt(t, path, store.Config{})
	wantContacts(t, s, l.contacts)
	if due, err := s.Due(at(0), 100); len(due) != 50 || err != nil {
		t.Errorf("%d kept values, %v", len(due), err)
	}
	names := listing(t, path)
	if len(names) != 3 { // the file, its log, the old file
		t.Fatalf("files %v", names)
	}
	if old, err := os.ReadFile(filepath.Join(filepath.Dir(path), names[2])); err != nil || !bytes.Equal(old, l.file) {
		t.Errorf("%s is not the file that was there: %v", names[2], err)
	}
}

// SQLite leaves the rows of pages that it no longer uses where they are.
func TestWhatWasForgottenDoesNotComeBackWithASalvage(t *testing.T) {
	large := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 5000) } // for more free pages than one lists
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	for i := range 300 {
		k := store.Kept{Key: kad.HashID(fmt.Append(nil, i)), Value: large(i), TTL: time.Hour, Due: at(0)}
		if err := s.Keep(k); err != nil {
			t.Fatal(err)
		}
		put(t, s, k.Key, value("v", byte(i), 0, 60), 0)
	}
	for i := range 300 {
		if i == 7 {
			continue
		}
		if ok, err := s.Forget(kad.HashID(fmt.Append(nil, i)), large(i)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if n, err := s.Expire(at(60), 1000); n != 300 || err != nil {
		t.Fatal(n, err)
	}
	if err := errors.Join(s.Close(), os.WriteFile(path+mark, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, store.Config{})
	if due, err := s.Due(at(0), 1000); len(due) != 1 || due[0].Value[0] != 7 || err != nil {
		t.Errorf("%d values are kept, %v, want the one of 7s: %.20q", len(due), err, due)
	}
	if stats, err := s.Stats(); stats.Entries != 0 || err != nil {
		t.Errorf("%d entries, %v, want none", stats.Entries, err)
	}
}

// Not a bit of the first page, with the header and the root of the schema, is
// needed. Its version number is believed: a newer file is a newer program's.
func TestAnyBitOfTheFirstPageMayFlip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.db")
	s := openAt(t, path, store.Config{})
	put(t, s, key, value("v", 1, 0, 60), 0)
	if err := errors.Join(s.SetIdentity(nodeKey(1)), s.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 3))
	for i := range 130 {
		bit := i * 8 // all of the header
		if bit >= 8*100 {
			bit = 8 * random.IntN(pageSize)
		}
		bit += random.IntN(8)
		if i >= 114 {
			bit = 8*35 + i - 114 // where the list of free pages begins, how many there are
		}
		if bit/8 >= 60 && bit/8 < 64 {
			continue // the version
		}
		damaged := bytes.Clone(file)
		damaged[bit/8] ^= 1 << (bit % 8)
		path := write(t, damaged)
		for range 2 { // once as it is, once in a salvage
			s, err := store.Open(path, store.Config{})
			if err != nil {
				t.Fatalf("bit %d of byte %d: %v", bit%8, bit/8, err)
			}
			want(t, s, key, 0, value("v", 1, 0, 60))
			if got, ok, err := s.Identity(); !ok || !got.Equal(nodeKey(1)) || err != nil {
				t.Fatalf("bit %d of byte %d: identity %v, %v", bit%8, bit/8, ok, err)
			}
			if err := errors.Join(s.Close(), os.WriteFile(path+mark, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestATruncatedFileLosesWhatWasCutOff(t *testing.T) {
	l := newLibrary(t)
	for _, size := range []int{len(l.file) - 1, len(l.file) - 100, len(l.file) - 5000, len(l.file) / 2, 20*pageSize + 1} {
		most := 0
		for n, rows := range l.rows {
			if n*pageSize > size {
				most += rows
			}
		}
		lost, identity, warnings := l.visit(t, write(t, l.file[:size]))
		if lost > most || !identity && l.identity*pageSize <= size || lost > 0 && len(warnings) == 0 {
			t.Errorf("%d of %d bytes: %d lost of %d that were cut off, identity %v, %q", size, len(l.file), lost, most, identity, warnings)
		}
	}
}

// crashed copies a running store's file and log, as a power cut would leave
// them.
func crashed(t *testing.T, entries int) (file, log []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.db")
	s := openAt(t, path, store.Config{})
	if err := s.SetIdentity(nodeKey(1)); err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		put(t, s, key, value(fmt.Sprint(i), 1, 0, 60), 0)
	}
	file, err := os.ReadFile(path)
	log, err2 := os.ReadFile(path + "-wal")
	if err := errors.Join(err, err2); err != nil || len(log) < 20*pageSize {
		t.Fatal(len(log), err)
	}
	return file, log
}

// A crash in the middle of a write leaves a torn end of the log: SQLite's own
// checksums drop it, and nothing else.
func TestATornLogLosesNothingButItsEnd(t *testing.T) {
	file, log := crashed(t, 50)
	for _, c := range []struct {
		what string
		log  []byte
		want int
	}{
		{"whole", log, 50},
		{"cut", log[:len(log)-10], 49},
		{"torn", append(bytes.Clone(log[:len(log)-2000]), bytes.Repeat([]byte{0xaa}, 2000)...), 49},
		{"more begun", append(bytes.Clone(log), log[32:32+3000]...), 50},
	} {
		path := write(t, file)
		if err := os.WriteFile(path+"-wal", c.log, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openAt(t, path, store.Config{Warn: func(m string, err error) { t.Errorf("%s: %s, %v", c.what, m, err) }})
		if got := all(t, s, key, 0); len(got) != c.want {
			t.Errorf("%s: %d of 50 entries, want %d", c.what, len(got), c.want)
		}
	}
}

// The log counts even where SQLite cannot read the file that it belongs to.
func TestADestroyedFileIsSavedFromItsLog(t *testing.T) {
	file, log := crashed(t, 50)
	const frame = 24 + pageSize
	for _, c := range []struct {
		what      string
		file, log []byte
		want      int
	}{
		{"cut to nothing", nil, log, 50},
		{"zeros", make([]byte, len(file)), log, 50},
		{"and the log's end is cut", nil, log[:len(log)-10], 49},
		{"and torn", nil, append(bytes.Clone(log[:len(log)-2000]), bytes.Repeat([]byte{0xaa}, 2000)...), 49},
		{"and is not committed", nil, log[:len(log)-frame], 49},
	} {
		path := write(t, c.file)
		if err := os.WriteFile(path+"-wal", c.log, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openAt(t, path, store.Config{})
		if got := all(t, s, key, 0); len(got) != c.want {
			t.Errorf("%s: %d of 50 entries, want %d", c.what, len(got), c.want)
		}
		if got, ok, err := s.Identity(); !ok || !got.Equal(nodeKey(1)) || err != nil {
			t.Errorf("%s: identity %v, %v", c.what, ok, err)
		}
		if c.file == nil && !slices.ContainsFunc(listing(t, path), func(name string) bool {
			return strings.Contains(name, ".damaged-") && strings.HasSuffix(name, "-wal")
		}) {
			t.Errorf("%s: the log was not moved aside with its file", c.what)
		}
	}
}

// A running store says so once, in the call's error and by Warn, and goes on;
// its next start saves what is left.
func TestARunningStoreWarnsOnceOfDamageAndTheNextStartSaves(t *testing.T) {
	l := newLibrary(t)
	file := bytes.Clone(l.file)
	for n := range l.rows {
		if n%3 == 0 {
			clear(file[(n-1)*pageSize:][:pageSize])
		}
	}
	path := write(t, file)
	var warnings []string
	s, err := store.Open(path, store.Config{Warn: func(message string, err error) {
		warnings = append(warnings, fmt.Sprint(message, ": ", err))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	failed := 0
	for under := range l.entries {
		if _, _, err := s.Entries(under, 0, 1<<20, at(1)); err != nil {
			failed++
			if !strings.Contains(err.Error(), "damaged") {
				t.Fatalf("the call says %v", err)
			}
		}
	}
	if failed < 10 || len(warnings) != 1 {
		t.Fatalf("%d calls failed, warnings %q, want one", failed, warnings)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, warnings = l.visit(t, path); len(warnings) != 1 || !strings.Contains(warnings[0], "salvag") && !strings.Contains(warnings[0], "saved") {
		t.Fatalf("the next start says %q", warnings)
	}
}

// Warn may do what it likes, also with the store.
func TestWarnMayUseTheStore(t *testing.T) {
	l := newLibrary(t)
	for n := range l.rows {
		clear(l.file[(n-1)*pageSize:][:pageSize])
	}
	var s *store.SQLite
	told := 0
	s = openAt(t, write(t, l.file), store.Config{Warn: func(string, error) {
		told++
		if s != nil {
			s.Stats()
		}
	}})
	for under := range l.entries {
		s.Entries(under, 0, 1, at(1))
	}
	if told == 0 {
		t.Fatal("nobody was told")
	}
}

func TestASalvageThatFailsLeavesTheFileWhereItWas(t *testing.T) {
	l := newLibrary(t)
	damaged := bytes.Clone(l.file)
	clear(damaged[:pageSize])
	path := write(t, damaged)
	if err := os.MkdirAll(path+"-salvaged/in the way", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path, store.Config{}); err == nil || !strings.Contains(err.Error(), "no new file") {
		t.Fatalf("Open: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
		t.Fatalf("the file was changed: %v", err)
	}
	if err := os.RemoveAll(path + "-salvaged"); err != nil {
		t.Fatal(err)
	}
	if lost, identity, _ := l.visit(t, path); lost != 0 || !identity { // the cause is gone
		t.Errorf("%d entries lost, identity %v", lost, identity)
	}
}

// kill -9 may come at any moment of a salvage.
func TestASalvageThatWasKilledIsDoneAgainOrEnded(t *testing.T) {
	l := newLibrary(t)
	whole := filepath.Join(t.TempDir(), "half.db") // as far as it got
	s := openAt(t, whole, store.Config{})
	for under, e := range l.entries {
		if put(t, s, under, e, 0); under[0] > 50 {
			break
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	half, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(l.file)
	clear(damaged[:pageSize])
	for _, c := range []struct {
		when  string
		files map[string][]byte
	}{
		{"before the first row", map[string][]byte{"": damaged, mark: {}}},
		{"new file begun", map[string][]byte{"": damaged, mark: {}, "-salvaged": {}}},
		{"half of it", map[string][]byte{"": damaged, mark: {}, "-salvaged": half}},
		{"torn", map[string][]byte{"": damaged, mark: {}, "-salvaged": half[:len(half)-pageSize-1]}},
		{"old file aside", map[string][]byte{".damaged-1": damaged, mark: {}, "-salvaged": l.file}},
		{"mark still there", map[string][]byte{".damaged-1": damaged, mark: {}, "": l.file}},
	} {
		path := filepath.Join(t.TempDir(), "node.db")
		for suffix, content := range c.files {
			if err := os.WriteFile(path+suffix, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if lost, identity, warnings := l.visit(t, path); lost != 0 || !identity {
			t.Errorf("%s: %d entries lost, identity %v, %q", c.when, lost, identity, warnings)
		}
		wantContacts(t, openAt(t, path, store.Config{}), l.contacts)
		for _, name := range listing(t, path) {
			if strings.HasSuffix(name, mark) || strings.Contains(name, "-salvaged") {
				t.Errorf("%s: %s is left", c.when, name)
			}
		}
	}
}

// What is not a store is an error, and not a byte of it or a name changes.
func TestAnotherProgramsFileIsLeftAlone(t *testing.T) {
	l := newLibrary(t)
	archive := append(make([]byte, 512), l.file...) // as in a tar
	copy(archive, "node.db\x00\x00\x00")
	theirs := filepath.Join(t.TempDir(), "theirs.db")
	raw(t, theirs, "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('https://example.org')")
	bookmarks, err := os.ReadFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	hurt := bytes.Clone(bookmarks)
	clear(hurt[pageSize:])
	for what, content := range map[string][]byte{
		"picture":          bytes.Repeat([]byte("\xff\xd8\xff\xe0 no database "), 1000),
		"zeros":            make([]byte, 10*pageSize),
		"our source":       bytes.Repeat([]byte("CREATE TABLE entries (\nCREATE TABLE identity (\n"), 500),
		"archive":          archive,
		"database":         bookmarks,
		"damaged database": hurt,
	} {
		path := write(t, content)
		if _, err := store.Open(path, store.Config{}); err == nil {
			t.Errorf("%s: opened", what)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: changed or moved: %v", what, err)
		}
		if names := listing(t, path); len(names) != 1 {
			t.Errorf("%s: there are %v", what, names)
		}
	}
}

// A store that is in use, or may not be written, is not damaged.
func TestWhatIsNotDamageIsNoReasonToSalvage(t *testing.T) {
	l := newLibrary(t)
	path := write(t, l.file)
	s := openAt(t, path, store.Config{})
	if err := os.WriteFile(path+mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path, store.Config{}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a marked store in use: %v, want ErrInUse", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if names := listing(t, path); len(names) != 2 {
		t.Errorf("files %v", names)
	}
}

func listing(t *testing.T, path string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}
