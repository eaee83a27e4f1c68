// Package ktable is the routing table: the contacts a node keeps, in buckets of
// up to K that share a prefix with us (paper, sections 2.2 and 2.4).
//
// It owns the contacts, their order and the replacement caches. It does no I/O,
// starts nothing and reads no clock: now is an argument, and a contact that
// ought to be pinged is handed back to the caller. It is not safe for concurrent
// use; the node's lock guards it.
//
// Read table.go for what happens to a contact, bucket.go for the order within a
// bucket, split.go for the shape of the table, closest.go for its use and walk.go
// for who holds what together with us.
package ktable

import (
	"cmp"
	"iter"
	"time"

	kad "github.com/khashmir/kad"
)

// Config sets a table's limits. A field that is zero or less means the default.
type Config struct {
	K               int           // contacts in a bucket; kad.K
	Wide            int           // buckets, from the farthest on, that hold more: twice as many as the next, the last of them twice K; none
	Replacements    int           // contacts that wait for a place in one bucket; kad.ReplacementsPerBucket
	MaxFailures     int           // unanswered questions in a row that cost the place; kad.MaxFailures
	MinPingInterval time.Duration // a contact that answered this recently is not checked; kad.MinPingInterval
}

func (c Config) withDefaults() Config {
	return Config{
		K:               orDefault(c.K, kad.K),
		Wide:            max(c.Wide, 0),
		Replacements:    orDefault(c.Replacements, kad.ReplacementsPerBucket),
		MaxFailures:     orDefault(c.MaxFailures, kad.MaxFailures),
		MinPingInterval: orDefault(c.MinPingInterval, kad.MinPingInterval),
	}
}

func orDefault[N int | time.Duration](n, otherwise N) N { return cmp.Or(max(n, 0), otherwise) }

// Table is a routing table. New makes one.
type Table struct {
	self   kad.ID
	config Config

	// Bucket i holds the IDs that share exactly their first i bits with ours;
	// the last holds those that share at least that many. Never empty.
	buckets []bucket

	latest moment // the latest now we were given
	number uint32 // of the contacts that were seen
}

// New is an empty table of the node self: one bucket for everybody.
func New(self kad.ID, config Config) *Table {
	return &Table{
		self:    self,
		config:  config.withDefaults(),
		buckets: []bucket{{lookedUp: never}},
		latest:  never,
	}
}

// Seen reports that c has answered us, or proved its key and answered a ping
// back. It enters its bucket, or moves to the tail as the most recently seen;
// what was known of it, its addresses above all, gives way to c, and its
// failures are forgotten. Is the bucket full and of no use to split, then c
// waits in the replacement cache: those that have lived long are likely to live
// on (paper, section 2.2).
//
// When c waits, the bucket's least recently seen contact comes back as the
// suspect, with ok == true, if it has failures or has not answered for
// MinPingInterval, and is not being checked already. Ping it and report Seen or
// Failed: until then it is not handed out again.
//
// Our own ID, the zero ID and contacts without an address are left out.
func (t *Table) Seen(c kad.Contact, now time.Time) (suspect kad.Contact, ok bool) {
	if c.ID.IsZero() || c.ID == t.self || !c.Reachable() {
		return kad.Contact{}, false
	}
	t.number++
	m := memberOf(c, t.tick(now), t.number)
	b := t.bucketOf(c.ID)
	if i := b.placed.find(c.ID); i >= 0 {
		b.seen(i, m)
		return kad.Contact{}, false
	}
	for b.placed.len() >= t.width(c.ID) && t.splits(c.ID) {
		t.split()
		b = t.bucketOf(c.ID)
	}
	if b.placed.len() < t.width(c.ID) {
		b.place(m)
		return kad.Contact{}, false
	}
	b.wait(m, t.config.Replacements)
	return b.suspect(m.seen, t.config.MinPingInterval)
}

