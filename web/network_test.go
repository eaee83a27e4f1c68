package web_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/client"
)

// key is the i-th identity of the tests.
func key(i int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, fmt.Sprintf("identity %d", i))
	return ed25519.NewKeyFromSeed(seed)
}

// open starts a node and sees to it that it is gone in the end.
func open(t testing.TB, config khashmir.Config) *khashmir.Node {
	t.Helper()
	node, err := khashmir.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Abort() })
	return node
}

// join makes a network of n nodes in process, each with a file of its own; the
// first is the one that the tests' gateways are of.
func join(t testing.TB, n int, change func(i int, c *khashmir.Config)) []*khashmir.Node {
	t.Helper()
	weather, folder := transport.NewNetwork(1), t.TempDir()
	nodes := make([]*khashmir.Node, n)
	for i := range nodes {
		config := khashmir.Config{
			Key:       key(i),
			Transport: weather.Transport(),
			Path:      filepath.Join(folder, fmt.Sprintf("%d.db", i)),
		}
		if change != nil {
			change(i, &config)
		}
		nodes[i] = open(t, config)
	}
	introduce(t, nodes)
	return nodes
}

// onWire is join over QUIC on loopback.
func onWire(t testing.TB, n int, change func(i int, c *khashmir.Config)) []*khashmir.Node {
	t.Helper()
	return join(t, n, func(i int, c *khashmir.Config) {
		c.Transport, c.Listen = nil, "127.0.0.1:0"
		if change != nil {
			change(i, c)
		}
	})
}

func introduce(t testing.TB, nodes []*khashmir.Node) {
	t.Helper()
	for i, node := range nodes {
		other := nodes[min(1, len(nodes)-1)]
		if i > 0 {
			other = nodes[0]
		}
		if _, err := node.AddContact(t.Context(), other.Addr().String()); err != nil && len(nodes) > 1 {
			t.Fatal(err)
		}
	}
	for _, node := range nodes {
		if _, err := node.FindCloseNodes(t.Context()); err != nil && len(nodes) > 1 {
			t.Fatal(err)
		}
	}
}

// serve has a gateway answer on loopback, until the end of the test.
func serve(t testing.TB, node *khashmir.Node, config web.Config) (g *web.Gateway, at string) {
	t.Helper()
	g = web.New(node, config)
	t.Cleanup(func() { g.Close() })
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	t.Cleanup(func() { g.Close() }) // before the server, which waits for streams
	return g, server.URL
}

// local is a client of a gateway at a socket file.
func local(t testing.TB, node *khashmir.Node, config web.Config) *client.Client {
	t.Helper()
	config.Local = true
	g := web.New(node, config)
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	c := client.Unix(path)
	t.Cleanup(func() {
		c.Close()
		g.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// until waits for something that happens by itself.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("it never came to it that %s", what)
		}
	}
}

// said is what in JSON.
func said(t testing.TB, what any) string {
	t.Helper()
	text, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
