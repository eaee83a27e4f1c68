// Package work is what every network here is put through, and how it is
// measured: the same for all, so that a difference is the network's.
//
// It is a module of its own, with no requirements, because the programs that
// share it cannot share theirs: each peer runs on the versions it pins itself.
package work

import (
	"context"
	"time"
)

// Work is what is to be done. Times, choices and values follow from Seed.
type Work struct {
	Nodes     int    `json:"nodes"`
	Contacts  int    `json:"contacts"` // random others that each node is given
	Stores    int    `json:"stores"`   // one after another; 0: the network is only booted
	Burst     int    `json:"burst"`    // stores by many callers
	Callers   int    `json:"callers"`  // of the burst
	Readers   int    `json:"readers"`  // who look for each value and do not hold it
	ValueSize int    `json:"value_size"`
	Seed      uint64 `json:"seed"`
}

// Swarm is a network of nodes in this process, numbered from 0. All methods are
// called from many goroutines, each for another node but for Find.
type Swarm interface {
	// Build opens node i, which knows nobody.
	Build(ctx context.Context, i int) error
	// Meet tells node i of another, which answers.
	Meet(ctx context.Context, i, other int) error
	// Settle returns when node i has found its place.
	Settle(ctx context.Context, i int) error

	// Store returns when the network has said that it holds value.
	Store(ctx context.Context, i int, key, value []byte) error
	// Find returns when the search is over, and says whether value was among
	// what was found, and how long after the beginning it came.
	Find(ctx context.Context, i int, key, value []byte) (first time.Duration, found bool, err error)

	// Holds reports whether node i itself has something under key.
	Holds(i int, key []byte) bool
	// Questions is how many all nodes have asked, whatever for.
	Questions() int
	// Connections is how many ends of connections all nodes have.
	Connections() int
	// Close ends all nodes.
	Close() error
}

// Figures are what was measured. Sizes are KiB. What the system does not tell,
// and what was not asked for, is 0.
type Figures struct {
	BootS    float64 `json:"boot_s"` // until every node has settled
	BootCPUS float64 `json:"boot_cpu_s"`

	MemoryKiB   float64 `json:"memory_kib"`  // a node, after boot
	Goroutines  float64 `json:"goroutines"`  // a node, after boot; threads where there are none
	Connections float64 `json:"connections"` // ends a node, after boot

	// One caller.
	StoreP50MS     float64 `json:"store_p50_ms"`
	StoreP99MS     float64 `json:"store_p99_ms"`
	FirstP50MS     float64 `json:"first_p50_ms"` // until the value came
	FirstP99MS     float64 `json:"first_p99_ms"`
	FindP50MS      float64 `json:"find_p50_ms"` // until the search was over
	FindP99MS      float64 `json:"find_p99_ms"`
	StoreQuestions float64 `json:"store_questions"` // of all nodes, a store
	FindQuestions  float64 `json:"find_questions"`
	StoreCPUMS     float64 `json:"store_cpu_ms"` // of all nodes, a store
	FindCPUMS      float64 `json:"find_cpu_ms"`

	// Many callers.
	StoresPerS float64 `json:"stores_per_s"`
	FindsPerS  float64 `json:"finds_per_s"`

	Stored   int    `json:"stored"` // of all that were tried
	Tried    int    `json:"tried"`
	Found    int    `json:"found"`
	Searched int    `json:"searched"`
	Failure  string `json:"failure,omitempty"` // the first, in words
}
