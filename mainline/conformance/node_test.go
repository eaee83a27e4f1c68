// Package conformance asks a mainline DHT node, over its socket and in bare
// datagrams, whether it keeps the rules: BEP 5, 32, 33, 42, 43, 44 and 51.
//
// It knows nothing of the node but its address: the datagrams are written and
// read by hand here, so that a fault of our codec cannot hide itself. The node
// is ours, on loopback, unless another is named:
//
//	go test ./mainline/conformance -node 127.0.0.1:6881
//
// Each case is named after its rule. It is a package of its own, and all of it
// test files, so that it can see nothing of the node's inside, and nothing of it
// reaches an embedder.
package conformance

import (
	"flag"
	"net/netip"
	"testing"

	"github.com/khashmir/kad/mainline"
)

var foreign = flag.String("node", "", "address of another node to try, instead of ours")

// node is the one under test.
type node struct{ addr netip.AddrPort }

// open gives the node under test: a new one of ours, or the foreign one.
func open(t *testing.T) node {
	t.Helper()
	if *foreign != "" {
		return node{netip.MustParseAddrPort(*foreign)}
	}
	return node{ours(t, mainline.Config{}).Addr()}
}

// ours opens a node of ours on loopback.
func ours(t *testing.T, config mainline.Config) *mainline.Node {
	t.Helper()
	if !config.Listen.IsValid() {
		config.Listen = netip.MustParseAddrPort("127.0.0.1:0")
	}
	config.Loopback = true
	opened, err := mainline.Open(config)
	if err != nil {
		t.Fatalf("opening a node: %v", err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	return opened
}

// onlyOurs leaves out what can only be asked of a node we open ourselves.
func onlyOurs(t *testing.T) {
	t.Helper()
	if *foreign != "" {
		t.Skip("a foreign node cannot be opened anew")
	}
}
