// Package api is the words of the gateway: what it says and is told in JSON,
// the same for the HTTP server (package web), its clients (web/client), the
// command line, the shell and the page. It holds no behaviour.
//
// IDs and keys are 40 hexadecimal digits, public keys 64. Times are RFC 3339,
// durations milliseconds. What has no meaning in an answer is left out.
package api

import "time"

// Contact is another node, or this one.
type Contact struct {
	ID   string `json:"id"`
	Addr string `json:"addr,omitempty"` // host:port; an IPv6 one only where there is no other
}

// Status is how the node is, at a glance.
type Status struct {
	Contact
	PublicKey  string    `json:"public_key"`
	Version    string    `json:"version"`
	Client     bool      `json:"client"` // it asks and does not serve
	Since      time.Time `json:"since"`
	Contacts   int       `json:"contacts"`
	Network    int       `json:"network"` // nodes there are, estimated; 0: not known
	Memory     int64     `json:"memory"`  // bytes, of the whole process
	Entries    int       `json:"entries"`
	Bytes      int64     `json:"bytes"`
	MaxEntries int       `json:"max_entries"`
	MaxBytes   int64     `json:"max_bytes"`
	Health     []Check   `json:"health"`
}

// Check is one thing that was looked at.
type Check struct {
	Name  string `json:"name"`  // contacts, reachable, answers, store, disk, buffers, clock
	State string `json:"state"` // ok, warning or failed
	Says  string `json:"says"`  // what was seen, a sentence
	Do    string `json:"do,omitempty"`
}

// The states of a Check.
const (
	OK      = "ok"
	Warning = "warning"
	Failed  = "failed"
)

// Stats counts, since the node was opened unless it says otherwise.
type Stats struct {
	Contacts int `json:"contacts"` // now
	InFlight int `json:"in_flight"`
	Cached   int `json:"cached"`
	Network  int `json:"network"`

	Lookups int `json:"lookups"`
	Hops    int `json:"hops"`
	Asked   int `json:"asked"`
	Silent  int `json:"silent"`
	Served  int `json:"served"`
	Expired int `json:"expired"`

	Rounds     int     `json:"rounds"`
	Compared   int     `json:"compared"`
	Handed     int     `json:"handed"`
	LetGo      int     `json:"let_go"`
	HalfLifeMs float64 `json:"half_life_ms"`

	Entries   int   `json:"entries"`
	Bytes     int64 `json:"bytes"`
	FileBytes int64 `json:"file_bytes"`
	Damaged   int   `json:"damaged"`

	Transport map[string]int64 `json:"transport"` // the counts of transport.Stats, by name
}

// Table is the routing table, the farthest bucket first.
type Table struct {
	Self    string   `json:"self"`
	K       int      `json:"k"`
	Buckets []Bucket `json:"buckets"`
}

// Bucket is a part of it: the IDs that begin with Prefix.
type Bucket struct {
	Prefix   string    `json:"prefix"` // 0 and 1, a digit a bit
	Contacts []Member  `json:"contacts"`
	Waiting  int       `json:"waiting"` // in the replacement cache
	LookedUp time.Time `json:"looked_up,omitzero"`
}

// Member is a contact with a place.
type Member struct {
	Contact
	State    string    `json:"state"` // good, stale or bad
	LastSeen time.Time `json:"last_seen"`
	Failures int       `json:"failures"`
}

// Holdings is a page of what the node holds for the network.
type Holdings struct {
	Holdings []Holding `json:"holdings"`
	Next     string    `json:"next,omitempty"` // pass it as from for the next page
}

