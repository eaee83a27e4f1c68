package web

import "net/http"

// route is one line of the API.
type route struct {
	pattern string
	handler http.Handler
}

// routes are all there is; openapi.yaml has the same.
func (g *Gateway) routes() []route {
	all := []route{
		{"GET /v1/status", g.once(g.status)},
		{"GET /v1/stats", g.once(g.stats)},
		{"GET /v1/table", g.once(g.table)},
		{"GET /v1/holdings", g.once(g.holdings)},
		{"PUT /v1/values/{key}", g.once(g.put)},
		{"GET /v1/values/{key}", http.HandlerFunc(g.get)},
		{"DELETE /v1/values/{key}", g.once(g.remove)},
		{"GET /v1/lookup/{id}", http.HandlerFunc(g.lookup)},
		{"POST /v1/ping", g.once(g.ping)},
		{"GET /v1/events", http.HandlerFunc(g.events)},
		{"GET /v1/backup", http.HandlerFunc(g.backup)},
		{"GET /healthz", g.once(g.healthz)},
		{"GET /metrics", http.HandlerFunc(g.metrics)},
		{"GET /openapi.yaml", http.HandlerFunc(openAPI)},
		{"GET /", http.HandlerFunc(g.page)},
	}
	if g.config.Network != nil {
		return append(all, g.several()...)
	}
	return append(all, route{"GET /v1/network", g.once(g.network)})
}
