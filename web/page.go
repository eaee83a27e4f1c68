package web

import (
	"bytes"
	"context"
	_ "embed"
	"io"
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
		g.config.Metrics.ServeHTTP(hurrying{w}, r.WithContext(ctx))
	})
}

// page is GET /: what people see. What it shows, it asks of the API as any other
// client; nothing but the gateway is ever asked by it.
func (g *Gateway) page(w http.ResponseWriter, r *http.Request) {
	if g.config.Page == nil || !open(r) {
		fail(w, missing("there is nothing at this path: see /openapi.yaml"))
		return
	}
	g.config.Page.ServeHTTP(hurrying{w}, r)
}

// hurrying gives the client its time for each part of what others write.
type hurrying struct{ http.ResponseWriter }

func (h hurrying) Write(part []byte) (int, error) {
	hurry(h.ResponseWriter)
	return h.ResponseWriter.Write(part)
}

// Unwrap is for http.ResponseController.
func (h hurrying) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// several is what a test network's API has beside: see Config.Network.
func (g *Gateway) several() []route {
	below := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := g.body(w, r)
		if err != nil {
			fail(w, err)
			return
		}
		g.placed(w, r, func(ctx context.Context) {
			r = r.WithContext(ctx)
			r.Body = io.NopCloser(bytes.NewReader(body))
			g.config.Network.ServeHTTP(hurrying{w}, r)
		})
	})
	all := []route{{"GET /v1/network", below}, {"POST /v1/network/{what}", below}}
	for _, method := range []string{"GET", "PUT", "POST", "DELETE"} { // all there are, but of / only GET
		all = append(all, route{method + " /at/{id}/", g.config.Network}) // each of these has limits of its own
	}
	return all
}
