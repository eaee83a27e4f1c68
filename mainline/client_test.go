package mainline_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/mainline"
)

var (
	loopback4 = netip.MustParseAddrPort("127.0.0.1:0")
	loopback6 = netip.MustParseAddrPort("[::1]:0")
)

// open is a node on loopback, for as long as the test lasts.
func open(t testing.TB, configure ...func(*mainline.Config)) *mainline.Node {
	t.Helper()
	config := mainline.Config{Listen: loopback4, Loopback: true}
	for _, f := range configure {
		f(&config)
	}
	n, err := mainline.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// client is a stranger's socket, and an ID. It answers nothing by itself.
type client struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
	id   string

	answers func(m dict) dict // what serve answers with
	once    bool
}

func dial(t testing.TB, n *mainline.Node, ip ...string) *client {
	t.Helper()
	return dialAddr(t, n.Addr(), ip...)
}

func dialAddr(t testing.TB, to netip.AddrPort, ip ...string) *client {
	t.Helper()
	from := to.Addr()
	if len(ip) > 0 {
		from = netip.MustParseAddr(ip[0])
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, conn: conn, to: to}
	id := kad.HashID([]byte(conn.LocalAddr().String()))
	c.id = string(id[:])
	return c
}

func (c *client) addr() netip.AddrPort {
	a := c.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (c *client) send(packet string) {
	c.t.Helper()
	if _, err := c.conn.WriteToUDPAddrPort([]byte(packet), c.to); err != nil {
		c.t.Fatal(err)
	}
}

// dict is a bencoded dictionary.
type dict = map[string]any

// receive waits for a packet, which has to be canonical bencode.
func (c *client) receive() (dict, int) {
	c.t.Helper()
	b := make([]byte, 8192)
	_ = c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := c.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := krpc.Check(b[:n]); err != nil {
		c.t.Fatalf("%v in %q", err, b[:n])
	}
	m := dict{}
	if err := bencode.DecodeBytes(b[:n], &m); err != nil {
		c.t.Fatal(err)
	}
	return m, n
}

// ask sends a query and waits for its answer; questions of the node's own are
// passed over.
func (c *client) ask(method string, args dict, more ...dict) dict {
	c.t.Helper()
	all := dict{"id": c.id}
	for k, v := range args {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return c.askRaw(method, all, more...)
}

func (c *client) askRaw(method string, args any, more ...dict) dict {
	c.t.Helper()
	m := dict{"t": "tttt", "y": "q", "q": method, "a": args, "v": "TS01"}
	for _, extra := range more {
		for k, v := range extra {
			m[k] = v
		}
	}
	b, err := bencode.EncodeBytes(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(string(b))
	return c.answer(m["t"].(string))
}

// answer waits for the answer with transaction id tx.
func (c *client) answer(tx string) dict {
	c.t.Helper()
	for {
		m, size := c.receive()
		if m["y"] == "q" {
			continue
		}
		if m["t"] != tx {
			c.t.Fatalf("answered %q", m)
		}
		if r, _ := m["r"].(dict); size > 1024 && len(str(r["v"])) < 900 {
			c.t.Errorf("an answer of %d bytes", size)
		}
		return m
	}
}

// values is what a reply says.
func (c *client) values(method string, args dict, more ...dict) dict {
	c.t.Helper()
	m := c.ask(method, args, more...)
	r, ok := m["r"].(dict)
	if !ok {
		c.t.Fatalf("%s: answered %q", method, m)
	}
	return r
}

// refused is the code of an error.
func (c *client) refused(method string, args dict, more ...dict) int64 {
	c.t.Helper()
	return code(c.ask(method, args, more...))
}

// code is 0 for what is no error.
func code(m dict) int64 {
	e, _ := m["e"].([]any)
	if m["y"] != "e" || len(e) != 2 {
		return 0
	}
	n, _ := e[0].(int64)
	return n
}

func str(v any) string { s, _ := v.(string); return s }

func strs(v any) (all []string) {
	list, _ := v.([]any)
	for _, s := range list {
		all = append(all, str(s))
	}
	return all
}

func raw(id kad.ID) string { return string(id[:]) }

// silence reports what came although nothing should have: everything before the
// answer to a ping.
func (c *client) silence() (came []dict) {
	c.t.Helper()
	c.send("d1:ad2:id20:" + c.id + "e1:q4:ping1:t5:fence1:y1:qe")
	for {
		m, _ := c.receive()
		switch {
		case m["t"] == "fence":
			return came
		case m["y"] != "q":
			came = append(came, m)
		}
	}
}

// serve answers queries, as a node would that knows nobody.
func (c *client) serve() *client {
	if c.answers == nil {
		c.answers = func(dict) dict { return dict{"id": c.id, "nodes": ""} }
	}
	done := make(chan struct{})
	c.t.Cleanup(func() { c.conn.Close(); <-done })
	go func() {
		defer close(done)
		b := make([]byte, 8192)
		for {
			_ = c.conn.SetReadDeadline(time.Time{})
			n, from, err := c.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			m := dict{}
			if bencode.DecodeBytes(b[:n], &m) != nil || m["y"] != "q" {
				continue
			}
			values := c.answers(m)
			if values == nil {
				continue
			}
			reply, _ := bencode.EncodeBytes(dict{"t": m["t"], "y": "r", "r": values})
			_, _ = c.conn.WriteToUDPAddrPort(reply, from)
			if c.once {
				return
			}
		}
	}()
	return c
}

// serveWith answers every query with what values says.
func (c *client) serveWith(values func(m dict) dict) *client {
	c.answers = values
	return c.serve()
}

// serveOnce answers one query and is silent then.
func (c *client) serveOnce() *client {
	c.once = true
	return c.serve()
}

// clock is the time of a test.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
}

type timer struct {
	at  time.Time
	run func()
	off bool
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at: c.now.Add(d), run: f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		stopped := !t.off
		t.off = true
		return stopped
	}
}

// pass lets time go by, and runs what was due meanwhile.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		var next *timer
		for _, t := range c.timers {
			if !t.off && !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			break
		}
		next.off = true
		c.now = next.at
		c.mu.Unlock()
		next.run()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}

func withClock(c *clock) func(*mainline.Config) {
	return func(config *mainline.Config) { config.Clock = c }
}
