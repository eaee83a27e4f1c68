package khashmir_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// BenchmarkManyKeys stores 100,000 distinct keys through one node of five, each
// with a socket and a file, 16 at a time. It reports how fast the first and the
// last five thousand were; flat is last/first.
func BenchmarkManyKeys(b *testing.B) {
	const keys, part, callers = 100_000, 5_000, 16
	for range b.N {
		dir := b.TempDir()
		nodes := make([]*khashmir.Node, 5)
		for i := range nodes {
			nodes[i] = open(b, khashmir.Config{Path: filepath.Join(dir, strconv.Itoa(i)), Listen: "127.0.0.1:0"})
		}
		introduce(b, nodes)
		var next atomic.Int64
		var marks [2][2]time.Time
		var working sync.WaitGroup
		for range callers {
			working.Go(func() {
				for {
					i := next.Add(1) - 1
					switch i {
					case 0:
						marks[0][0] = time.Now()
					case part:
						marks[0][1] = time.Now()
					case keys - part:
						marks[1][0] = time.Now()
					case keys:
						marks[1][1] = time.Now()
					}
					if i >= keys {
						return
					}
					value := binary.BigEndian.AppendUint64(make([]byte, 92, 100), uint64(i))
					if _, err := nodes[0].Store(b.Context(), kad.HashID(value), value); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		working.Wait()
		first := part / marks[0][1].Sub(marks[0][0]).Seconds()
		last := part / marks[1][1].Sub(marks[1][0]).Seconds()
		b.ReportMetric(first, "first/s")
		b.ReportMetric(last, "last/s")
		b.ReportMetric(last/first, "flat")
		os.RemoveAll(dir)
	}
}
