package sim

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sessions says how long nodes stay. The zero Sessions is for ever.
type Sessions struct {
	name   string
	median time.Duration
	draw   func(r *splitmix) time.Duration
}

// String is the name of the distribution.
func (s Sessions) String() string {
	if s.draw == nil {
		return "for ever"
	}
	return s.name
}

// Median is half of the sessions' length at the most.
func (s Sessions) Median() time.Duration { return s.median }

// ParseSessions makes Sessions of "exponential" or "weibull" with this median,
// or of "trace:FILE", whose median is its own.
func ParseSessions(name string, median time.Duration) (Sessions, error) {
	kind, file, _ := strings.Cut(name, ":")
	switch {
	case kind == "trace":
		return readSessions(file)
	case median <= 0:
		return Sessions{}, fmt.Errorf("sessions: the median must be positive, got %v", median)
	case kind == "exponential" || kind == "":
		return Exponential(median), nil
	case kind == "weibull":
		return Weibull(median), nil
	}
	return Sessions{}, fmt.Errorf("sessions %q: want exponential, weibull or trace:FILE", name)
}

// Exponential sessions end at random: who has stayed long is no safer.
func Exponential(median time.Duration) Sessions {
	return Sessions{fmt.Sprintf("exponential, median %v", median), median, func(r *splitmix) time.Duration {
		return scaled(median, r.exponential()/math.Ln2)
	}}
}

// Weibull sessions, of shape 0.5, are what file sharers were seen to have
// (Stutzbach and Rejaie, 2006): most leave soon, and who has stayed stays.
func Weibull(median time.Duration) Sessions {
	return Sessions{fmt.Sprintf("weibull 0.5, median %v", median), median, func(r *splitmix) time.Duration {
		e := r.exponential() / math.Ln2
		return scaled(median, e*e)
	}}
}

// scaled rounds to the microsecond, so that a last bit that differs from one
// machine to another is all but sure not to matter.
func scaled(median time.Duration, times float64) time.Duration {
	return time.Duration(math.Round(float64(median.Microseconds())*times)) * time.Microsecond
}

// exponential draws with mean 1.
func (s *splitmix) exponential() float64 { return -math.Log1p(-s.unit()) }

// readSessions reads a length a line, in seconds; a session is one of them.
func readSessions(path string) (Sessions, error) {
	file, err := os.Open(path)
	if err != nil {
		return Sessions{}, fmt.Errorf("sessions: %w", err)
	}
	defer file.Close()
	var lengths []time.Duration
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		seconds, err := strconv.ParseFloat(line, 64)
		if err != nil || !(seconds >= 1e-6 && seconds <= 1e9) { // NaN too
			return Sessions{}, fmt.Errorf("sessions %s: %q is not a length in seconds", path, line)
		}
		lengths = append(lengths, time.Duration(math.Round(seconds*1e6))*time.Microsecond)
	}
	if err := lines.Err(); err != nil {
		return Sessions{}, fmt.Errorf("sessions %s: %w", path, err)
	}
	if len(lengths) == 0 {
		return Sessions{}, fmt.Errorf("sessions %s: there are none", path)
	}
	slices.Sort(lengths)
	return Sessions{"trace:" + path, quantile(lengths, 50), func(r *splitmix) time.Duration {
		return lengths[r.below(len(lengths))]
	}}, nil
}
