package testnet

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// moment is where a measurement of the process began.
type moment struct {
	wall time.Time
	cpu  time.Duration
}

// usage is what happened since.
type usage struct{ wall, cpu time.Duration }

func now() moment { return moment{time.Now(), cpuTime()} }

func (m moment) since() usage { return usage{time.Since(m.wall), cpuTime() - m.cpu} }

// memory is the process's resident set in MiB; where the system does not tell,
// what Go's runtime has of it, which leaves SQLite's out.
func memory() float64 {
	resident, _ := residence()
	return resident
}

// residence is also how much of it is the process's own: the rest are pages of
// files, its program first of all, that processes share.
func residence() (resident, own float64) {
	const mib = 1 << 20
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(statm)); len(fields) > 2 {
			pages, _ := strconv.Atoi(fields[1])
			shared, _ := strconv.Atoi(fields[2])
			page := float64(os.Getpagesize()) / mib
			return round(float64(pages) * page), round(float64(pages-shared) * page)
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	own = round(float64(stats.Sys-stats.HeapReleased) / mib)
	return own, own
}

// enoughFiles says before the start what would otherwise end it halfway: a
// peer has a socket, and with SQLite a file and its log. One that is a process
// has those to itself, and here a handle and the ends of three pipes.
func enoughFiles(c Config) error {
	const spare = 50 // the process's own, and files open for a moment
	each := 0
	if c.Transport != Mem {
		each++
	}
	if c.Store == SQLite {
		each += 2
	}
	if c.apart() {
		each = 4
	}
	if want, limit := each*c.Peers+spare, openFiles(); want > limit {
		return fmt.Errorf("%d peers need %d open files, the system allows %d here (ulimit -n)", c.Peers, want, limit)
	}
	return nil
}
