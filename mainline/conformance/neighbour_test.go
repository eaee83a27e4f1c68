package conformance

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// neighbour is a node that answers what the node under test asks.
type neighbour struct {
	t       *testing.T
	id      string
	conn    *net.UDPConn
	addr    netip.AddrPort
	answers chan message
	done    chan struct{}

	lock   sync.Mutex
	asked  []message
	answer func(n *neighbour, q message) raw // "" is silence
}

// settle starts a neighbour that answers as answer says; nil is as one should.
func settle(t *testing.T, id string, answer func(n *neighbour, q message) raw) *neighbour {
	t.Helper()
	return settleAt(t, "127.0.0.1:0", id, answer)
}

func settleAt(t *testing.T, at, id string, answer func(n *neighbour, q message) raw) *neighbour {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatalf("a neighbour: %v", err)
	}
	if answer == nil {
		answer = honest
	}
	n := &neighbour{
		t: t, id: id, conn: conn, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(),
		answers: make(chan message, 100), done: make(chan struct{}), answer: answer,
	}
	go n.serve()
	t.Cleanup(func() {
		conn.Close()
		<-n.done
	})
	return n
}

func (n *neighbour) serve() {
	defer close(n.done)
	buffer := make([]byte, 1<<16)
	for {
		size, from, err := n.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		m, err := read(string(buffer[:size]))
		if err != nil {
			n.t.Errorf("the node sent %q: %v", buffer[:size], err)
			continue
		}
		if m.y != "q" {
			n.answers <- m
			continue
		}
		n.lock.Lock()
		n.asked = append(n.asked, m)
		n.lock.Unlock()
		if reply := n.answer(n, m); reply != "" {
			n.conn.WriteToUDPAddrPort([]byte(reply), from)
		}
	}
}

// honest answers as a node does that knows nobody.
func honest(n *neighbour, q message) raw { return n.reply(q, "nodes", "") }

func (n *neighbour) reply(q message, values ...any) raw {
	return d("r", d(append([]any{"id", n.id}, values...)...), "t", q.tx, "y", "r")
}

func silent(*neighbour, message) raw { return "" }

// tell sends the node a datagram, with the neighbour's id for me.
func (n *neighbour) tell(to node, datagram raw) {
	n.t.Helper()
	filled := strings.ReplaceAll(string(datagram), me, n.id)
	if _, err := n.conn.WriteToUDPAddrPort([]byte(filled), to.addr); err != nil {
		n.t.Fatalf("sending: %v", err)
	}
}

// ask tells, and waits for the answer.
func (n *neighbour) ask(to node, datagram raw) message {
	n.t.Helper()
	n.tell(to, datagram)
	select {
	case m := <-n.answers:
		return m
	case <-time.After(patience):
		n.t.Fatalf("no answer to a neighbour within %v", patience)
	}
	return message{}
}

// questions are what the node has asked so far.
func (n *neighbour) questions() []message {
	n.lock.Lock()
	defer n.lock.Unlock()
	return append([]message(nil), n.asked...)
}

// contact is the neighbour as BEP 5 writes it.
func (n *neighbour) contact() string { return n.id + compact(n.addr) }

// closest asks for the contacts closest to an id.
func (p *peer) closest(id string) []string {
	p.t.Helper()
	return contacts(p.ask(query("find_node", "id", me, "target", id)))
}

func contacts(m message) (found []string) {
	list, _ := m.r["nodes"].(string)
	for ; len(list) >= 26; list = list[26:] {
		found = append(found, list[:26])
	}
	return found
}

// eventually asks again and again whether something holds, as long as patience is
// good for; between two questions it hears what the node asks of it.
func (p *peer) eventually(what string, holds func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(4 * patience)
	for !holds() {
		if time.Now().After(deadline) {
			p.t.Fatalf("not within %v: %s", 4*patience, what)
		}
		p.receiveBy(time.Now().Add(20 * time.Millisecond))
	}
}
