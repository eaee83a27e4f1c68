package store_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// What it costs to be full. Two stores hold the same, most of it on loan; one is
// full, and a newcomer's put takes something back there. The same puts go to
// both in turns, so that what else the machine does falls on both.
//
// full/room is the full one's part of the other's speed, p99 and max are of one
// put, written and read are pages a put. Run it with -benchtime 20000x: less than that sees no checkpoint.
func BenchmarkPutThatEvicts(b *testing.B) {
	for _, size := range []int{100, 1024} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%d bytes, %d callers", size, callers), func(b *testing.B) {
				besideOneWithRoom(b, size, callers)
			})
		}
	}
}

const (
	fullOf    = 20_000 // entries
	newcomers = 1000   // publishers
	aTurn     = 1000   // puts to one of the two
)

func besideOneWithRoom(b *testing.B, size, callers int) {
	var full, room contender
	full.open(b, fullOf)
	room.open(b, 1<<40)
	next := 0
	for done := 0; done < b.N; done += aTurn {
		if done%(fullOf*3/4) == 0 { // the loans are nearly used up
			for _, c := range []*contender{&full, &room} {
				c.lend(b, next, size)
			}
			next += fullOf
		}
		order := []*contender{&full, &room}
		if done/aTurn%2 == 1 {
			slices.Reverse(order)
		}
		for _, c := range order {
			c.turn(b, next, size, callers)
			c.rest(b)
		}
		next += aTurn
	}
	b.ReportMetric(float64(room.took)/float64(full.took), "full/room")
	for unit, c := range map[string]*contender{"full": &full, "room": &room} {
		slices.Sort(c.each)
		n := len(c.each)
		b.ReportMetric(float64(c.took.Nanoseconds())/1e3/float64(n), unit+"-µs")
		b.ReportMetric(float64(c.written)/float64(n), unit+"-written")
		b.ReportMetric(float64(c.read)/float64(n), unit+"-read")
		b.ReportMetric(float64(c.each[n*99/100].Nanoseconds())/1e3, unit+"-p99-µs")
		b.ReportMetric(float64(c.each[n-1].Nanoseconds())/1e3, unit+"-max-µs")
	}
}

// contender is one of the two, and how long its puts took, together and each.
type contender struct {
	*store.SQLite
	took          time.Duration
	read, written int
	each          []time.Duration
}

func (c *contender) open(b *testing.B, entries int) {
	s, err := store.Open(filepath.Join(b.TempDir(), "node.db"), store.Config{Limits: store.Limits{
		MaxEntries: entries, QuotaEntries: fullOf / 64, MaxPublisherEntries: fullOf,
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if err := s.SetIdentity(nodeKey(1)); err != nil {
		b.Fatal(err)
	}
	c.SQLite = s
}

// lend empties the store and gives all of it to two publishers.
func (c *contender) lend(b *testing.B, first, size int) {
	for n := kad.ExpireSlice; n == kad.ExpireSlice; {
		var err error
		if n, err = c.Expire(start.Add(2*time.Hour), kad.ExpireSlice); err != nil {
			b.Fatal(err)
		}
	}
	c.put(b, first, fullOf, 64, func(i int) numberedPut { return sized(first+i, size, i%2) })
	c.rest(b)
}

// rest lets go of the cache. All of a process's databases share one room for
// theirs: what one leaves there the other cannot have.
func (c *contender) rest(b *testing.B) {
	if _, err := c.Expire(start, 1); err != nil {
		b.Fatal(err)
	}
}

func (c *contender) turn(b *testing.B, first, size, callers int) {
	written, read := c.Pages()
	begin := time.Now()
	took := c.put(b, first, aTurn, callers, func(i int) numberedPut { return sized(first+i, size, 2+(first+i)%newcomers) })
	c.took += time.Since(begin)
	c.each = append(c.each, took...)
	nowWritten, nowRead := c.Pages()
	c.written += nowWritten - written
	c.read += nowRead - read
}

func (c *contender) put(b *testing.B, first, n, callers int, nth func(i int) numberedPut) []time.Duration {
	took := make([]time.Duration, n)
	var next atomic.Int64
	var putters sync.WaitGroup
	for range callers {
		putters.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				begin := time.Now()
				mustPut(b, c, nth(i))
				took[i] = time.Since(begin)
			}
		})
	}
	putters.Wait()
	return took
}

// sized is the i-th entry, of so many bytes and of that publisher.
func sized(i, size, publisher int) numberedPut {
	value := make([]byte, size)
	binary.BigEndian.PutUint64(value, uint64(i))
	p := numberedPut{kad.HashID(value), kad.Entry{Value: value, Created: start, TTL: time.Hour}}
	binary.BigEndian.PutUint64(p.Publisher[:], uint64(publisher))
	return p
}
