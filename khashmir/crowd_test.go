package khashmir_test

import (
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// Many nodes that begin at once, each with three contacts, know their true
// neighbours and not just those of some island.
func TestACrowdThatComesAtOnceIsOneNetwork(t *testing.T) {
	const count, least = 1500, 0.93
	nodes := join(t, transport.NewNetwork(1), count, func(i int, c *khashmir.Config) { c.WideBuckets = -1 })
	known := 0
	for _, n := range nodes {
		mine := make(map[kad.ID]bool)
		for _, bucket := range n.Table() {
			for _, member := range bucket.Contacts {
				mine[member.Contact.ID] = true
			}
		}
		for _, id := range byDistance(nodes, n.ID())[1 : kad.K+1] {
			if mine[id] {
				known++
			}
		}
	}
	if share := float64(known) / (count * kad.K); share < least {
		t.Errorf("nodes know %.3f of their true neighbours, want %v", share, least)
	} else {
		t.Logf("nodes know %.3f of their true neighbours", share)
	}
}
