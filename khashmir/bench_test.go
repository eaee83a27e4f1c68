package khashmir_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
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

// BenchmarkFlood asks one node who it is, alone and while a stranger
// keeps 1,024 questions in flight to the same node, turn about. The stranger's
// own work is in the figures: it has the same two cores.
func BenchmarkFlood(b *testing.B) {
	nodes := make([]*khashmir.Node, 2)
	for i := range nodes {
		nodes[i] = open(b, khashmir.Config{Path: filepath.Join(b.TempDir(), "node.db"), Listen: "127.0.0.1:0"})
	}
	introduce(b, nodes)
	key := kad.HashID([]byte("key"))
	_, secret, _ := ed25519.GenerateKey(nil)
	stranger := transport.NewQUIC(transport.QUICConfig{Listen: netip.MustParseAddrPort("127.0.0.1:0")})
	if err := stranger.Serve(secret, func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{} }); err != nil {
		b.Fatal(err)
	}
	defer stranger.Close()

	var flooding atomic.Bool
	var asked atomic.Int64
	var again func()
	again = func() {
		if flooding.Load() {
			asked.Add(1)
			stranger.Ask(nodes[0].Contact().WithAddr(nodes[0].Addr()), krpc.Query{Method: krpc.FindNode, Target: key}, func(krpc.Reply, error) { again() })
		}
	}
	var took [2][]time.Duration
	var flooded time.Duration
	var heap [2]uint64
	for i := range 2 * b.N {
		flood := i % 2
		if flooding.Store(flood == 1); flood == 1 {
			for range 1024 {
				again()
			}
		}
		begun := time.Now()
		for time.Since(begun) < time.Second {
			asked := time.Now()
			if _, err := nodes[1].AddContact(b.Context(), nodes[0].Addr().String()); err != nil {
				b.Fatal(err)
			}
			took[flood] = append(took[flood], time.Since(asked))
		}
		if flood == 1 {
			flooded += time.Since(begun)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		heap[flood] = m.HeapAlloc
		flooding.Store(false)
	}
	for i, name := range []string{"alone", "flooded"} {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(took[i][len(took[i])*99/100].Microseconds()), name+"-p99-µs")
		b.ReportMetric(float64(heap[i])/1024, name+"-KiB")
	}
	b.ReportMetric(float64(asked.Load())/flooded.Seconds(), "questions/s")
}
