package main

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
)

// namespace is before every key, as go-libp2p-kad-dht wants it.
const namespace = "bench"

// swarm is N hosts in this process, each with a socket and a DHT.
type swarm struct {
	nodes   []*node
	asked   atomic.Int64 // requests that reached a node
	holders sync.Map     // holding: true
}

type node struct {
	host host.Host
	dht  *dht.IpfsDHT
}

// holding is who has been asked to hold what.
type holding struct {
	who peer.ID
	key string
}

// anything is a validator that takes any value, whichever came first.
type anything struct{}

func (anything) Validate(string, []byte) error        { return nil }
func (anything) Select(string, [][]byte) (int, error) { return 0, nil }

// Build opens the i-th node: a DHT server over QUIC alone, with all that libp2p
// may leave out left out, and no limit in its way.
func (s *swarm) Build(_ context.Context, i int) error {
	h, err := libp2p.New(
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/udp/0/quic-v1"),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.ForceReachabilityPublic(),
		libp2p.Ping(false),
	)
	if err != nil {
		return err
	}
	d, err := dht.New(h,
		dht.Mode(dht.ModeServer),
		dht.ProtocolPrefix("/bench"),
		dht.Validator(record.NamespacedValidator{namespace: anything{}}),
		dht.OnRequestHook(s.requested),
	)
	if err != nil {
		return errors.Join(err, h.Close())
	}
	s.nodes[i] = &node{h, d}
	return nil
}

// requested counts what reaches a node, and notes who is given what to hold.
func (s *swarm) requested(_ context.Context, stream network.Stream, m *pb.Message) {
	s.asked.Add(1)
	if m.GetType() == pb.Message_PUT_VALUE {
		s.holders.Store(holding{stream.Conn().LocalPeer(), string(m.GetKey())}, true)
	}
}

func (s *swarm) Meet(ctx context.Context, i, other int) error {
	to := s.nodes[other].host
	return s.nodes[i].host.Connect(ctx, peer.AddrInfo{ID: to.ID(), Addrs: to.Addrs()})
}

// Settle looks for the node's neighbours. The table fills a moment after the
// connections are there: until then a refresh would find it empty.
func (s *swarm) Settle(ctx context.Context, i int) error {
	d := s.nodes[i].dht
	for d.RoutingTable().Size() == 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
	select {
	case err := <-d.RefreshRoutingTable():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *swarm) Store(ctx context.Context, i int, key, value []byte) error {
	name := named(key)
	s.holders.Store(holding{s.nodes[i].host.ID(), name}, true) // it keeps one itself
	return s.nodes[i].dht.PutValue(ctx, name, value)
}

func (s *swarm) Find(ctx context.Context, i int, key, value []byte) (first time.Duration, found bool, err error) {
	begun := time.Now()
	values, err := s.nodes[i].dht.SearchValue(ctx, named(key))
	if err != nil {
		return 0, false, err
	}
	for v := range values { // closed when the search is over
		if !found && bytes.Equal(v, value) {
			first, found = time.Since(begun), true
		}
	}
	return first, found, nil
}

func (s *swarm) Holds(i int, key []byte) bool {
	_, holds := s.holders.Load(holding{s.nodes[i].host.ID(), named(key)})
	return holds
}

func (s *swarm) Questions() int { return int(s.asked.Load()) }

func (s *swarm) Connections() (ends int) {
	for _, n := range s.nodes {
		ends += len(n.host.Network().Conns())
	}
	return ends
}

func (s *swarm) Close() error {
	var errs []error
	for _, n := range s.nodes {
		if n != nil {
			errs = append(errs, n.dht.Close(), n.host.Close())
		}
	}
	return errors.Join(errs...)
}

func named(key []byte) string { return "/" + namespace + "/" + string(key) }
