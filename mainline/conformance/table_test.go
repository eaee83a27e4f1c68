package conformance

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
)

// admitted waits until an honest neighbour that asked just now is in the table.
// Who asked before it, and could have been, would be by then.
func admitted(t *testing.T, to node, p *peer) *neighbour {
	t.Helper()
	n := settle(t, random(20), nil)
	n.ask(to, aPing)
	p.eventually("an honest asker is in the table", func() bool {
		return slices.Contains(p.closest(n.id), n.contact())
	})
	return n
}

func TestWhoEntersTheTable(t *testing.T) {
	onlyOurs(t) // others take their time
	other := random(20)
	for _, c := range []struct {
		bep   int
		rule  string
		enter func(t *testing.T, to node) *neighbour
	}{
		{5, "an asker who does not answer is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), silent)
			n.ask(to, query("find_node", "id", me, "target", other))
			return n
		}},
		{43, "a read-only asker is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), nil)
			n.ask(to, d("a", d("id", me), "q", "ping", "ro", 1, "t", "aa", "y", "q"))
			n.ask(to, d("a", d("id", me, "info_hash", other), "q", "get_peers", "ro", 1, "t", "aa", "y", "q"))
			return n
		}},
		{5, "an answer that nobody asked for brings nobody in", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), nil)
			n.tell(to, d("r", d("id", me), "t", "\x00\x00\x00\x00", "y", "r"))
			return n
		}},
		{5, "who is answered to, but with an error, is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				return d("e", l(201, "no"), "t", q.tx, "y", "e")
			})
			n.ask(to, aPing)
			return n
		}},
		{5, "who answers to another transaction is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				return d("r", d("id", n.id), "t", q.tx[1:]+q.tx[:1]+"x", "y", "r")
			})
			n.ask(to, aPing)
			return n
		}},
		{5, "who answers without an id is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				return d("r", d("nodes", ""), "t", q.tx, "y", "r")
			})
			n.ask(to, aPing)
			return n
		}},
		{5, "who answers with an id too long is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				return d("r", d("id", n.id+"x"), "t", q.tx, "y", "r")
			})
			n.ask(to, aPing)
			return n
		}},
		{5, "who answers in another name is not in the table under the first", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				return d("r", d("id", other), "t", q.tx, "y", "r")
			})
			n.ask(to, aPing)
			return n
		}},
		{5, "who answers from another port is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to.addr))
				if err == nil {
					conn.Write([]byte(n.reply(q)))
					conn.Close()
				}
				return ""
			})
			n.ask(to, aPing)
			return n
		}},
		{5, "who answers what is no bencode is not in the table", func(t *testing.T, to node) *neighbour {
			n := settle(t, random(20), func(n *neighbour, q message) raw {
				return "d1:rd2:id20:" + raw(n.id) + "1:t4:" + raw(q.tx) + "1:y1:re"
			})
			n.ask(to, aPing)
			return n
		}},
	} {
		t.Run(fmt.Sprintf("BEP %d: %s", c.bep, c.rule), func(t *testing.T) {
			target := open(t)
			p := dial(t, target)
			n := c.enter(t, target)
			admitted(t, target, p)
			for _, contact := range p.closest(n.id) {
				if contact[:20] == n.id {
					t.Errorf("%x is in the table", n.id)
				}
			}
		})
	}
}

func TestAReadOnlyAskerIsAskedNothing(t *testing.T) {
	onlyOurs(t)
	target := open(t)
	n := settle(t, random(20), nil)
	n.ask(target, d("a", d("id", me), "q", "ping", "ro", 1, "t", "aa", "y", "q"))
	admitted(t, target, dial(t, target))
	if asked := n.questions(); len(asked) > 0 {
		t.Errorf("BEP 43: it is asked %q", asked[0].raw)
	}
}

// Twelve neighbours, each in a bucket of its own, so that all have a place.
func TestTheClosestEightAreTold(t *testing.T) {
	onlyOurs(t)
	target := open(t)
	p := dial(t, target)
	own := p.ask(aPing).id
	var known []string
	for depth := range 12 {
		id := []byte(random(20))
		copy(id, own[:depth/8])
		keep := byte(0xff) << (8 - depth%8) // the bits of this byte that are the node's
		id[depth/8] = own[depth/8]&keep | ^own[depth/8]&(0x80>>(depth%8)) | id[depth/8]&(0x7f>>(depth%8))
		n := settle(t, string(id), nil)
		n.ask(target, aPing)
		p.eventually("a neighbour has its place", func() bool {
			return slices.Contains(p.closest(n.id), n.contact())
		})
		known = append(known, n.contact())
	}
	for _, c := range []struct {
		bep  int
		name string
		ask  func(id string) raw
	}{
		{5, "find_node", func(id string) raw { return query("find_node", "id", me, "target", id) }},
		{5, "get_peers", func(id string) raw { return query("get_peers", "id", me, "info_hash", id) }},
		{44, "get", func(id string) raw { return query("get", "id", me, "target", id) }},
		{51, "sample_infohashes", func(id string) raw { return query("sample_infohashes", "id", me, "target", id) }},
		{5, "an unknown method", func(id string) raw { return query("no_such_method", "id", me, "target", id) }},
	} {
		t.Run(fmt.Sprintf("BEP %d: %s tells the eight closest", c.bep, c.name), func(t *testing.T) {
			for _, id := range []string{own, known[0][:20], known[5][:20], known[11][:20], random(20), random(20), random(20)} {
				want := slices.SortedFunc(slices.Values(known), func(a, b string) int { return nearer(id, a, b) })[:8]
				got := contacts(p.ask(c.ask(id)))
				slices.SortFunc(got, func(a, b string) int { return nearer(id, a, b) })
				if !slices.Equal(got, want) {
					t.Errorf("for %x: %d contacts\n%x, not\n%x", id, len(got), got, want)
				}
			}
		})
	}
}

// nearer compares the distances of two contacts to an id.
func nearer(id, a, b string) int { return strings.Compare(xor(id, a), xor(id, b)) }

func xor(id, contact string) string {
	distance := []byte(id)
	for i := range distance {
		distance[i] ^= contact[i]
	}
	return string(distance)
}
