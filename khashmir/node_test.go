package khashmir_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// overEveryTransport runs one scenario on a network in process and on one of
// real sockets and files.
func overEveryTransport(t *testing.T, n int, scenario func(t *testing.T, nodes []*khashmir.Node)) {
	t.Run("memory", func(t *testing.T) { scenario(t, join(t, transport.NewNetwork(1), n, nil)) })
	t.Run("quic and sqlite", func(t *testing.T) { scenario(t, onWire(t, n)) })
}

func TestEveryNodeFindsEveryOther(t *testing.T) {
	overEveryTransport(t, 30, func(t *testing.T, nodes []*khashmir.Node) {
		for i, node := range nodes {
			for step := 1; step < len(nodes); step += 7 {
				wanted := nodes[(i+step)%len(nodes)]
				found, err := node.FindNode(t.Context(), wanted.ID())
				if err != nil || len(found) == 0 || found[0].ID != wanted.ID() || found[0].Addr() != wanted.Addr() {
					t.Fatalf("%v looked for %v and found %v, %v", node.Contact(), wanted.Contact(), found, err)
				}
			}
		}
	})
}

func TestAValueStoredAnywhereIsFoundEverywhere(t *testing.T) {
	overEveryTransport(t, 30, func(t *testing.T, nodes []*khashmir.Node) {
		for i := range 10 {
			key, value := kad.HashID(fmt.Append(nil, i)), fmt.Sprintf("value %d", i)
			result, err := nodes[i].Store(t.Context(), key, []byte(value))
			if err != nil || len(result.Stored) != kad.Replicas || len(result.Refused) != 0 {
				t.Fatalf("stored at %v, refused by %v, %v", result.Stored, result.Refused, err)
			}
			for _, reader := range nodes[10:] {
				if got := values(t, reader, key); !slices.Equal(got, []string{value}) {
					t.Fatalf("%v found %q", reader.Contact(), got)
				}
			}
		}
	})
}

func TestAKeyHoldsTheValuesOfManyWritersAtOnce(t *testing.T) {
	overEveryTransport(t, 20, func(t *testing.T, nodes []*khashmir.Node) {
		key := kad.HashID([]byte("guest book"))
		var want []string
		var writers sync.WaitGroup
		for i, node := range nodes {
			entry := fmt.Sprintf("entry of %02d", i)
			want = append(want, entry)
			writers.Go(func() {
				if _, err := node.Store(t.Context(), key, []byte(entry)); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		if got := values(t, nodes[7], key); !slices.Equal(got, want) {
			t.Fatalf("found %q", got)
		}
	})
}

func TestValuesOfEverySizeComeBackExactly(t *testing.T) {
	overEveryTransport(t, 5, func(t *testing.T, nodes []*khashmir.Node) {
		random := rand.NewChaCha8([32]byte{})
		for _, size := range []int{0, 1, 1200, 1201, kad.PageSize - 1, kad.MaxValueSize} {
			key, value := kad.HashID(fmt.Append(nil, size)), make([]byte, size)
			random.Read(value)
			if _, err := nodes[0].Store(t.Context(), key, value); err != nil {
				t.Fatal(err)
			}
			if got := values(t, nodes[1], key); len(got) != 1 || !bytes.Equal([]byte(got[0]), value) {
				t.Fatalf("%d bytes went in and %d values came out", size, len(got))
			}
		}
	})
}

func TestManyLargeValuesUnderOneKeyArePagedAndAllArrive(t *testing.T) {
	overEveryTransport(t, 4, func(t *testing.T, nodes []*khashmir.Node) {
		key := kad.HashID([]byte("large"))
		var want []string
		for i := range 12 {
			value := fmt.Sprintf("%02d", i) + strings.Repeat("x", kad.PageSize/3)
			want = append(want, value)
			if _, err := nodes[0].Store(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		reader := nodes[len(nodes)-1]
		if got := values(t, reader, key); !slices.Equal(got, want) {
			t.Fatalf("%d of %d values arrived", len(got), len(want))
		}
	})
}

func TestStoringTheSamePairAgainDoesNotDoubleIt(t *testing.T) {
	nodes := join(t, transport.NewNetwork(1), 12, nil)
	key := kad.HashID([]byte("k"))
	for _, writer := range nodes[:3] {
		if _, err := writer.Store(t.Context(), key, []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if got := values(t, nodes[9], key); !slices.Equal(got, []string{"v"}) {
		t.Fatalf("found %q", got)
	}
}

func TestARestartedNodeIsTheSameNodeWithTheSameValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	config := khashmir.Config{Path: path, Listen: "127.0.0.1:0"}
	other := open(t, khashmir.Config{Listen: "127.0.0.1:0", Store: khashmir.NewMemoryStore()})
	first := open(t, config)
	add(t, first, other.Addr())
	key := kad.HashID([]byte("kept"))
	if _, err := first.Store(t.Context(), key, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	id := first.ID()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	other.Close()

	second := open(t, config)
	if second.ID() != id {
		t.Errorf("fault: the node id was never read back after a restart: %v became %v", id, second.ID())
	}
	var got []string
	second.ValueForKey(within(t, 0), key, func([][]byte, error) {}) // a context over before it began is no harm
	for value := range second.Values(t.Context(), key) {
		if value != nil {
			got = append(got, string(value))
		}
	}
	if !slices.Equal(got, []string{"still here"}) {
		t.Errorf("found %q", got)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name   string
		config khashmir.Config
		want   string
	}{
		{"negative", khashmir.Config{Alpha: -1}, "Alpha must be positive"},
		{"more at once than there are", khashmir.Config{Alpha: 1 << 40}, "Alpha (1099511627776) is more than the 128 questions"},
		{"more replicas than found", khashmir.Config{K: 4, Replicas: 5}, "Replicas (5) is more than K (4)"},
		{"too large for a message", khashmir.Config{MaxValueSize: 1 << 30}, "does not fit a message"},
		{"no key", khashmir.Config{Key: []byte("short")}, "not an Ed25519 private key"},
		{"no directory", khashmir.Config{Path: filepath.Join(t.TempDir(), "missing", "node.db")}, "missing"},
		{"no address", khashmir.Config{Listen: "nowhere", Store: khashmir.NewMemoryStore()}, "nowhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			node, err := khashmir.Open(test.config)
			if err == nil {
				node.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want something about %q", err, test.want)
			}
		})
	}
}
