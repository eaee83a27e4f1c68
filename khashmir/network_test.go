package khashmir_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// key is the i-th identity of the tests.
func key(i int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, fmt.Sprintf("identity %d", i))
	return ed25519.NewKeyFromSeed(seed)
}

// open starts a node and sees to it that it is gone in the end, without the
// goodbye that would take its time in a network that goes with it.
func open(t testing.TB, config khashmir.Config) *khashmir.Node {
	t.Helper()
	node, err := khashmir.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Abort() })
	return node
}

// signed is value as the i-th identity would store it under target.
func signed(i int, target kad.ID, value string, ttl time.Duration) krpc.Entry {
	e := kad.Entry{Value: []byte(value), TTL: ttl, Seq: 1}
	e.Sign(target, key(i))
	return krpc.Entry{Value: e.Value, TTL: e.TTL, Seq: e.Seq, Signature: e.Signature}
}

// inMemory is the config of the i-th node of a network in process.
func inMemory(net *transport.Network, i int) khashmir.Config {
	return khashmir.Config{Key: key(i), Transport: net.Transport(), Store: khashmir.NewMemoryStore()}
}

// join makes a network of n nodes, in process, each of which has asked three
// others who they are and then looked for its neighbours.
func join(t testing.TB, net *transport.Network, n int, change func(i int, c *khashmir.Config)) []*khashmir.Node {
	t.Helper()
	nodes := make([]*khashmir.Node, n)
	for i := range nodes {
		config := inMemory(net, i)
		if change != nil {
			change(i, &config)
		}
		nodes[i] = open(t, config)
	}
	introduce(t, nodes)
	return nodes
}

// onWire is join over QUIC on loopback with a SQLite file a node.
func onWire(t testing.TB, n int) []*khashmir.Node {
	t.Helper()
	dir := t.TempDir()
	nodes := make([]*khashmir.Node, n)
	for i := range nodes {
		nodes[i] = open(t, khashmir.Config{
			Key:    key(i),
			Listen: "127.0.0.1:0",
			Path:   filepath.Join(dir, fmt.Sprintf("%d.db", i)),
		})
	}
	introduce(t, nodes)
	return nodes
}

func introduce(t testing.TB, nodes []*khashmir.Node) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, uint64(len(nodes))))
	for i, node := range nodes {
		for range min(3, len(nodes)-1) {
			other := (i + 1 + random.IntN(len(nodes)-1)) % len(nodes)
			if _, err := node.AddContact(t.Context(), nodes[other].Addr().String()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, node := range nodes {
		if len(nodes) > 1 {
			if _, err := node.FindCloseNodes(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// add makes node know other.
func add(t testing.TB, node *khashmir.Node, addr netip.AddrPort) {
	t.Helper()
	if _, err := node.AddContact(t.Context(), addr.String()); err != nil {
		t.Fatal(err)
	}
}

// values collects all of key's at node, sorted.
func values(t testing.TB, node *khashmir.Node, key khashmir.ID) []string {
	t.Helper()
	var all []string
	for value, err := range node.Values(t.Context(), key) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(value))
	}
	slices.Sort(all)
	return all
}

// byDistance is the nodes' IDs, closest to target first.
func byDistance(nodes []*khashmir.Node, target kad.ID) []kad.ID {
	var ids []kad.ID
	for _, node := range nodes {
		ids = append(ids, node.ID())
	}
	slices.SortFunc(ids, target.CompareDistance)
	return ids
}

func idsOf(contacts []kad.Contact) []kad.ID {
	var ids []kad.ID
	for _, c := range contacts {
		ids = append(ids, c.ID)
	}
	return ids
}

// peer is a participant whose every answer a test decides.
func peer(t testing.TB, net *transport.Network, i int, answer func(from kad.Contact, q krpc.Query) krpc.Reply) kad.Contact {
	t.Helper()
	m := net.Transport()
	if err := m.Serve(key(i), answer); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return kad.NewContact(kad.PublicKeyOf(key(i)), m.Addr())
}

// honest answers as a node with nothing in it would.
func honest(i int, q krpc.Query) krpc.Reply {
	if q.Method == krpc.Ping && q.Who {
		return krpc.Reply{Key: kad.PublicKeyOf(key(i))}
	}
	if q.Method == krpc.Ping {
		return krpc.Reply{}
	}
	return krpc.Reply{Token: "anything"}
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
