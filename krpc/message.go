// Package krpc turns questions and answers into bencode and back. It does no
// I/O, keeps no state and believes nothing: a guard bounds size, depth and
// lengths before the bencode library sees a byte.
//
// The library is what says how a message looks and what it means. Those that a
// store and a find are made of have a shorter way beside it, by hand, to the
// same bytes and the same meaning (write.go, read.go).
//
// The shapes are KRPC's (BEP 5): a query has a method and arguments, a reply
// has values or an error. docs/PROTOCOL.md describes every key.
package krpc

import (
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
)

// Method names a query. A name that is none of these is answered with
// CodeUnknownMethod.
type Method string

// The queries of protocol version 1.
const (
	Ping       Method = "ping"
	FindNode   Method = "find_node"
	FindValue  Method = "find_value"
	StoreValue Method = "store_value"
	Compare    Method = "compare"
)

// Query is a question. Which fields count hangs on the method.
type Query struct {
	Method Method
	Target kad.ID     // find_node, find_value, store_value: the ID or the key
	Who    bool       // ping: the asker does not know whom it asks, and wants the answerer's key
	Cursor uint64     // find_value: the page to answer with, 0 for the first
	Any    bool       // find_value: a cached copy will do; entries come with their signatures
	Hot    bool       // find_value with Any: it was asked before, and said that it gave them too often
	Token  string     // store_value: the permission the holder gave us
	Entry  Entry      // store_value
	Cache  bool       // store_value: for the answerer's cache, and no promise
	Range  kad.Range  // compare: the keys that it is about
	Digest kad.Digest // compare: of what the asker holds there
	Client bool       // the asker does not answer: there is no use in asking it back
}

// Reply is an answer. A reply with an Error carries nothing else.
type Reply struct {
	Error    *Error
	Key      kad.PublicKey // ping with Who: who answers
	Contacts []kad.Contact // find_node, find_value: the closest we know
	Token    string        // find_node, find_value: permission to store under the target
	Entries  []Entry       // find_value: one page of what we hold
	Next     uint64        // find_value: the cursor of the next page, 0 after the last
	Hot      uint64        // find_value with Any: it is here, and was given so often of late that others are to be asked

	// compare: the digests are the same; or they are not, and there is so much
	// in the range that the asker should compare its halves; or else the marks
	// of all that the answerer holds there.
	Same, Split bool
	Marks       []uint64
}

// Entry is a value as it travels: with its age, so that clocks need not agree.
// Age and TTL are whole seconds on the wire; fractions are cut off.
type Entry struct {
	Value     []byte
	Publisher kad.PublicKey // zero in a store_value: the asker is the publisher
	Age       time.Duration
	TTL       time.Duration
	Seq       int64
	Removed   bool // the value is the SHA-256 of the one that was removed
	Signature kad.Signature
}

// Error is a refusal, as a code and a sentence.
type Error struct {
	Code    int
	Message string
}

// The codes. 201 to 205 mean what they mean in BEP 5 and BEP 44.
const (
	CodeGeneric       = 201
	CodeServer        = 202 // the holder's own fault: its disk, say
	CodeProtocol      = 203 // malformed, or an argument is missing
	CodeUnknownMethod = 204
	CodeTooLarge      = 205 // the value is over the holder's limit
	CodeBadToken      = 210 // not given, not ours, or too old
	CodeFull          = 211 // no room under this key or at all
	CodeExpired       = 212 // the lifetime was over on arrival
	CodeBusy          = 213 // try again later
	CodeQuota         = 214 // the publisher has as much here as one may
	CodeLifetime      = 215 // the lifetime is longer than the holder grants
	CodeSuperseded    = 216 // the holder has a newer version of the entry
	CodeSignature     = 217 // the publisher has not signed this
	CodeClient        = 218 // who was asked is a client, and answers nothing
)

func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// Message is what travels: a Query or a Reply, never both.
type Message struct {
	Version int    // the sender's protocol version; Encode fills in ours
	Tx      string // transaction id, where the transport needs one; at most 16 bytes
	Query   *Query
	Reply   *Reply
}
