package conformance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/khashmir/kad/mainline"
)

// bootstrapped opens a node of ours that was named this neighbour.
func bootstrapped(t *testing.T, config mainline.Config, n *neighbour) node {
	t.Helper()
	config.Bootstrap = []string{n.addr.String()}
	return node{ours(t, config).Addr()}
}

// heard waits until the neighbour was asked.
func (n *neighbour) heard(p *peer) {
	p.eventually("the neighbour is asked", func() bool { return len(n.questions()) > 0 })
}

func TestTheNodesOwnQuestions(t *testing.T) {
	onlyOurs(t)
	second := settle(t, random(20), nil)
	first := settle(t, random(20), func(n *neighbour, q message) raw { return n.reply(q, "nodes", second.contact()) })
	target := bootstrapped(t, mainline.Config{}, first)
	p := dial(t, target)
	own := p.ask(aPing).id
	second.heard(p)
	p.eventually("who is told of and answers is told of", func() bool {
		return slices.Contains(p.closest(second.id), second.contact())
	})
	questions := append(first.questions(), second.questions()...)
	methods := make(map[any]bool)
	ids := make(map[string]bool)
	for _, q := range questions {
		methods[q.top["q"]] = true
		ids[q.tx] = true
		if len(q.tx) != 4 || q.id != own || q.top["ro"] != nil || len(q.raw) > maxReply {
			t.Errorf("a question without 4 bytes of t, without its id, read-only, or too long: %q", q.raw)
		}
		if v, _ := q.top["v"].(string); len(v) != 4 {
			t.Errorf("a question without a version: %q", q.raw)
		}
		if q.top["q"] == "find_node" {
			arguments, _ := q.top["a"].(map[string]any)
			if sought, _ := arguments["target"].(string); len(sought) != 20 {
				t.Errorf("find_node without a target: %q", q.raw)
			}
		}
	}
	if !methods["find_node"] {
		t.Error("BEP 5: it never asks find_node")
	}
	if len(ids) < 2 && len(questions) > 1 {
		t.Errorf("one transaction id for %d questions", len(questions))
	}
}

func TestAReadOnlyNode(t *testing.T) {
	onlyOurs(t)
	second := settle(t, random(20), nil)
	var asker *peer
	ready := make(chan struct{})
	first := settle(t, random(20), func(n *neighbour, q message) raw {
		<-ready
		asker.send(asker.fill(aPing))
		return n.reply(q, "nodes", second.contact())
	})
	target := bootstrapped(t, mainline.Config{ReadOnly: true}, first)
	asker = dial(t, target)
	close(ready)
	// What it asks the second neighbour, it asks after it has had the ping.
	deadline := time.Now().Add(4 * patience)
	for len(second.questions()) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("it does not ask who it was told of")
		}
		if m, ok := asker.receiveBy(time.Now().Add(20 * time.Millisecond)); ok {
			t.Fatalf("BEP 43: it answers %q", m.raw)
		}
	}
	if m, ok := asker.receiveBy(time.Now().Add(20 * time.Millisecond)); ok {
		t.Errorf("BEP 43: it answers %q", m.raw)
	}
	for _, q := range append(first.questions(), second.questions()...) {
		if q.top["ro"] != 1 {
			t.Errorf("BEP 43: a question without ro: %q", q.raw)
		}
	}
}

// Whatever a bootstrap node says, the node lives, asks nobody who cannot be, and
// tells others of nobody it has not heard.
func TestAnswersThatMakeNoSense(t *testing.T) {
	onlyOurs(t)
	good := settle(t, random(20), nil)
	nowhere := good.id + "\x7f\x00\x00\x01\x00\x00"
	for _, c := range []struct {
		rule  string
		reply func(n *neighbour, q message) raw
	}{
		{"half a contact", func(n *neighbour, q message) raw { return n.reply(q, "nodes", good.contact()[:25]) }},
		{"a contact and a half", func(n *neighbour, q message) raw { return n.reply(q, "nodes", good.contact()+"half") }},
		{"a contact on port 0", func(n *neighbour, q message) raw { return n.reply(q, "nodes", nowhere) }},
		{"a contact at 0.0.0.0", func(n *neighbour, q message) raw { return n.reply(q, "nodes", good.id+"\x00\x00\x00\x00\x1a\xe1") }},
		{"a contact at 255.255.255.255", func(n *neighbour, q message) raw { return n.reply(q, "nodes", good.id+"\xff\xff\xff\xff\x1a\xe1") }},
		{"a contact at a multicast address", func(n *neighbour, q message) raw { return n.reply(q, "nodes", good.id+"\xe0\x00\x00\x01\x1a\xe1") }},
		{"the neighbour itself, a hundred times", func(n *neighbour, q message) raw { return n.reply(q, "nodes", strings.Repeat(n.contact(), 100)) }},
		{"who asks, as a contact", func(n *neighbour, q message) raw { return n.reply(q, "nodes", q.id+compact(n.addr)) }},
		{"nodes that are a list", func(n *neighbour, q message) raw { return n.reply(q, "nodes", l(good.contact())) }},
		{"nodes that are an integer", func(n *neighbour, q message) raw { return n.reply(q, "nodes", 26) }},
		{"no nodes", func(n *neighbour, q message) raw { return n.reply(q) }},
		{"nodes6 of half a contact", func(n *neighbour, q message) raw { return n.reply(q, "nodes", "", "nodes6", "half") }},
		{"r that is a list", func(n *neighbour, q message) raw { return d("r", l(), "t", q.tx, "y", "r") }},
		{"no r", func(n *neighbour, q message) raw { return d("t", q.tx, "y", "r") }},
		{"an error without a code", func(n *neighbour, q message) raw { return d("e", l(), "t", q.tx, "y", "e") }},
		{"an error that is a string", func(n *neighbour, q message) raw { return d("e", "no", "t", q.tx, "y", "e") }},
		{"an error of a huge code", func(n *neighbour, q message) raw {
			return d("e", l(raw("i99999999999999999999e"), "no"), "t", q.tx, "y", "e")
		}},
		{"its own question", func(n *neighbour, q message) raw { return raw(q.raw) }},
		{"an ip that is a list", func(n *neighbour, q message) raw {
			return d("ip", l(1), "r", d("id", n.id, "nodes", ""), "t", q.tx, "y", "r")
		}},
		{"an ip of five bytes", func(n *neighbour, q message) raw {
			return d("ip", "12345", "r", d("id", n.id, "nodes", ""), "t", q.tx, "y", "r")
		}},
		{"60000 bytes", func(n *neighbour, q message) raw { return n.reply(q, "nodes", strings.Repeat("n", 60000)) }},
		{"30000 lists in each other", func(n *neighbour, q message) raw {
			return n.reply(q, "nodes", "", "x", raw(strings.Repeat("l", 30000)+strings.Repeat("e", 30000)))
		}},
		{"keys unsorted", func(n *neighbour, q message) raw { return d("y", "r", "t", q.tx, "r", d("nodes", "", "id", n.id)) }},
	} {
		t.Run("BEP 5: "+c.rule, func(t *testing.T) {
			n := settle(t, random(20), c.reply)
			target := bootstrapped(t, mainline.Config{}, n)
			p := dial(t, target)
			n.heard(p)
			witness := admitted(t, target, p)
			for _, contact := range p.closest(good.id) {
				if contact != witness.contact() && contact != n.contact() && contact != good.contact() {
					t.Errorf("it tells of %x", contact)
				}
			}
		})
	}
}
