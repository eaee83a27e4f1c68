package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

const token = "a token of some length"

func TestWhoMayComeAndWhoMayNot(t *testing.T) {
	nodes := join(t, 2, nil)
	_, at := serve(t, nodes[0], web.Config{Token: token, Hosts: []string{"kad.example"}})
	for _, c := range []struct {
		what, method, path, host string
		header                   map[string]string
		status                   int
	}{
		{"the token", "GET", "/v1/status", "", map[string]string{"Authorization": "Bearer " + token}, 200},
		{"no token", "GET", "/v1/status", "", nil, 401},
		{"no token", "GET", "/healthz", "", nil, 401},
		{"no token", "GET", "/metrics", "", nil, 401},
		{"no token, and nothing there", "GET", "/v1/nothing", "", nil, 401},
		{"no token where none is wanted", "GET", "/openapi.yaml", "", nil, 200},
		{"another token", "GET", "/v1/status", "", map[string]string{"Authorization": "Bearer " + token + "."}, 401},
		{"a part of the token", "GET", "/v1/status", "", map[string]string{"Authorization": "Bearer a token"}, 401},
		{"the token by another scheme", "GET", "/v1/status", "", map[string]string{"Authorization": "Basic " + token}, 401},
		{"localhost", "GET", "/v1/status", "localhost:80", map[string]string{"Authorization": "Bearer " + token}, 200},
		{"its own name", "GET", "/v1/status", "KAD.example", map[string]string{"Authorization": "bearer " + token}, 200},
		{"an IPv6 loopback", "GET", "/v1/status", "[::1]:7070", map[string]string{"Authorization": "Bearer " + token}, 200},
		{"another's name, which was made to point here", "GET", "/v1/status", "evil.example", map[string]string{"Authorization": "Bearer " + token}, 403},
		{"another's name, for the page", "GET", "/", "evil.example", nil, 403},
		{"a name that only begins as ours", "GET", "/v1/status", "localhost.evil.example", map[string]string{"Authorization": "Bearer " + token}, 403},
		{"another address", "GET", "/v1/status", "192.0.2.1", map[string]string{"Authorization": "Bearer " + token}, 403},
		{"another site's form", "POST", "/v1/ping", "", map[string]string{"Authorization": "Bearer " + token, "Sec-Fetch-Site": "cross-site"}, 403},
		{"an old browser's form", "POST", "/v1/ping", "", map[string]string{"Authorization": "Bearer " + token, "Origin": "http://evil.example"}, 403},
		{"another site's image", "GET", "/v1/lookup/x", "", map[string]string{"Authorization": "Bearer " + token, "Sec-Fetch-Site": "cross-site"}, 403},
		{"another port's page", "GET", "/v1/events", "", map[string]string{"Authorization": "Bearer " + token, "Sec-Fetch-Site": "same-site"}, 403},
		{"the gateway's own page", "GET", "/v1/status", "", map[string]string{"Authorization": "Bearer " + token, "Sec-Fetch-Site": "same-origin"}, 200},
		{"a preflight", "OPTIONS", "/v1/status", "", map[string]string{"Authorization": "Bearer " + token, "Origin": "http://evil.example"}, 405},
		{"another method", "POST", "/v1/status", "", map[string]string{"Authorization": "Bearer " + token}, 405},
		{"no such path", "GET", "/v1/nothing", "", map[string]string{"Authorization": "Bearer " + token}, 404},
	} {
		request, _ := http.NewRequestWithContext(t.Context(), c.method, at+c.path, nil)
		request.Host = c.host
		for name, value := range c.header {
			request.Header.Set(name, value)
		}
		response, body := send(t, request)
		if response.StatusCode != c.status {
			t.Errorf("%s: %s %s: %d, want %d: %s", c.what, c.method, c.path, response.StatusCode, c.status, body)
		}
		if response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: there is CORS", c.what)
		}
		if c.status != 200 && !strings.Contains(string(body), `{"error":{"code":"`) {
			t.Errorf("%s: the error is no Problem: %s", c.what, body)
		}
	}
}

