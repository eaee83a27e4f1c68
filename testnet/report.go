package testnet

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Report is what a run showed. Times are milliseconds or seconds, as the names
// say; sizes are MiB. What the system does not tell is 0.
type Report struct {
	Peers     int    `json:"peers"`
	Seed      uint64 `json:"seed"`
	Transport string `json:"transport"`
	Store     string `json:"store"`
	Callers   int    `json:"callers"`
	Entries   int    `json:"entries"` // values under each key
	ValueSize int    `json:"value_size"`
	Dir       string `json:"dir,omitempty"` // where the peers' files are kept

	BootS    float64 `json:"boot_s"` // until every peer had found its neighbours
	BootCPUS float64 `json:"boot_cpu_s"`

	Joined   int `json:"joined"` // peers that found their close nodes
	FindsOK  int `json:"finds_ok"`
	Finds    int `json:"finds"`
	StoresOK int `json:"stores_ok"`
	Stores   int `json:"stores"`
	GetsOK   int `json:"gets_ok"`
	Gets     int `json:"gets"`

	FindP50MS     float64 `json:"find_p50_ms"`
	FindP99MS     float64 `json:"find_p99_ms"`
	StoreP50MS    float64 `json:"store_p50_ms"`
	StoreP99MS    float64 `json:"store_p99_ms"`
	GetFirstP50MS float64 `json:"get_first_p50_ms"` // to the first value
	GetFirstP99MS float64 `json:"get_first_p99_ms"`
	GetP50MS      float64 `json:"get_p50_ms"` // to the end of the search
	GetP99MS      float64 `json:"get_p99_ms"`

	// Messages are questions, those of housekeeping meanwhile among them but
	// for stores. Hops are how deep a lookup went.
	MessagesPerFind  float64 `json:"messages_per_find"`
	MessagesPerStore float64 `json:"messages_per_store"`
	MessagesPerGet   float64 `json:"messages_per_get"`
	HopsPerFind      float64 `json:"hops_per_find"`
	HopsPerStore     float64 `json:"hops_per_store"`
	HopsPerGet       float64 `json:"hops_per_get"`

	Contacts    float64 `json:"contacts"`    // in a peer's table, on average
	Connections int     `json:"connections"` // all peers' ends
	Handshakes  int     `json:"handshakes"`  // all peers' ends, since the start
	Goroutines  int     `json:"goroutines"`
	RSSMiB      float64 `json:"rss_mib"`
	CPUS        float64 `json:"cpu_s"`
	WallS       float64 `json:"wall_s"`

	Kept                       // when they were last looked for
	Foreign   int              `json:"foreign"` // values found where nobody had stored them
	Partition *PartitionReport `json:"partition,omitempty"`
	Kill      *KillReport      `json:"kill,omitempty"`
	Restart   *RestartReport   `json:"restart,omitempty"`

	Faults []string `json:"faults,omitempty"` // the first few, in words
}

// OK reports whether everything was stored and found, and nothing lost.
func (r Report) OK() bool {
	p, k, a := r.Partition, r.Kill, r.Restart
	return r.Joined == r.Peers && r.FindsOK == r.Finds && r.StoresOK == r.Stores && r.GetsOK == r.Gets &&
		r.Lost == 0 && r.Foreign == 0 &&
		(p == nil || p.Healed && p.StoresOK == p.Stores && p.GetsOK == p.Gets && p.Lost == 0) &&
		(k == nil || k.Lost == 0) &&
		(a == nil || a.Rejoined == a.Peers && a.Lost == 0)
}

// faults is what went wrong, in words: the first few of it, and how many more.
type faults struct {
	first []string
	more  int
}

func (f *faults) add(format string, args ...any) {
	const enough = 10
	if len(f.first) < enough {
		f.first = append(f.first, fmt.Sprintf(format, args...))
	} else {
		f.more++
	}
}

func (f *faults) words() []string {
	if f.more == 0 {
		return f.first
	}
	return append(slices.Clip(f.first), fmt.Sprintf("and %d more", f.more))
}

// percentiles are the median and the 99th, by nearest rank, in milliseconds.
func percentiles(times []time.Duration) (p50, p99 float64) {
	if len(times) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(times))
	rank := func(p float64) float64 {
		i := int(math.Ceil(p*float64(len(sorted)))) - 1
		return round(float64(sorted[i]) / float64(time.Millisecond))
	}
	return rank(0.50), rank(0.99)
}

func seconds(d time.Duration) float64 { return round(d.Seconds()) }

func ratio(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return round(float64(n) / float64(of))
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }
