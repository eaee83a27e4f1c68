//go:build unix

package transport_test

import (
	"net"
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

func BenchmarkWarmQuestion(b *testing.B)           { warm(b, newQUIC, 1) }
func BenchmarkWarmQuestion64InFlight(b *testing.B) { warm(b, newQUIC, 64) }

// The same in sealed datagrams.

func BenchmarkSealedQuestion(b *testing.B)           { warm(b, sealing, 1) }
func BenchmarkSealedQuestion64InFlight(b *testing.B) { warm(b, sealing, 64) }

func warm(b *testing.B, dial func() port, inFlight int) {
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
func BenchmarkColdQuestion(b *testing.B) { cold(b, newQUIC, tight) }

// BenchmarkSealedQuestionToAStranger asks a node that was never asked before.
func BenchmarkSealedQuestionToAStranger(b *testing.B) { cold(b, sealing, sealing) }

func cold(b *testing.B, answering, asking func() port) {
	const askers = 256
	answerer := open(b, answering, echo)
	var cpu time.Duration
	b.ReportAllocs()
	for done := 0; done < b.N; done += askers {
		b.StopTimer()
		var ends []end
		for range min(askers, b.N-done) {
			ends = append(ends, open(b, asking, silent))
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

// BenchmarkPacket is the floor: as many bytes there and back, and nothing else.
func BenchmarkPacket(b *testing.B) {
	var ends [2]*net.UDPConn
	for i := range ends {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		ends[i] = conn
	}
	asker, answerer := ends[0], ends[1]
	packet := make([]byte, 200)
	var echoing sync.WaitGroup
	echoing.Go(func() {
		b := make([]byte, 1500)
		for {
			n, from, err := answerer.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = answerer.WriteToUDPAddrPort(b[:n], from)
		}
	})
	to := answerer.LocalAddr().(*net.UDPAddr).AddrPort()
	cpu := cpuTime()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := asker.WriteToUDPAddrPort(packet, to); err != nil {
			b.Fatal(err)
		}
		if _, err := asker.Read(packet); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
	answerer.Close()
	echoing.Wait()
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
