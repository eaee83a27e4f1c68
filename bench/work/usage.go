package work

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The main module's testnet measures itself with the same few lines. Neither can
// take the other's: that module requires nothing of bench/, and this one nothing.

// Moment is where a measurement of this process began.
type Moment struct {
	wall time.Time
	cpu  time.Duration
}

// Usage is what happened since.
type Usage struct{ Wall, CPU time.Duration }

func Now() Moment { return Moment{time.Now(), CPU()} }

func (m Moment) Since() Usage { return Usage{time.Since(m.wall), CPU() - m.cpu} }

// Memory is this process's resident set in bytes; where the system does not
// tell, what Go's runtime has of it.
func Memory() int {
	if pages, ok := Resident(os.Getpid()); ok {
		return pages
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.Sys - stats.HeapReleased)
}

// Resident is the resident set of a process in bytes, where the system tells.
func Resident(pid int) (bytes int, ok bool) {
	statm, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	fields := strings.Fields(string(statm))
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.Atoi(fields[1])
	return pages * os.Getpagesize(), err == nil
}

// percentiles are the median and the 99th, by nearest rank, in milliseconds.
func percentiles(times []time.Duration) (p50, p99 float64) {
	if len(times) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(times))
	rank := func(percent int) float64 {
		return sorted[(percent*len(sorted)+99)/100-1].Seconds() * 1000
	}
	return rank(50), rank(99)
}

// parallel calls f for 0 to total-1, some at once.
func parallel(atOnce, total int, f func(i int)) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(atOnce, total) {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < total; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	running.Wait()
}
