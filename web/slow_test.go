package web_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

// A listener that does not read keeps nobody waiting: not the node, not another
// listener. It loses events, and is told when it reads again.
func TestASlowListenerKeepsNobodyWaiting(t *testing.T) {
	hub := web.NewHub()
	g := web.New(open(t, khashmir.Config{Listen: "127.0.0.1:0", Store: khashmir.NewMemoryStore()}), web.Config{Local: true, Hub: hub})
	t.Cleanup(func() { g.Close() })
	slow, quick := client.Handler(g), client.Handler(g)
	t.Cleanup(slow.Close)
	t.Cleanup(quick.Close)
	wake, dropped, heard := make(chan struct{}), make(chan int, 1), make(chan api.Event)
	go slow.Events(t.Context(), func(e api.Event) {
		<-wake
		if e.Dropped > 0 {
			dropped <- e.Dropped
		}
	})
	until(t, "the slow one listens", func() bool { return hub.Listening() == 1 })
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		quick.Events(ctx, func(e api.Event) { heard <- e })
		close(heard)
	}()
	until(t, "the quick one listens", func() bool { return hub.Listening() == 2 })

	const events = 5000
	tell := hub.Observer().Served
	begun := time.Now()
	for i := range events {
		tell(khashmir.Served{Refusal: i})
		if e := <-heard; e.Served.Refusal != i {
			t.Fatalf("the quick one hears of %+v, not of %d", e, i)
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the node was kept waiting for %v", took)
	}
	close(wake)
	if lost := <-dropped; lost == 0 || lost >= events {
		t.Errorf("the slow one has lost %d of %d", lost, events)
	}
	stop()
	for range heard {
	}
}

// A client that takes nothing off its connection is left, and its place is free.
func TestWhoTakesNothingIsLeft(t *testing.T) {
	t.Parallel()
	hub := web.NewHub()
	g := web.New(open(t, khashmir.Config{Listen: "127.0.0.1:0", Store: khashmir.NewMemoryStore()}), web.Config{Hub: hub})
	t.Cleanup(func() { g.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	until(t, "it listens", func() bool { return hub.Listening() == 1 })

	tell := hub.Observer().Served
	until(t, "it is left", func() bool {
		for range 500 { // in time more than all buffers on the way hold
			tell(khashmir.Served{})
		}
		return hub.Listening() == 0
	})
	g.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A head, or a body, that comes a byte at a time has its time and no more.
func TestWhoSaysNothingIsLeft(t *testing.T) {
	t.Parallel()
	g := web.New(open(t, khashmir.Config{Listen: "127.0.0.1:0", Store: khashmir.NewMemoryStore()}), web.Config{})
	t.Cleanup(func() { g.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	var waiting sync.WaitGroup
	for _, said := range []string{
		"GET /v1/status HTTP/1.1\r\nHost: local",
		"PUT /v1/values/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nshort",
	} {
		waiting.Go(func() {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, said)
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			answer, err := io.ReadAll(conn) // until the gateway hangs up
			if err != nil || len(answer) > 0 && !strings.Contains(string(answer), " 400 Bad Request") {
				t.Errorf("%.20q: answered %.60q, %v", said, answer, err)
			}
		})
	}
	waiting.Wait()
	g.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// More connections than there is room for are closed at once, and there is room
// again when others are closed.
func TestConnectionsAreCounted(t *testing.T) {
	const many = 300
	g := web.New(open(t, khashmir.Config{Listen: "127.0.0.1:0", Store: khashmir.NewMemoryStore()}), web.Config{})
	t.Cleanup(func() { g.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	refused, conns := 0, make([]net.Conn, many)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conns[i], "GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if n, _ := conns[i].Read(make([]byte, 1)); n == 0 {
			refused++
		}
	}
	if refused != many-256 {
		t.Errorf("%d of %d were refused, want %d", refused, many, many-256)
	}
	for _, conn := range conns {
		conn.Close()
	}
	until(t, "there is room again", func() bool {
		response, err := http.Get("http://" + l.Addr().String() + "/openapi.yaml")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	g.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A gateway that is closed ends its streams at once, and its watches.
func TestACloseEndsStreams(t *testing.T) {
	hub := web.NewHub()
	nodes := join(t, 2, nil)
	config := web.Config{Hub: hub}
	g, at := serve(t, nodes[0], config)
	c := client.HTTP(at, "")
	defer c.Close()
	ended := make(chan error, 2)
	go func() { ended <- c.Events(t.Context(), nil) }()
	first := make(chan struct{}, 1)
	if _, err := c.Put(t.Context(), "key", []byte("value"), client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		ended <- c.Watch(t.Context(), "key", time.Hour, func(api.Value) { first <- struct{}{} })
	}()
	<-first
	until(t, "somebody listens", func() bool { return hub.Listening() == 1 })
	begun := time.Now()
	g.Close()
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %v to close", took)
	}
	for range 2 {
		if p, ok := (<-ended).(*api.Problem); !ok || p.Code != api.Closing {
			t.Errorf("a stream ended with %v", p)
		}
	}
	if _, err := c.Status(t.Context()); err == nil || err.(*api.Problem).Code != api.Closing {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := nodes[0].FindNode(t.Context(), nodes[1].ID()); err != nil {
		t.Errorf("the node lives on: %v", err)
	}
}
