package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	kad "github.com/khashmir/kad"
)

// ErrOpen: anybody who reaches the address could use the node. Listen on
// loopback, or set a token.
var ErrOpen = errors.New("others reach this address, and there is no token to keep them out")

// Serve answers at a listener until Close, which it closes in any case. It
// refuses one that others reach where there is no token of
// kad.MinGatewayToken bytes, and any TCP listener for a Local gateway.
func (g *Gateway) Serve(l net.Listener) error {
	defer l.Close()
	if err := g.config.mayListen(l.Addr()); err != nil {
		return fmt.Errorf("web: listen at %s: %w", l.Addr(), err)
	}
	server := &http.Server{
		Handler:           g,
		ReadHeaderTimeout: kad.GatewayHeaderTimeout,
		IdleTimeout:       kad.GatewayIdle,
		MaxHeaderBytes:    kad.GatewayHeader,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return fmt.Errorf("web: %w", errClosing)
	}
	g.servers = append(g.servers, server)
	g.running.Add(1)
	g.mu.Unlock()
	defer g.running.Done()
	if err := server.Serve(limited{l, make(places, kad.GatewayConnections)}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web: %w", err)
	}
	return nil
}

func (c Config) mayListen(addr net.Addr) error {
	at, ok := addr.(*net.TCPAddr)
	switch {
	case !ok:
		return nil // a socket file has its own guard, a pipe no outside
	case c.Local:
		return fmt.Errorf("%w: what is local is no TCP address", ErrOpen)
	case at.IP.IsLoopback():
		return nil
	case c.Token == "":
		return ErrOpen
	case len(c.Token) < kad.MinGatewayToken:
		return fmt.Errorf("%w: a token of %d bytes is too short, %d is the least", ErrOpen, len(c.Token), kad.MinGatewayToken)
	}
	return nil
}

// Close ends the streams, waits for operations in progress, a while, and returns
// when every request and Serve is done. The node lives on.
func (g *Gateway) Close() error {
	g.mu.Lock()
	g.closed = true
	servers := g.servers
	g.mu.Unlock()
	g.end()
	grace, cancel := context.WithTimeoutCause(context.Background(), kad.GatewayGrace, errClosing)
	defer cancel()
	defer context.AfterFunc(grace, func() { g.stop(errClosing) })()
	for _, server := range servers {
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	}
	g.running.Wait()
	return nil
}

// limited has so many connections open at once; one more is closed at once.
type limited struct {
	net.Listener
	open places
}

func (l limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.take() {
			return &counted{Conn: c, open: l.open}, nil
		}
		c.Close()
	}
}

// counted leaves its place when it is closed.
type counted struct {
	net.Conn
	open places
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(c.open.leave)
	return c.Conn.Close()
}
