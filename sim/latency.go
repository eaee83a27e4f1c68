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

// Latency says how far apart two nodes are. The zero Latency is WideArea.
type Latency struct {
	name  string
	rtt   func(seed uint64, a, b int) time.Duration
	Noise float64 // each way takes up to this part longer
}

// String is the name that ParseLatency takes.
func (l Latency) String() string { return l.name }

// ParseLatency makes a Latency of "wide-area", "data-centre", "constant:RTT"
// ("constant:20ms") or "matrix:FILE".
func ParseLatency(name string) (Latency, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "wide-area", "":
		return WideArea(), nil
	case "data-centre":
		return DataCentre(), nil
	case "constant":
		rtt, err := time.ParseDuration(rest)
		if err != nil || rtt < 0 {
			return Latency{}, fmt.Errorf("latency %q: want constant:RTT, such as constant:20ms", name)
		}
		return Constant(rtt), nil
	case "matrix":
		return readMatrix(rest)
	}
	return Latency{}, fmt.Errorf("latency %q: want wide-area, data-centre, constant:RTT or matrix:FILE", name)
}

// Constant is the same round trip between all nodes.
func Constant(rtt time.Duration) Latency {
	return Latency{
		name: "constant:" + rtt.String(),
		rtt:  func(uint64, int, int) time.Duration { return rtt },
	}
}

// DataCentre is 100 µs within a rack of 32, and 300 µs between racks.
func DataCentre() Latency {
	const rack = 32
	return Latency{name: "data-centre", Noise: 0.5, rtt: func(_ uint64, a, b int) time.Duration {
		if a/rack == b/rack {
			return 100 * time.Microsecond
		}
		return 300 * time.Microsecond
	}}
}

// medianRTT is that of the King data set, which measured between 1,740 name
// servers (Gummadi et al., 2002), as Li et al. (2005) used it.
const medianRTT = 156 * time.Millisecond

// WideArea is like the internet as King saw it: nodes in five parts of the
// world, each some way from its nearest exchange, with a median round trip of
// 156 ms. The places are drawn, not measured.
func WideArea() Latency {
	return Latency{name: "wide-area", Noise: 0.1, rtt: wideArea}
}

// regions are where the nodes are: west and east of North America, Europe, East
// Asia and the rest; the shares are in hundredths. Distances are in wideUnits.
var regions = []struct{ x, y, share int64 }{{0, 0, 15}, {62, 8, 30}, {140, 20, 32}, {-120, 38, 15}, {80, 160, 8}}

// wideUnit makes the median of all pairs medianRTT; a test holds it to that.
const wideUnit = 1_433 * time.Microsecond

func wideArea(seed uint64, a, b int) time.Duration {
	if a == b {
		return 0
	}
	p, q := placeOf(seed, a), placeOf(seed, b)
	dx, dy := p.x-q.x, p.y-q.y
	units := isqrt(dx*dx+dy*dy) + p.access + q.access // in 1/256
	return time.Duration(units) * wideUnit / 256
}

type place struct{ x, y, access int64 } // in 1/256 of a unit

// placeOf is where the i-th node is. Integers alone: the same on any machine.
func placeOf(seed uint64, i int) place {
	r := splitmix{mix(seed) ^ uint64(i)*0xd1342543de82ef95}
	share := int64(r.Uint64() % 100)
	region := regions[0]
	for _, region = range regions {
		if share -= region.share; share < 0 {
			break
		}
	}
	spread := func() int64 { // about normal, 12 units wide
		sum := int64(0)
		for range 4 {
			sum += int64(r.Uint64() % (20 * 256))
		}
		return sum - 2*20*256
	}
	// Most are close to an exchange and some far: an exponential of 9 units, by halves.
	access := int64(0)
	for half := int64(6 * 256); ; half = 6 * 256 {
		word := r.Uint64()
		access += int64(word>>1) % half
		if word&1 == 0 {
			break
		}
	}
	return place{region.x*256 + spread(), region.y*256 + spread(), access}
}

func isqrt(n int64) int64 {
	root := int64(math.Sqrt(float64(n)))
	for root*root > n {
		root--
	}
	for (root+1)*(root+1) <= n {
		root++
	}
	return root
}

// readMatrix reads round trips in milliseconds, a line a node, as many columns
// as lines. Each simulated node is at one of the places, by chance.
func readMatrix(path string) (Latency, error) {
	file, err := os.Open(path)
	if err != nil {
		return Latency{}, fmt.Errorf("latency matrix: %w", err)
	}
	defer file.Close()
	var rows [][]int32 // µs
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		fields := strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' })
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		row := make([]int32, len(fields))
		for i, field := range fields {
			ms, err := strconv.ParseFloat(field, 64)
			if err != nil || !(ms >= 0 && ms <= 1e6) { // NaN too
				return Latency{}, fmt.Errorf("latency matrix %s, row %d: %q is not a round trip in milliseconds", path, len(rows)+1, field)
			}
			row[i] = int32(math.Round(ms * 1000))
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		return Latency{}, fmt.Errorf("latency matrix %s: %w", path, err)
	}
	if len(rows) < 2 || slices.ContainsFunc(rows, func(row []int32) bool { return len(row) != len(rows) }) {
		return Latency{}, fmt.Errorf("latency matrix %s: want a square of at least 2 by 2, got %d rows", path, len(rows))
	}
	return Latency{name: "matrix:" + path, rtt: func(seed uint64, a, b int) time.Duration {
		at := func(i int) int { return int(mix(mix(seed)^uint64(i)) % uint64(len(rows))) }
		return time.Duration(rows[at(a)][at(b)]) * time.Microsecond
	}}, nil
}
