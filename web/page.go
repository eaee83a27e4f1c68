package web

import (
	"context"
	_ "embed"
	"net/http"
)

// description is openapi.yaml: all that there is, for people and programs.
//
//go:embed openapi.yaml
var description []byte

func openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	hurry(w)
	w.Write(description) // who does not take it has gone
}

// metrics is GET /metrics.
func (g *Gateway) metrics(w http.ResponseWriter, r *http.Request) {
	if g.config.Metrics == nil {
		fail(w, missing("this gateway has no metrics"))
		return
	}
	g.placed(w, r, func(ctx context.Context) {
		hurry(w)
		g.config.Metrics.ServeHTTP(w, r.WithContext(ctx))
	})
}

// page is GET /: what people see. What it shows, it asks of the API as any other
// client; nothing but the gateway is ever asked by it.
func (g *Gateway) page(w http.ResponseWriter, r *http.Request) {
	if g.config.Page == nil || !open(r) {
		fail(w, missing("there is nothing at this path: see /openapi.yaml"))
		return
	}
	hurry(w)
	g.config.Page.ServeHTTP(w, r)
}

// several is what a test network's API has beside: see Config.Network.
func (g *Gateway) several() []route {
	below := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.placed(w, r, func(ctx context.Context) {
			hurry(w)
			g.config.Network.ServeHTTP(w, r.WithContext(ctx))
		})
	})
	all := []route{{"GET /v1/network", below}, {"POST /v1/network/{what}", below}}
	for _, method := range []string{"GET", "PUT", "POST", "DELETE"} { // all there are, but of / only GET
		all = append(all, route{method + " /at/{id}/", g.config.Network}) // each of these has limits of its own
	}
	return all
}
