package testnet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"sync"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// PeerConfig is a peer that has a process to itself.
type PeerConfig struct {
	Path    string // its file
	Listen  string // host:port on loopback
	Streams bool   // everything on QUIC streams
}

// order is a line to a peer process, and answer one from it. The first answer
// comes unasked and says where the peer listens.
type order struct {
	Number int         `json:"number"`
	Do     string      `json:"do"` // contact, join, store, get
	Addr   string      `json:"addr,omitempty"`
	Key    khashmir.ID `json:"key,omitempty"`
	Value  []byte      `json:"value,omitempty"`
}

type answer struct {
	Number int      `json:"number"`
	Addr   string   `json:"addr,omitempty"`
	Values [][]byte `json:"values,omitempty"`
	Err    string   `json:"err,omitempty"`
}

// Peer runs a peer that takes its orders as lines of JSON from in and answers
// them on out, many at once. It ends when in does: with the process that gives
// the orders, however that ended.
func Peer(in io.Reader, out io.Writer, config PeerConfig) error {
	listen, err := netip.ParseAddrPort(config.Listen)
	if err != nil {
		return fmt.Errorf("listen at %q: %w", config.Listen, err)
	}
	node, err := khashmir.Open(khashmir.Config{
		Path:      config.Path,
		Transport: transport.NewQUIC(transport.QUICConfig{Listen: listen, StreamsOnly: config.Streams}),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{node: node, out: json.NewEncoder(out)}
	s.answer(answer{Addr: node.Addr().String()})
	orders := json.NewDecoder(in)
	var working sync.WaitGroup
	for {
		var o order
		if err = orders.Decode(&o); err != nil {
			break
		}
		working.Go(func() { s.answer(s.obey(ctx, o)) })
	}
	cancel()
	working.Wait()
	closing := node.Abort()
	if err == io.EOF {
		err = nil
	}
	return also(err, closing)
}

type server struct {
	node *khashmir.Node
	mu   sync.Mutex
	out  *json.Encoder
}

// answer is lost when nobody reads any more; then the orders end too.
func (s *server) answer(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.out.Encode(a)
}

func (s *server) obey(ctx context.Context, o order) answer {
	a := answer{Number: o.Number}
	var err error
	switch o.Do {
	case "contact":
		_, err = s.node.AddContact(ctx, o.Addr)
	case "join":
		_, err = s.node.FindCloseNodes(ctx)
	case "store":
		_, err = s.node.Store(ctx, o.Key, o.Value)
	case "get":
		for value, failed := range s.node.Values(ctx, o.Key) {
			if failed != nil {
				err = failed
				break
			}
			a.Values = append(a.Values, value)
		}
	default:
		err = fmt.Errorf("%q is no order", o.Do)
	}
	if err != nil {
		a.Err = err.Error()
	}
	return a
}
