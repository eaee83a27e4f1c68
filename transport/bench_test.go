package transport_test

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// Both ends run in this process, so that cpu-us/op is what both spend.

func BenchmarkWarmQuestion(b *testing.B)           { warm(b, 1) }
func BenchmarkWarmQuestion64InFlight(b *testing.B) { warm(b, 64) }

func warm(b *testing.B, inFlight int) {
	dial := makers["quic"]()
	asker, answerer := open(b, dial, silent), open(b, dial, echo)
	ask(b, asker, answerer.Contact, question("hello"))
	cpu := cpuTime()
	b.ReportAllocs()
	b.ResetTimer()
	askMany(b, asker, inFlight, func(int) kad.Contact { return answerer.Contact })
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
}

// BenchmarkResumedQuestion asks on a new connection, with a session remembered.
func BenchmarkResumedQuestion(b *testing.B) {
	answerers := []end{open(b, newQUIC, echo), open(b, newQUIC, echo)}
	asker := open(b, tight, silent)
	for i := range 4 {
		ask(b, asker, answerers[i%2].Contact, question("hello"))
	}
	cpu := cpuTime()
	b.ReportAllocs()
	b.ResetTimer()
	askMany(b, asker, 1, func(i int) kad.Contact { return answerers[i%2].Contact })
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(asker.Stats().Resumed)/float64(asker.Stats().Handshakes), "resumed/handshake")
}

// BenchmarkColdQuestion asks a node with which there never was a connection.
func BenchmarkColdQuestion(b *testing.B) {
	const askers = 256
	answerer := open(b, newQUIC, echo)
	var cpu time.Duration
	b.ReportAllocs()
	for done := 0; done < b.N; done += askers {
		b.StopTimer()
		var ends []end
		for range min(askers, b.N-done) {
			ends = append(ends, open(b, tight, silent))
		}
		before := cpuTime()
		b.StartTimer()
		for _, asker := range ends {
			ask(b, asker, answerer.Contact, question("hello"))
		}
		b.StopTimer()
		cpu += cpuTime() - before
		for _, asker := range ends {
			asker.Close()
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-us/op")
}

// askMany puts b.N questions, so many at a time.
func askMany(b *testing.B, asker end, inFlight int, to func(i int) kad.Contact) {
	room := make(chan struct{}, inFlight)
	var all sync.WaitGroup
	for i := range b.N {
		room <- struct{}{}
		all.Add(1)
		asker.Ask(to(i), question("hello"), func(_ krpc.Reply, err error) {
			if err != nil {
				b.Error(err)
			}
			all.Done()
			<-room
		})
	}
	all.Wait()
}

// BenchmarkIdleConnection measures what a connection costs while unused, both
// ends together.
func BenchmarkIdleConnection(b *testing.B) {
	const peers = 64
	for range b.N {
		var ends []end
		wide := func() port {
			return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: loopback, MaxConnections: peers})
		}
		hub := open(b, wide, echo)
		for range peers {
			ends = append(ends, open(b, wide, echo))
		}
		memory, goroutines := footprint()
		for _, e := range ends {
			ask(b, hub, e.Contact, question("hello"))
		}
		after, more := footprint()
		b.ReportMetric(float64(after-memory)/peers, "B/connection")
		b.ReportMetric(float64(more-goroutines)/peers, "goroutines/connection")
		for _, e := range append(ends, hub) {
			e.Close()
		}
	}
}

func footprint() (bytes uint64, goroutines int) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse, runtime.NumGoroutine()
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
