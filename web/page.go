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
	w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	w.Header().Set("Cache-Control", "no-cache")
	hurry(w)
	http.FileServerFS(g.config.Page).ServeHTTP(w, r)
}