// However a path is written, what it leads to is guarded.
func TestNoPathLeadsPastTheGuard(t *testing.T) {
	nodes := join(t, 1, nil)
	_, at := serve(t, nodes[0], web.Config{Token: token})
	for _, path := range []string{
		"/v1/status", "//v1/status", "/./v1/status", "/x/../v1/status", "/%76%31/status", "/v1%2Fstatus", "/v1/./status",
		"/V1/status", "/v1/status/", "/v1//status", "/%2e/v1/status", "/%2e%2e/v1/status", "/healthz", "//healthz", "/%68ealthz", "/metrics", "/./metrics",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(at, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
		answer, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || strings.HasPrefix(string(answer), "HTTP/1.1 200") || strings.Contains(string(answer), nodes[0].ID().String()) {
			t.Errorf("%s: %v, %s", path, err, answer)
		}
	}
}

// Where others reach it a gateway serves only behind a token, and a local one not
// at all.
func TestAnOpenGatewayDoesNotServeStrangers(t *testing.T) {
	nodes := join(t, 1, nil)
	for _, c := range []struct {
		at     string
		config web.Config
		may    bool
	}{
		{"0.0.0.0:0", web.Config{}, false},
		{"0.0.0.0:0", web.Config{Token: "short"}, false},
		{"0.0.0.0:0", web.Config{Token: token}, true},
		{"127.0.0.1:0", web.Config{}, true},
		{"127.0.0.1:0", web.Config{Local: true}, false},
	} {
		l, err := net.Listen("tcp4", c.at)
		if err != nil {
			t.Fatal(err)
		}
		g := web.New(nodes[0], c.config)
		served := make(chan error, 1)
		go func() { served <- g.Serve(l) }()
		if c.may { // it answers
			_, port, _ := net.SplitHostPort(l.Addr().String())
			if _, err := client.HTTP("http://127.0.0.1:"+port, c.config.Token).Status(t.Context()); err != nil {
				t.Errorf("%s %+v: %v", c.at, c.config, err)
			}
		}
		g.Close()
		if err := <-served; c.may != (err == nil) || !c.may && !errors.Is(err, web.ErrOpen) {
			t.Errorf("%s %+v: %v", c.at, c.config, err)
		}
	}
}

// There is room for so many streams and requests, and no more; a place that is
// left can be had again.
func TestTooManyAreTurnedAway(t *testing.T) {
	hub := web.NewHub()
	nodes := join(t, 2, nil)
	_, at := serve(t, nodes[0], web.Config{Hub: hub, Streams: 2})
	c := client.HTTP(at, "")
	defer c.Close()
	var streams sync.WaitGroup
	leave := make([]context.CancelFunc, 2)
	for i := range leave {
		var ctx context.Context
		ctx, leave[i] = context.WithCancel(t.Context())
		streams.Go(func() { c.Events(ctx, nil) })
	}
	until(t, "two listen", func() bool { return hub.Listening() == 2 })
	err := c.Events(t.Context(), nil)
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code != api.Busy {
		t.Errorf("the third stream: %v", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("beside the streams: %v", err)
	}
	leave[0]()
	until(t, "one has left", func() bool { return hub.Listening() == 1 })
	ctx, stop := context.WithCancel(t.Context())
	streams.Go(func() { c.Events(ctx, nil) })
	until(t, "another has its place", func() bool { return hub.Listening() == 2 })
	stop()
	leave[1]()
	streams.Wait()
}

// Bodies that are too long, or that do not come, keys that are none.
func TestHostileRequests(t *testing.T) {
	nodes := join(t, 2, nil)
	_, at := serve(t, nodes[0], web.Config{})
	before, _ := nodes[0].Stats()
	for _, c := range []struct {
		method, path string
		body         io.Reader
		status       int
	}{
		{"PUT", "/v1/values/a", io.LimitReader(endless{}, 1<<30), 413},
		{"POST", "/v1/ping", io.LimitReader(endless{}, 1<<30), 413},
		{"DELETE", "/v1/values/a", io.LimitReader(endless{}, 1<<30), 413},
		{"GET", "/v1/status", io.LimitReader(endless{}, 1<<30), 413},
		{"PUT", "/v1/values/" + strings.Repeat("k", kad.GatewayKey+1), strings.NewReader("x"), 400},
		{"PUT", "/v1/values/a/b", strings.NewReader("x"), 405},
		{"PUT", "/v1/values/", strings.NewReader("x"), 405},
		{"POST", "/v1/ping", strings.NewReader(`{"to":"[[[::"}`), 400},
		{"POST", "/v1/ping", strings.NewReader(`{"to":"a:b:c"}`), 400},
		{"POST", "/v1/ping", strings.NewReader(`{"to":"` + "\x00\x1b[2J" + `:1"}`), 400},
		{"POST", "/v1/ping", strings.NewReader(strings.Repeat("[", 60<<10)), 400},
		{"GET", "/v1/holdings?limit=-1", nil, 400},
		{"GET", "/v1/holdings?limit=99999999999999999999", nil, 400},
		{"GET", "/v1/holdings?from=" + strings.Repeat("g", 40), nil, 400},
		{"GET", "/v1/values/a?every=1ns&watch=1", nil, 400},
		{"GET", "/v1/values/a?enough=1025", nil, 400},
		{"GET", "/v1/lookup/" + strings.Repeat("k", kad.GatewayKey+1), nil, 400},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, at+c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			// The server has closed the connection on a body without an end; that is an answer too.
			if c.status != 413 {
				t.Errorf("%s %.60s: %v", c.method, c.path, err)
			}
			continue
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%s %.60s: %d, want %d: %.200s", c.method, c.path, response.StatusCode, c.status, body)
		}
	}
	if after, _ := nodes[0].Stats(); after.Store.Entries != before.Store.Entries {
		t.Error("one of them has stored something")
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// What a client is told of an error is ours, whatever the error says.
func TestErrorsAreNeverRaw(t *testing.T) {
	var log strings.Builder
	node := open(t, khashmir.Config{Listen: "127.0.0.1:0", Store: failing{khashmir.NewMemoryStore()}})
	c := client.Handler(web.New(node, web.Config{Local: true, Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	_, err := c.Holdings(t.Context(), "", 0)
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code != api.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("the client is told %v", err)
	}
	status, err := c.Status(t.Context())
	if err != nil || !strings.Contains(said(t, status.Health), `{"name":"disk","state":"failed"`) {
		t.Errorf("status: %+v, %v", status, err)
	}
	err = c.Backup(t.Context(), io.Discard)
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code != api.Unsupported {
		t.Errorf("a backup of no file: %v", err)
	}
	c.Close()
	if !strings.Contains(log.String(), "secret place") {
		t.Errorf("the log has %q", log.String())
	}
}

// failing is a disk that is gone.
type failing struct{ khashmir.Store }

var errDisk = errors.New("read /secret place: input/output error")

func (failing) Holdings(khashmir.ID, int, time.Time) ([]khashmir.Holding, error) {
	return nil, errDisk
}

func (f failing) Stats() (store.Stats, error) { return store.Stats{}, fmt.Errorf("store: %w", errDisk) }
