package krpc

import (
	"math"
	"time"

	"github.com/zeebo/bencode"
)

// Limits on what a message may carry, in bytes unless said otherwise.
const (
	// maxTxSize is the longest transaction id. BEP 5 uses 2 bytes; the rest
	// is room for implementations that count or sign.
	maxTxSize = 16

	// maxMethodSize is the longest name of a query; ours have 11 at most.
	maxMethodSize = 64

	// maxTokenSize is the longest write token of another implementation
	// (ours: kad.TokenSize). An asker keeps one for each contact it found.
	maxTokenSize = 64

	// maxErrorText is how much of an error's sentence is sent and read: one
	// or two lines for a person, not a place to store things.
	maxErrorText = 256

	// markSize is the length of an entry's mark.
	markSize = 8

	// maxSeconds is the longest age or lifetime, in seconds: what still is
	// a time.Duration, 292 years.
	maxSeconds = math.MaxInt64 / int64(time.Second)
)

// The structs below are what the bencode library fills and writes. It panics
// on fixed arrays that are too short and on interfaces with methods, writes a
// TextMarshaler as its text and takes a list of integers for a []byte; so
// there are only strings, int64, raw messages, and slices and structs of
// these. The keys are in the order in which they travel.

// envelope surrounds every message. What may be wrong without making the
// transaction id unreadable is taken raw.
type envelope struct {
	Args    bencode.RawMessage `bencode:"a,omitempty"`
	Error   bencode.RawMessage `bencode:"e,omitempty"`
	Method  bencode.RawMessage `bencode:"q,omitempty"`
	Values  bencode.RawMessage `bencode:"r,omitempty"`
	Client  bencode.RawMessage `bencode:"ro,omitempty"`
	Tx      string             `bencode:"t,omitempty"`
	Version int64              `bencode:"v"`
	Kind    string             `bencode:"y"`
}

// The kinds of an envelope.
const (
	kindQuery = "q"
	kindReply = "r"
	kindError = "e"
)

type pingArgs struct {
	Who int64 `bencode:"who,omitempty"`
}

type findNodeArgs struct {
	Target string `bencode:"target"`
}

type findValueArgs struct {
	Any    int64  `bencode:"any,omitempty"`
	Cursor int64  `bencode:"cursor,omitempty"`
	Hot    int64  `bencode:"hot,omitempty"`
	Target string `bencode:"target"`
}

type storeValueArgs struct {
	Cache int64     `bencode:"cache,omitempty"`
	Entry wireEntry `bencode:"entry"`
	Key   string    `bencode:"key"`
	Token string    `bencode:"token,omitempty"`
}

type compareArgs struct {
	Bits   int64  `bencode:"bits"`
	Count  int64  `bencode:"count"`
	Prefix string `bencode:"prefix"`
	Sum    string `bencode:"sum"`
}

// wireValues are the values of every answer; each answer has some of them.
type wireValues struct {
	Entries []wireEntry `bencode:"entries,omitempty"`
	Hot     int64       `bencode:"hot,omitempty"`
	Key     string      `bencode:"k,omitempty"`
	Marks   string      `bencode:"marks,omitempty"`
	Next    int64       `bencode:"next,omitempty"`
	Nodes   string      `bencode:"nodes,omitempty"`
	Nodes6  string      `bencode:"nodes6,omitempty"`
	Same    int64       `bencode:"same,omitempty"`
	Split   int64       `bencode:"split,omitempty"`
	Token   string      `bencode:"token,omitempty"`
}

// wireEntry takes the value raw, to tell an empty one from none.
type wireEntry struct {
	Age       int64              `bencode:"a,omitempty"`
	Removed   int64              `bencode:"d,omitempty"`
	TTL       int64              `bencode:"l,omitempty"`
	Seq       int64              `bencode:"n,omitempty"`
	Publisher string             `bencode:"p,omitempty"`
	Signature string             `bencode:"s,omitempty"`
	Value     bencode.RawMessage `bencode:"v"`
}
