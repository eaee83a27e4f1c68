package khashmir

import (
	"crypto/ed25519"
	"math/rand/v2"
	"net/netip"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

// Transport carries questions and answers. It proves identities: an answer
// comes from the holder of the key that was asked, or not at all.
type Transport interface {
	// Serve opens the transport as the node that holds key and answers every
	// query with handle until Close. It is called once.
	Serve(key ed25519.PrivateKey, handle func(from kad.Contact, q krpc.Query) krpc.Reply) error

	// Ask sends q and runs then exactly once, after Ask has returned, with the
	// reply or with why there is none. It never blocks. A contact without a
	// key is asked whoever it is.
	Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error))

	// Addr is where the transport listens, once it serves.
	Addr() netip.AddrPort

	// Stats counts what the transport holds and has done.
	Stats() transport.Stats

	// Close runs every pending then with an error and returns when the
	// transport's goroutines are gone.
	Close() error
}

// Store keeps entries, saved contacts and the identity. Its methods block for
// the disk, so the node never calls them under its lock.
type Store interface {
	// Put returns when the entry is committed, in the place of an older version
	// of it. group is the network that it came from, if that is of any account.
	Put(key kad.ID, entry kad.Entry, group netip.Prefix, now time.Time) error

	// Entries is one page of the live entries under key, and the position to
	// pass as after for the next; 0 when there is none.
	Entries(key kad.ID, after uint64, maxBytes int, now time.Time) (page []kad.Entry, next uint64, err error)

	// Digest is of all entries in r, the removed ones too, or not ok where they
	// are more than limit. Marks are theirs, in the order of their
	// keys, limit at the most, and Entry is what a mark is of, if that is still there.
	Digest(r kad.Range, limit int, now time.Time) (d kad.Digest, ok bool, err error)
	Marks(r kad.Range, limit int, now time.Time) ([]store.Mark, error)
	Entry(m store.Mark, now time.Time) (e kad.Entry, ok bool, err error)

	// Holdings is what there is under the first limit keys from the given one on.
	Holdings(from kad.ID, limit int, now time.Time) ([]store.Holding, error)

	// Drop lets go of those entries that the marks are still of.
	Drop(marks []store.Mark) error

	// Expire drops at most limit expired entries.
	Expire(now time.Time, limit int) (dropped int, err error)

	// Keep remembers a value that this node publishes, Forget undoes that,
	// Due is what to store again now and Postpone says when next.
	Keep(k store.Kept) error
	Postpone(k store.Kept) error
	Forget(key kad.ID, value []byte) (ok bool, err error)
	Due(now time.Time, limit int) ([]store.Kept, error)

	Identity() (key ed25519.PrivateKey, ok bool, err error)
	SetIdentity(key ed25519.PrivateKey) error
	Contacts() ([]kad.Contact, error)
	SaveContacts(contacts []kad.Contact) error
	Stats() (store.Stats, error)
	Close() error
}

// Clock is time and chance. The node draws from it only under its lock, so it
// need not be safe for concurrent use but for AfterFunc's stop and Now.
type Clock interface {
	rand.Source

	Now() time.Time

	// AfterFunc runs f after d, on a goroutine that is not the caller's. stop
	// reports whether it kept f from running.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}
