package web

import (
	"context"
	"net/http"
	"runtime/metrics"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// status is GET /v1/status: the node at a glance.
func (g *Gateway) status(context.Context, *http.Request, []byte) (any, error) {
	checks, stats, err := g.health.check()
	if err != nil {
		return nil, err
	}
	self := contactOf(g.node.Contact())
	if self.Addr == "" { // it listens everywhere; the port is of use
		self.Addr = g.node.Addr().String()
	}
	return api.Status{
		Contact:    self,
		PublicKey:  g.node.Contact().Key.String(),
		Version:    g.config.Version,
		Client:     g.config.Client,
		Since:      g.config.Since.UTC(),
		Contacts:   stats.Contacts,
		Network:    stats.Network,
		Memory:     memory(),
		Entries:    stats.Store.Entries,
		Bytes:      stats.Store.Bytes,
		MaxEntries: stats.MaxEntries,
		MaxBytes:   stats.MaxBytes,
		Health:     checks,
	}, nil
}

// memory is what the process has of the system's, in bytes, as far as Go knows.
func memory() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// stats is GET /v1/stats.
func (g *Gateway) stats(context.Context, *http.Request, []byte) (any, error) {
	s, err := g.node.Stats()
	if err != nil {
		return nil, err
	}
	return statsOf(s), nil
}

// table is GET /v1/table.
func (g *Gateway) table(context.Context, *http.Request, []byte) (any, error) {
	return tableOf(g.node.ID(), g.config.K, g.node.Table()), nil
}

// holdings is GET /v1/holdings: a page of what the node holds for others.
func (g *Gateway) holdings(_ context.Context, r *http.Request, _ []byte) (any, error) {
	q := r.URL.Query()
	limit, err := number(q, "limit", 1, kad.MaxHoldingsPage, kad.HoldingsPage)
	if err != nil {
		return nil, err
	}
	var from khashmir.ID
	if text := q.Get("from"); text != "" {
		if from, err = khashmir.ParseID(text); err != nil {
			return nil, bad("from is an ID, 40 hexadecimal digits")
		}
	}
	held, err := g.node.Holdings(from, limit+1)
	if err != nil {
		return nil, err
	}
	page := api.Holdings{Holdings: make([]api.Holding, 0, len(held))}
	if len(held) > limit {
		page.Next = held[limit].Key.String()
		held = held[:limit]
	}
	for _, h := range held {
		page.Holdings = append(page.Holdings, holdingOf(h))
	}
	return page, nil
}

// network is GET /v1/network: this node alone.
func (g *Gateway) network(context.Context, *http.Request, []byte) (any, error) {
	s, err := g.node.Stats()
	if err != nil {
		return nil, err
	}
	self := api.Node{Contact: contactOf(g.node.Contact()), Up: true, Contacts: s.Contacts, Entries: s.Store.Entries}
	return api.Network{Mode: "daemon", Nodes: []api.Node{self}}, nil
}

// healthz is GET /healthz: what is degraded, if anything is.
func (g *Gateway) healthz(context.Context, *http.Request, []byte) (any, error) {
	checks, _, err := g.health.check()
	if err != nil {
		return nil, err
	}
	degraded := []api.Check{}
	for _, c := range checks {
		if c.State != api.OK {
			degraded = append(degraded, c)
		}
	}
	if len(degraded) > 0 {
		return degraded, &fault{http.StatusServiceUnavailable, api.Problem{Code: api.Internal, Message: "the node is degraded"}}
	}
	return degraded, nil
}
