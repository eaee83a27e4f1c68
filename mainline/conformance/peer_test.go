package conformance

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	// patience bounds the wait for what must come.
	patience = 5 * time.Second

	// maxReply is the longest datagram that a node may send (BEP 32), and
	// maxDatagram the longest that one Ethernet frame carries: a reply with an
	// item of 1000 bytes cannot keep to the former.
	maxReply    = 1024
	maxDatagram = 1472
)

// peer is a socket that asks the node under test; it answers no questions.
type peer struct {
	t     *testing.T
	conn  *net.UDPConn
	node  netip.AddrPort
	id    string // 20 bytes, random
	hash  string // an info-hash of its own, random
	pings int
	asked []message // what the node asked us, in between
}

// message is a datagram of the node's, taken apart.
type message struct {
	raw  string
	top  map[string]any
	y    string
	tx   string
	id   string // of who answers
	r    map[string]any
	code int // of an error
}

func dial(t *testing.T, to node) *peer { return dialFrom(t, to, "") }

// dialFrom asks from another address of this machine, such as 127.0.0.2.
func dialFrom(t *testing.T, to node, from string) *peer {
	t.Helper()
	var local *net.UDPAddr
	if from != "" {
		local = net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	}
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(to.addr))
	if err != nil {
		t.Fatalf("a socket from %q: %v", from, err)
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{t: t, conn: conn, node: to.addr, id: random(20), hash: random(20)}
}

func random(size int) string {
	b := make([]byte, size)
	rand.Read(b)
	return string(b)
}

func (p *peer) addr() netip.AddrPort {
	addr := p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// compact is this socket's address as BEP 5 and 32 write it.
func (p *peer) compact() string { return compact(p.addr()) }

func compact(addr netip.AddrPort) string {
	return string(addr.Addr().AsSlice()) + string([]byte{byte(addr.Port() >> 8), byte(addr.Port())})
}

func (p *peer) send(datagram raw) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(datagram)); err != nil {
		p.t.Fatalf("sending %d bytes: %v", len(datagram), err)
	}
}

// receive waits for the next answer or error; questions are put aside.
func (p *peer) receive() message {
	p.t.Helper()
	m, ok := p.receiveBy(time.Now().Add(patience))
	if !ok {
		p.t.Fatalf("no answer within %v", patience)
	}
	return m
}

func (p *peer) receiveBy(deadline time.Time) (message, bool) {
	p.t.Helper()
	buffer := make([]byte, 1<<16)
	p.conn.SetReadDeadline(deadline)
	for {
		n, err := p.conn.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return message{}, false
		}
		if err != nil {
			p.t.Fatalf("receiving: %v", err)
		}
		m, err := read(string(buffer[:n]))
		if err != nil {
			p.t.Fatalf("the node sent %q: %v", buffer[:n], err)
		}
		if m.y != "q" {
			return m, true
		}
		p.asked = append(p.asked, m)
	}
}

// ask sends a datagram and waits for the answer to it; what it is about is the
// caller's business.
func (p *peer) ask(datagram raw) message {
	p.t.Helper()
	p.send(p.fill(datagram))
	return p.receive()
}

// ping asks with a transaction id of its own and gives it back.
func (p *peer) ping() (tx string) {
	p.t.Helper()
	p.pings++
	tx = fmt.Sprintf("witness%d", p.pings)
	p.send(d("a", d("id", p.id), "q", "ping", "t", tx, "y", "q"))
	return tx
}

// until collects what comes before the answer to the ping with this id.
func (p *peer) until(tx string) (before []message) {
	p.t.Helper()
	for {
		m := p.receive()
		if m.tx == tx {
			return before
		}
		before = append(before, m)
	}
}

// These stand in datagrams for what is known only when they are sent. The ones
// in a string have the length of what takes their place.
const (
	me    = "<the id of who asks>"
	hash  = "<info-hash or target"
	token = raw("<a token for it>")
)

// fill puts the peer's own id, info-hash and a fresh token in their places.
func (p *peer) fill(datagram raw) raw {
	p.t.Helper()
	filled := strings.NewReplacer(me, p.id, hash, p.hash).Replace(string(datagram))
	if strings.Contains(filled, string(token)) {
		filled = strings.ReplaceAll(filled, string(token), string(encode(p.token(p.hash))))
	}
	return raw(filled)
}

// token asks for permission to write under a target.
func (p *peer) token(target string) string {
	p.t.Helper()
	m := p.ask(query("get_peers", "id", p.id, "info_hash", target))
	given, _ := m.r["token"].(string)
	if given == "" {
		p.t.Fatalf("no token in %q", m.raw)
	}
	return given
}

// query is a question with the transaction id aa.
func query(method string, arguments ...any) raw {
	return d("a", d(arguments...), "q", method, "t", "aa", "y", "q")
}

// read takes a datagram of the node's apart; it must be canonical and have all
// that every message has.
func read(datagram string) (message, error) {
	value, err := parse(datagram)
	if err != nil {
		return message{}, err
	}
	top, isDict := value.(map[string]any)
	if !isDict {
		return message{}, errors.New("not a dictionary")
	}
	m := message{raw: datagram, top: top}
	m.y, _ = top["y"].(string)
	m.tx, _ = top["t"].(string)
	switch m.y {
	case "q":
		arguments, _ := top["a"].(map[string]any)
		m.id, _ = arguments["id"].(string)
	case "r":
		m.r, _ = top["r"].(map[string]any)
		m.id, _ = m.r["id"].(string)
	case "e":
		list, _ := top["e"].([]any)
		if len(list) != 2 {
			return m, fmt.Errorf("an error of %d parts", len(list))
		}
		m.code, _ = list[0].(int)
		if _, isText := list[1].(string); !isText || m.code == 0 {
			return m, errors.New("an error without code and text")
		}
		return m, nil
	default:
		return m, fmt.Errorf("y is %q", top["y"])
	}
	if len(m.id) != 20 {
		return m, fmt.Errorf("an id of %d bytes", len(m.id))
	}
	return m, nil
}
