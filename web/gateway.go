package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// Config is what may differ between gateways. The zero value works: no token, so
// loopback only, and no events.
type Config struct {
	// Hub is where the events come from: its Observer is the node's. Default:
	// none, and /v1/events says nothing.
	Hub *Hub

	// Local is for a gateway that only this machine's user reaches: a Unix
	// socket, or in process. Nobody needs a token there, any Host will do, and
	// backups may be made. Never set it for one that listens on TCP.
	Local bool

	// Token is what clients must bring along (Authorization: Bearer). Default:
	// nobody must.
	Token string

	// Hosts are the names that the gateway may be called by beside localhost,
	// loopback addresses and the address that a connection came to.
	Hosts []string

	// Metrics answers /metrics. Default: there are none.
	Metrics http.Handler

	// Page answers / and below: what people see, with a policy of its own.
	// Default: nothing does.
	Page http.Handler

	// Network answers /v1/network, what is done to it below, and the APIs of all
	// its nodes below /at/, where there are several (package web/lab). Who may come
	// is seen to here. Default: this node is all there is.
	Network http.Handler

	// Scratch is the folder for backups on their way. Default: the system's.
	Scratch string

	// Client, K, MaxValueSize and Listen's time: what the node was opened with.
	// Default: false, and the constants of package kad.
	Client       bool
	K            int
	MaxValueSize int

	// Since is when the node was opened. Default: now.
	Since time.Time

	// Version is of the program. Default: what the Go toolchain says.
	Version string

	// Logger hears of what went wrong that a client is told only in general.
	// Default: nobody does.
	Logger *slog.Logger

	// The limits. Zero means the constant of package kad.
	Timeout  time.Duration // kad.GatewayTimeout
	Requests int           // kad.GatewayRequests
	Streams  int           // kad.GatewayStreams
}

func (c Config) withDefaults() Config {
	if c.Hub == nil {
		c.Hub = NewHub()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Since.IsZero() {
		c.Since = time.Now()
	}
	if info, ok := debug.ReadBuildInfo(); ok && c.Version == "" {
		c.Version = info.Main.Version
	}
	c.K = cmp.Or(c.K, kad.K)
	c.MaxValueSize = cmp.Or(c.MaxValueSize, kad.MaxValueSize)
	c.Timeout = cmp.Or(c.Timeout, kad.GatewayTimeout)
	c.Requests = cmp.Or(c.Requests, kad.GatewayRequests)
	c.Streams = cmp.Or(c.Streams, kad.GatewayStreams)
	return c
}

// Gateway serves one node's API. It is safe for concurrent use.
type Gateway struct {
	node     *khashmir.Node
	config   Config
	log      *slog.Logger
	handler  http.Handler // routes behind the guard
	mux      *http.ServeMux
	requests places
	streams  places
	health   *health

	ending context.Context // streams end with it
	end    context.CancelFunc
	cut    context.Context // and operations with this
	stop   context.CancelCauseFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // requests and servers
	servers []*http.Server
}

// New is a gateway to node.
func New(node *khashmir.Node, config Config) *Gateway {
	config = config.withDefaults()
	g := &Gateway{
		node:     node,
		config:   config,
		log:      config.Logger,
		mux:      http.NewServeMux(),
		requests: make(places, config.Requests),
		streams:  make(places, config.Streams),
		health:   newHealth(config, node),
	}
	g.ending, g.end = context.WithCancel(context.Background())
	g.cut, g.stop = context.WithCancelCause(context.Background())
	for _, r := range g.routes() {
		g.mux.Handle(r.pattern, r.handler)
	}
	g.handler = newGuard(config, http.HandlerFunc(g.route))
	return g
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		fail(w, errClosing)
		return
	}
	g.running.Add(1)
	g.mu.Unlock()
	defer g.running.Done()
	g.handler.ServeHTTP(w, r)
}

// route finds the handler. What the mux says where there is none is said in the
// gateway's words.
func (g *Gateway) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := g.mux.Handler(r); pattern != "" {
		g.mux.ServeHTTP(w, r)
		return
	}
	refusal := refused{header: make(http.Header)}
	g.mux.ServeHTTP(&refusal, r)
	if refusal.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", refusal.header.Get("Allow"))
		fail(w, &fault{http.StatusMethodNotAllowed, api.Problem{Code: api.BadRequest, Message: "this path has other methods: see Allow"}})
		return
	}
	fail(w, missing("there is nothing at this path: see /openapi.yaml"))
}

// refused keeps what the mux would have said.
type refused struct {
	header http.Header
	status int
}

func (r *refused) Header() http.Header            { return r.header }
func (r *refused) Write(body []byte) (int, error) { return len(body), nil }
func (r *refused) WriteHeader(status int)         { r.status = status }

// operation is a handler that does one thing and says what came of it: an answer
// or an error, or both.
type operation func(ctx context.Context, r *http.Request, body []byte) (answer any, err error)

// once serves an operation: it has a place among those at once, a time limit,
// and an answer in JSON. An answer beside an error goes in the error's place.
// The body is read before, so that who is slow to send it takes no place.
func (g *Gateway) once(do operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := g.body(w, r)
		if err != nil {
			fail(w, err)
			return
		}
		g.placed(w, r, func(ctx context.Context) {
			answer, err := do(ctx, r, body)
			status := http.StatusOK
			if err != nil {
				g.note(r, err)
				status = faultOf(err).status
			}
			if answer == nil {
				fail(w, err)
				return
			}
			write(w, status, answer)
		})
	})
}

// body is what r brings along: a value at the most.
func (g *Gateway) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(kad.GatewayBodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(g.config.MaxValueSize)))
	if err == nil {
		_ = connection.SetReadDeadline(time.Time{})
	} else { // the server would wait for the rest
		w.Header().Set("Connection", "close")
	}
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		return nil, khashmir.ErrTooLarge
	}
	if err != nil {
		return nil, bad("the body did not come whole, or not in time")
	}
	return body, nil
}

// placed has do run if there is a place among those at once, with a time limit.
func (g *Gateway) placed(w http.ResponseWriter, r *http.Request, do func(ctx context.Context)) {
	if !g.requests.take() {
		fail(w, busy("too many requests at once"))
		return
	}
	defer g.requests.leave()
	ctx, cancel := context.WithTimeout(r.Context(), g.config.Timeout)
	defer cancel()
	ctx, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	defer context.AfterFunc(g.cut, func() { abandon(errClosing) })()
	do(ctx)
}

// note logs what a client is told only in general.
func (g *Gateway) note(r *http.Request, err error) {
	if faultOf(err).Code == api.Internal {
		g.log.Error("request failed", "path", r.URL.Path, "err", err)
	}
}

// places are taken by those that may be served at once.
type places chan struct{}

func (p places) take() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p places) leave() { <-p }

// write says answer in JSON.
func write(w http.ResponseWriter, status int, answer any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		panic("web: an answer that JSON cannot say: " + err.Error()) // our own bug
	}
	w.Header().Set("Content-Type", "application/json")
	hurry(w)
	w.WriteHeader(status)
	w.Write(body.Bytes()) // who does not take it has gone
}

// fail says err, in words of ours.
func fail(w http.ResponseWriter, err error) {
	f := faultOf(err)
	switch f.status {
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	write(w, f.status, struct {
		Error api.Problem `json:"error"`
	}{f.Problem})
}

// hurry gives the client its time to take what is written next. Not every
// ResponseWriter can (httptest's); a connection can.
func hurry(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(kad.GatewayWriteTimeout))
}
