package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// Handler is a client of a gateway in this process: the same requests and
// answers, over pipes. Close ends them and waits until the handler is done.
func Handler(h http.Handler) *Client {
	pipes := &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pipes.begin() {
			defer pipes.handled.Done()
			h.ServeHTTP(w, r)
		}
	})}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(pipes) })
	c := dialing("http://khashmir", "", pipes.dial)
	idle := c.close
	c.close = func() {
		idle()
		server.Close()
		serving.Wait()
		pipes.handled.Wait()
	}
	return c
}

// pipes is a listener that nobody else can reach.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
	mu      sync.Mutex
	over    bool
	handled sync.WaitGroup // requests
}

var errClosed = errors.New("the client is closed")

// begin counts a request, unless it comes too late.
func (p *pipes) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	p.handled.Add(1)
	return true
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.dialled <- far:
		return near, nil
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialled:
		return conn, nil
	case <-p.closed:
		return nil, http.ErrServerClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() {
		p.mu.Lock()
		p.over = true
		p.mu.Unlock()
		close(p.closed)
	})
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "in process" }
