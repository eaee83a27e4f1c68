// Package khashmir is a node of a Kademlia key/value network: open one, give
// it a contact, store values under keys and find them again.
//
//	node, err := khashmir.Open(khashmir.Config{Path: "node.db"})
//	...
//	defer node.Close()
//	node.AddContact(ctx, "192.0.2.1:4433")
//	node.FindCloseNodes(ctx)
//	node.Store(ctx, khashmir.HashID([]byte("greeting")), []byte("hello"))
//
// A key holds many values; each lives for Config.ValueTTL. A node joins no
// network that was not named to it.
//
// The package owns the lookups in flight, the write tokens and the timers. The
// table, the search, the messages, the sockets and the disk are packages of
// their own; this one is the only that knows them all. Its core runs behind
// one lock that is never held over I/O or a caller's function, starts no
// goroutine of its own and takes time and chance from a Clock, so the same
// code runs in real and in virtual time.
package khashmir

import (
	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
	"github.com/khashmir/kad/store"
)

// What an embedder needs of the other packages, so that one import is enough.
type (
	// ID names a node or a key: 160 bits.
	ID = kad.ID
	// Contact is another node: its identity and its addresses.
	Contact = kad.Contact
	// PublicKey is a node's Ed25519 public key.
	PublicKey = kad.PublicKey
	// Bucket is a part of the routing table, Member a contact in it.
	Bucket = ktable.Bucket
	Member = ktable.Member
	// Holding is what a node holds under one key.
	Holding = store.Holding
)

// HashID is the SHA-1 of b, the usual way to a key.
func HashID(b []byte) ID { return kad.HashID(b) }

// ParseID reads 40 hexadecimal digits.
func ParseID(s string) (ID, error) { return kad.ParseID(s) }

// NewMemoryStore is a Store that forgets everything with the process, for
// Config.Store.
func NewMemoryStore() Store { return store.NewMemory(store.Config{}) }
