package khashmir_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// crowded is a transport that may have no room for more questions.
type crowded struct {
	khashmir.Transport
	full atomic.Bool
}

func (c *crowded) Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error)) {
	if c.full.Load() {
		go then(krpc.Reply{}, fmt.Errorf("ask %v: %w", to, transport.ErrBusy))
		return
	}
	c.Transport.Ask(to, q, then)
}

func TestTooManyQuestionsAtOnceAreCalledThat(t *testing.T) {
	// Given a node that has contacts, and more questions in flight than it may
	network := transport.NewNetwork(1)
	var way *crowded
	nodes := join(t, network, 4, func(i int, c *khashmir.Config) {
		if i == 0 {
			way = &crowded{Transport: c.Transport}
			c.Transport = way
		}
	})
	node, ctx, known := nodes[0], t.Context(), nodes[1].Addr().String()
	way.full.Store(true)
	// when it is called, then it says what is wrong, and does not blame others
	_, stored := node.Store(ctx, kad.ID{1}, []byte("v"))
	_, found := node.FindNode(ctx, kad.ID{1})
	_, added := node.AddContact(ctx, known)
	for what, err := range map[string]error{"store": stored, "find": found, "add": added} {
		if !errors.Is(err, khashmir.ErrBusy) || errors.Is(err, khashmir.ErrNoAnswer) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// and when there is room again, all its contacts are still there
	way.full.Store(false)
	result, err := node.Store(ctx, kad.ID{1}, []byte("v"))
	if err != nil || len(result.Stored) != len(nodes) {
		t.Errorf("stored at %d of %d: %v", len(result.Stored), len(nodes), err)
	}
}
