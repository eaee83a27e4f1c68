// Package lab is the gateway of a test network: the API of each of its nodes, and
// what can be done to all of them, for a page that shows them at once.
//
//	l, err := lab.Start(ctx, testnet.Default(), page.Handler())
//	err = l.Join(ctx)
//	err = l.Serve(listener) // until l.Close
//
// It owns the network and a gateway (package web) for each node that somebody has
// asked for. GET /v1/network lists the nodes, POST /v1/network/kill, start, cut
// and heal are done to them (control.go), /at/{id}/v1/… is the API of one, and GET
// /v1/events has what all of them do, with the ID of whose it is.
package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
)

// Lab is a test network with a gateway.
type Lab struct {
	Network *testnet.Network

	hub   *web.Hub // hears all of them
	front *web.Gateway
	place map[string]int // of each node in the network, by its ID

	mu     sync.Mutex
	hubs   map[khashmir.ID]*web.Hub
	doors  map[int]door // by place
	closed bool

	count counting
}

// door is the gateway of one node, for as long as that lives.
type door struct {
	node    *khashmir.Node
	gateway *web.Gateway
}

// Start builds the network, as a living one (testnet.Config.Live). Its nodes do
// not know each other before Join. page answers / and below; nil: nothing does.
func Start(ctx context.Context, config testnet.Config, page http.Handler) (*Lab, error) {
	l := &Lab{hub: web.NewHub(), place: make(map[string]int), hubs: make(map[khashmir.ID]*web.Hub), doors: make(map[int]door)}
	config.Live = true
	config.Observe = func(id khashmir.ID) khashmir.Observer { return l.hubOf(id).Observer() }
	network, err := testnet.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	l.Network = network
	for i, p := range network.Peers() {
		l.place[p.ID.String()] = i
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /v1/network", l.list)
	routes.HandleFunc("POST /v1/network/{what}", l.control)
	routes.HandleFunc("/at/{id}/", l.at)
	// Of its own node the front tells nothing but to who asks it for no other's.
	l.front = web.New(network.Peers()[0].Node, web.Config{Hub: l.hub, Page: page, Network: routes})
	return l, nil
}

// Join has the nodes find each other.
func (l *Lab) Join(ctx context.Context) error { return l.Network.Join(ctx) }

// ServeHTTP answers one request.
func (l *Lab) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.front.ServeHTTP(w, r) }

// Serve answers at a listener until Close. It refuses one that others reach.
func (l *Lab) Serve(listener net.Listener) error { return l.front.Serve(listener) }

// Close ends what is asked and then the network.
func (l *Lab) Close() error {
	l.mu.Lock()
	l.closed = true
	doors := l.doors
	l.doors = nil
	l.mu.Unlock()
	var closing sync.WaitGroup
	for _, d := range doors {
		closing.Go(func() { d.gateway.Close() })
	}
	closing.Go(func() { l.front.Close() })
	closing.Wait()
	return l.Network.Close()
}

// hubOf is where the node is heard, through all its lives.
func (l *Lab) hubOf(id khashmir.ID) *web.Hub {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hubs[id] == nil {
		l.hubs[id] = l.hub.Of(id.String())
	}
	return l.hubs[id]
}

// at is a request to one of the nodes.
func (l *Lab) at(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	i, ok := l.place[strings.ToLower(id)]
	if !ok {
		fail(w, http.StatusNotFound, api.NotFound, "no node of this network has that ID")
		return
	}
	gateway := l.door(i)
	if gateway == nil {
		fail(w, http.StatusServiceUnavailable, api.Closing, "the node is down")
		return
	}
	http.StripPrefix("/at/"+id, gateway).ServeHTTP(w, r)
}

// door is the gateway of the i-th node; nil: it is down. Who comes here has passed
// the front, so it is as local as can be, but for the backups.
func (l *Lab) door(i int) *web.Gateway {
	p := l.Network.Peers()[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.Node == nil || l.closed {
		return nil
	}
	if d, ok := l.doors[i]; ok && d.node == p.Node {
		return d.gateway
	}
	d := door{p.Node, web.New(p.Node, web.Config{Hub: l.hubs[p.ID]})}
	l.doors[i] = d
	return d.gateway
}

// shut closes the i-th node's door, if it has one. Its streams end.
func (l *Lab) shut(i int) {
	l.mu.Lock()
	d, ok := l.doors[i]
	delete(l.doors, i)
	l.mu.Unlock()
	if ok {
		d.gateway.Close()
	}
}

// countEvery is how old the numbers of contacts and entries may be: they are
// counted node by node, entries on the disk.
const countEvery = 500 * time.Millisecond

// counting is the last count.
type counting struct {
	mu    sync.Mutex // held while counting: who comes meanwhile takes what is found
	at    time.Time
	found []api.Node
}

// list is GET /v1/network.
func (l *Lab) list(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, l.state(countEvery))
}

// state is how the network is, not older than that.
func (l *Lab) state(old time.Duration) api.Network {
	l.count.mu.Lock()
	defer l.count.mu.Unlock()
	if time.Since(l.count.at) > old {
		l.count.found = l.counted()
		l.count.at = time.Now()
	}
	return api.Network{Mode: "testnet", Cut: l.Network.IsCut(), Nodes: l.count.found}
}

func (l *Lab) counted() []api.Node {
	peers := l.Network.Peers()
	all := make([]api.Node, len(peers))
	for i, p := range peers {
		all[i] = api.Node{Contact: api.Contact{ID: p.ID.String(), Addr: p.Addr.String()}, Side: p.Side}
		if p.Node == nil {
			continue
		}
		stats, err := p.Node.Stats()
		if errors.Is(err, khashmir.ErrClosed) {
			continue // it died while we counted
		}
		all[i].Up, all[i].Contacts, all[i].Entries = true, stats.Contacts, stats.Store.Entries
	}
	return all
}