// Wants reports whether a contact that we only heard of (it asked us something,
// say) would be of use if it answered a ping: it is not known yet, and its
// bucket has room or can split, or has a contact with failures. One that could
// only wait is not worth a ping; those who answer us anyway fill the caches. It
// is cheap: one look at one bucket.
func (t *Table) Wants(id kad.ID) bool {
	b := t.bucketOf(id)
	if room := b.placed.len() < t.width(id) || b.failing > 0 || t.splits(id); !room {
		return false // most often, and without a search
	}
	return !id.IsZero() && id != t.self && b.placed.find(id) < 0 && b.waiting.find(id) < 0
}

// Spare reports whether id is wanted for a wide bucket that has K contacts as it
// is: it can wait.
func (t *Table) Spare(id kad.ID) bool {
	b := t.bucketOf(id)
	return t.width(id) > t.config.K && b.placed.len() >= t.config.K && b.failing == 0
}

// Failed reports that a question to id was left unanswered. After MaxFailures
// in a row the contact loses its place to the most recently seen of those that
// wait for one. A contact that waits is given up at once. Dropped says that the
// table has given id up now, from its place or from the cache.
func (t *Table) Failed(id kad.ID) (dropped bool) {
	b := t.bucketOf(id)
	if i := b.waiting.find(id); i >= 0 {
		b.waiting.remove(i)
		return true
	}
	i := b.placed.find(id)
	if i < 0 || b.failed(i) < t.config.MaxFailures {
		return false
	}
	b.drop(i)
	t.merge()
	return true
}

// Excused reports that a question to id was left unanswered and that this
// cannot be laid at its door. Nothing counts; a suspect may be checked again.
func (t *Table) Excused(id kad.ID) {
	b := t.bucketOf(id)
	if i := b.placed.find(id); i >= 0 {
		b.placed.members[i].checking = false
	}
}

// Get is the contact with this ID. One that only waits for a place is not found.
func (t *Table) Get(id kad.ID) (kad.Contact, bool) {
	b := t.bucketOf(id)
	if i := b.placed.find(id); i >= 0 {
		return b.placed.members[i].contact(), true
	}
	return kad.Contact{}, false
}

// LastSeen is when the contact with this ID was last reported as seen, to the
// microsecond, and how many questions it has left unanswered since, if it has a
// place.
func (t *Table) LastSeen(id kad.ID) (at time.Time, failures int, ok bool) {
	b := t.bucketOf(id)
	if i := b.placed.find(id); i >= 0 {
		m := &b.placed.members[i]
		return m.seen.Time(), int(m.failures), true
	}
	return time.Time{}, 0, false
}

// Len is how many contacts have a place.
func (t *Table) Len() int {
	n := 0
	for i := range t.buckets {
		n += t.buckets[i].placed.len()
	}
	return n
}

// Contacts yields the contacts that have a place: the farthest bucket first,
// within a bucket the least recently seen first. Do not change the table in
// between.
func (t *Table) Contacts() iter.Seq[kad.Contact] {
	return func(yield func(kad.Contact) bool) {
		for i := range t.buckets {
			for _, m := range t.buckets[i].placed.inOrder() {
				if !yield(m.contact()) {
					return
				}
			}
		}
	}
}

func (t *Table) bucketOf(id kad.ID) *bucket { return &t.buckets[t.index(id)] }

// width is how many contacts have a place in the bucket of id.
func (t *Table) width(id kad.ID) int { return t.widthOf(t.index(id)) }

// widthOf is K, and more in the far buckets: most targets are there, and of
// many contacts one is closer to the target than of few. The last is no wider
// than K, so that we know those around us first.
func (t *Table) widthOf(i int) int {
	if i == len(t.buckets)-1 {
		return t.config.K
	}
	return t.config.K << max(0, t.config.Wide-i)
}

func (t *Table) index(id kad.ID) int {
	return min(t.self.CommonPrefix(id), len(t.buckets)-1)
}

// tick notes the time that the caller says it is.
func (t *Table) tick(now time.Time) moment {
	at := momentOf(now)
	t.latest = max(t.latest, at)
	return at
}