// Holding is what there is under one key.
type Holding struct {
	Key     string    `json:"key"`
	Entries int       `json:"entries"`
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"oldest"`
	Soonest time.Time `json:"soonest"` // when the first entry expires
	Latest  time.Time `json:"latest"`  // when the last one does
}

// Result is what became of a store or a removal.
type Result struct {
	Key       string    `json:"key"`
	Stored    []Contact `json:"stored"`
	Refused   []Refusal `json:"refused,omitempty"`
	Questions int       `json:"questions"`
	Hops      int       `json:"hops"`
	GoesOn    bool      `json:"goes_on,omitempty"`
	TookMs    float64   `json:"took_ms"`
	Error     *Problem  `json:"error,omitempty"` // it was not stored
}

// Refusal is a node that did not store, and why.
type Refusal struct {
	Contact
	Error Problem `json:"error"`
}

// Found is what a search for values has come to.
type Found struct {
	Key    string   `json:"key"`
	Values []Value  `json:"values"`
	Shown  []Holder `json:"shown"` // by whom
	Lookup
}

// Value is one value. Text is the same where it is UTF-8 that can be shown.
type Value struct {
	Bytes   []byte  `json:"bytes"` // base64
	Text    *string `json:"text,omitempty"`
	AfterMs float64 `json:"after_ms"`
	Gone    bool    `json:"gone,omitempty"` // watching: it is there no more
}

// Holder is a node that showed values.
type Holder struct {
	Contact
	Values int `json:"values"`
}

// Lookup is one iterative search that has ended.
type Lookup struct {
	Number    int       `json:"number,omitempty"`
	Target    string    `json:"target"`
	Values    bool      `json:"for_values,omitempty"`
	Closest   []Contact `json:"closest,omitempty"`
	Questions int       `json:"questions"`
	Answers   int       `json:"answers"`
	Hops      int       `json:"hops"`
	TookMs    float64   `json:"took_ms"`
	Error     *Problem  `json:"error,omitempty"`
}

// Step is one thing that happened in a lookup.
type Step struct {
	Number   int       `json:"number"`
	Target   string    `json:"target"`
	Kind     string    `json:"kind"` // asked, late, answered, failed, stored, refused
	At       time.Time `json:"at"`
	Contact  Contact   `json:"contact"`
	Contacts []Contact `json:"contacts,omitempty"`
	Values   int       `json:"values,omitempty"`
	TookMs   float64   `json:"took_ms,omitempty"`
	Error    *Problem  `json:"error,omitempty"`
}

// Served is a question of another node, answered.
type Served struct {
	From    Contact `json:"from"`
	Method  string  `json:"method"`
	Target  string  `json:"target,omitempty"`
	Refusal int     `json:"refusal,omitempty"`
	TookMs  float64 `json:"took_ms"`
}

// Event is one thing that a node did: exactly one of the fields but Node is set.
type Event struct {
	Node    string   `json:"node,omitempty"` // in a test network: whose it is
	Lookup  *Lookup  `json:"lookup,omitempty"`
	Step    *Step    `json:"step,omitempty"`
	Served  *Served  `json:"served,omitempty"`
	Met     *Contact `json:"met,omitempty"`
	Lost    *Contact `json:"lost,omitempty"`
	Dropped int      `json:"dropped,omitempty"` // events that this listener was too slow for
}

// Pong is a contact's sign of life.
type Pong struct {
	Contact
	TookMs float64 `json:"took_ms"`
}

// Network is all that the page can show at once: one daemon, or the nodes of a
// test network.
type Network struct {
	Mode  string `json:"mode"` // daemon or testnet
	Cut   bool   `json:"cut,omitempty"`
	Nodes []Node `json:"nodes"`
}

// Node is one of them.
type Node struct {
	Contact
	Up       bool `json:"up"`
	Side     int  `json:"side,omitempty"` // of the cut: 0 or 1
	Contacts int  `json:"contacts"`
	Entries  int  `json:"entries"`
}

// Problem is an error that a program can branch on.
type Problem struct {
	Code    string `json:"code"` // a word, see the codes
	Message string `json:"message"`
}

func (p *Problem) Error() string { return p.Message }

// The codes of a Problem.
const (
	BadRequest   = "bad_request"
	Unauthorized = "unauthorized"
	NotFound     = "not_found"
	TooLarge     = "too_large"
	BadLifetime  = "bad_lifetime"
	NoContacts   = "no_contacts"
	NoAnswer     = "no_answer"
	Incomplete   = "incomplete"
	AllRefused   = "refused"
	Full         = "full"
	Quota        = "quota"
	Timeout      = "timeout"
	Busy         = "busy"
	Closing      = "closed"
	Unsupported  = "unsupported"
	Internal     = "internal"
)
