// Package bep5 turns the messages of BitTorrent's DHT into bytes and back:
// KRPC as BEP 5 has it, with the keys of BEP 32, 33, 42, 43, 44 and 51. It does
// no I/O, keeps no state and believes nothing.
//
// A message is read in one strict pass that allocates nothing and points into
// the datagram (Read); an answer is appended to a buffer in the order of its
// keys (Open, AppendBytes and so on, Close). That is the path of every packet,
// and the reason that no bencode library is on it. Questions, of which a node
// asks few, are written by one, and it is the oracle of the tests.
//
// The messages of the house's own network are package krpc's.
package bep5

import kad "github.com/khashmir/kad"

// Kind is what a message is, by its key y.
type Kind byte

// The kinds.
const (
	Query   Kind = 'q'
	Reply   Kind = 'r'
	Failure Kind = 'e'
)

// The methods.
const (
	Ping             = "ping"
	FindNode         = "find_node"
	GetPeers         = "get_peers"
	AnnouncePeer     = "announce_peer"
	Get              = "get"
	Put              = "put"
	SampleInfohashes = "sample_infohashes"
)

// Fields is a set of the keys of a and r.
type Fields uint64

// The keys of a query's arguments and of a reply's values.
const (
	FieldBloomPeers Fields = 1 << iota // BFpe, BEP 33
	FieldBloomSeeds                    // BFsd
	FieldCAS                           // BEP 44
	FieldID
	FieldImpliedPort
	FieldInfoHash
	FieldInterval // BEP 51
	FieldKey      // k
	FieldNodes
	FieldNodes6 // BEP 32
	FieldNoSeed // BEP 33
	FieldNum
	FieldPort
	FieldSalt
	FieldSamples
	FieldScrape
	FieldSeed
	FieldSeq
	FieldSig
	FieldTarget
	FieldToken
	FieldValue
	FieldValues
	FieldWant
)

// Message is what a datagram says. Its slices point into the datagram and are
// good for as long as that is. Read fills it.
type Message struct {
	Kind     Kind
	Tx       []byte // nil where there was none
	Method   []byte // of a query; nil where there was none, or no string
	Version  []byte // v, the program that sent it
	IP       []byte // ip: where the sender saw us (BEP 42), compact
	ReadOnly bool   // ro (BEP 43)

	Body []byte // a of a query, r of a reply: the whole dictionary; nil if none
	Code int64  // of a Failure
	Text []byte // of a Failure

	Has   Fields // the keys that the body has, with a value of the right type
	Wrong Fields // the keys that it has with another type

	ID, Target, InfoHash   []byte
	Token, Key, Salt, Sig  []byte
	Nodes, Nodes6, Samples []byte
	BloomPeers, BloomSeeds []byte
	Value                  []byte // v: any bencoded value, as it stood there
	Values                 []byte // a list, as it stood there
	Port, Seq, CAS         int64
	Interval, Num          int64
	ImpliedPort, Seed      bool
	NoSeed, Scrape         bool
	Want4, Want6           bool // BEP 32

	bodyOf byte // a or r
}

// NodeID is the sender's; zero if it named none of 20 bytes.
func (m *Message) NodeID() (id kad.ID) {
	if len(m.ID) == kad.IDSize {
		id = kad.ID(m.ID)
	}
	return id
}
