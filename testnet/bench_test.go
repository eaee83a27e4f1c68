package testnet_test

import (
	"encoding/binary"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/testnet"
)

// The node as a whole: fifty of them with a socket and a file each, one caller.

func BenchmarkNetworkStore(b *testing.B) {
	n := benched(b)
	counted(b, n, func(i int) error {
		value := number(i)
		_, err := n.Nodes[i%len(n.Nodes)].Store(b.Context(), kad.HashID(value), value)
		return err
	})
}

func BenchmarkNetworkFind(b *testing.B) {
	const values = 100
	n := benched(b)
	for i := range values {
		if _, err := n.Nodes[i%len(n.Nodes)].Store(b.Context(), kad.HashID(number(i)), number(i)); err != nil {
			b.Fatal(err)
		}
	}
	counted(b, n, func(i int) (err error) {
		for _, failed := range n.Nodes[i*7%len(n.Nodes)].Values(b.Context(), kad.HashID(number(i%values))) {
			err = failed
		}
		return err
	})
}

func benched(b *testing.B) *testnet.Network {
	n, err := testnet.Start(b.Context(), testnet.Default())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Close() })
	if err := n.Join(b.Context()); err != nil {
		b.Fatal(err)
	}
	return n
}

// counted reports the questions of all nodes too, which no machine changes.
func counted(b *testing.B, n *testnet.Network, do func(i int) error) {
	before := asked(b, n)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := do(i); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(asked(b, n)-before)/float64(b.N), "questions/op")
}

func asked(b *testing.B, n *testnet.Network) (sum int) {
	for _, node := range n.Nodes {
		s, err := node.Stats()
		if err != nil {
			b.Fatal(err)
		}
		sum += s.Asked
	}
	return sum
}

func number(i int) []byte { return binary.BigEndian.AppendUint64(make([]byte, 92, 100), uint64(i)) }
