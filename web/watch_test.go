package web_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

// Who watches a key is told of what is there, of what comes and of what goes,
// each once.
func TestWhoWatchesAKeyHearsWhatComesAndGoes(t *testing.T) {
	t.Parallel()
	nodes := join(t, 8, nil) // all of them hold everything
	c := local(t, nodes[0], web.Config{})
	heard := make(chan string, 100)
	ctx, stop := context.WithCancel(within(t, time.Minute))
	watched := make(chan error, 1)
	store := func(node int, value string) {
		t.Helper()
		if _, err := nodes[node].Store(t.Context(), khashmir.HashID([]byte("news")), []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	store(3, "first")

	go func() {
		watched <- c.Watch(ctx, "news", time.Second, func(v api.Value) {
			if v.Gone {
				heard <- "gone " + *v.Text
			} else {
				heard <- *v.Text
			}
		})
	}()
	expect(t, heard, "first")
	store(4, "second")
	expect(t, heard, "second")
	if _, err := nodes[3].Remove(t.Context(), khashmir.HashID([]byte("news")), []byte("first")); err != nil {
		t.Fatal(err)
	}
	expect(t, heard, "gone first")
	store(3, "first")
	expect(t, heard, "first")
	stop()
	if err := <-watched; !errors.Is(err, context.Canceled) {
		t.Errorf("the watch ended with %v", err)
	}
	if len(heard) > 0 {
		t.Errorf("and heard %q", <-heard)
	}
}

func expect(t *testing.T, heard <-chan string, want string) {
	t.Helper()
	select {
	case got := <-heard:
		if got != want {
			t.Fatalf("heard %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("did not hear %q", want)
	}
}

// A round in which nobody answers says nothing of what is gone.
func TestSilenceIsNotAbsence(t *testing.T) {
	t.Parallel()
	nodes := onWire(t, 3, nil)
	asker := open(t, khashmir.Config{Client: true, Listen: "127.0.0.1:0", Store: khashmir.NewMemoryStore()}) // holds nothing
	for _, node := range nodes {
		if _, err := asker.AddContact(t.Context(), node.Addr().String()); err != nil {
			t.Fatal(err)
		}
	}
	c := local(t, asker, web.Config{Client: true})
	if _, err := nodes[1].Store(t.Context(), khashmir.HashID([]byte("news")), []byte("value")); err != nil {
		t.Fatal(err)
	}
	heard, ends := make(chan string, 10), make(chan error, 1)
	ctx, stop := context.WithCancel(within(t, time.Minute))
	defer stop()
	go func() {
		ends <- c.Watch(ctx, "news", time.Second, func(v api.Value) { heard <- *v.Text })
	}()
	expect(t, heard, "value")
	before, _ := c.Stats(t.Context())
	for _, node := range nodes {
		node.Abort()
	}
	until(t, "it has looked again and heard nothing", func() bool {
		now, err := c.Stats(ctx)
		return err != nil || now.Lookups >= before.Lookups+2 && now.InFlight == 0
	})
	stop()
	<-ends
	if len(heard) > 0 {
		t.Errorf("heard %q", <-heard)
	}
}

// All that a node does is heard, by everybody who listens.
func TestListenersHearWhatTheNodeDoes(t *testing.T) {
	t.Parallel()
	hub := web.NewHub()
	nodes := join(t, 10, func(i int, c *khashmir.Config) {
		c.MaxFailures = 1
		if i == 0 {
			c.Observer = hub.Observer()
		}
	})
	g := web.New(nodes[0], web.Config{Local: true, Hub: hub})
	t.Cleanup(func() { g.Close() })
	d := describe(t)
	var ended []<-chan []api.Event
	for range 3 {
		c := client.Handler(g)
		t.Cleanup(c.Close)
		ended = append(ended, listen(t, c, hub))
	}

	nodes[5].FindNode(t.Context(), nodes[0].ID())
	gone := nodes[1].ID()
	nodes[1].Abort()
	nodes[0].FindNode(t.Context(), gone)
	nodes[0].FindNode(t.Context(), nodes[2].ID())
	g.Close()

	for i, events := range ended {
		heard := <-events
		kinds := kindsOf(heard)
		for _, kind := range []string{"lookup", "step", "served", "lost"} {
			if kinds[kind] == 0 {
				t.Errorf("listener %d has heard %v: no %s", i, kinds, kind)
			}
		}
		for _, e := range heard {
			d.conforms(t, "an event", "#/components/schemas/Event", []byte(said(t, e)))
			if e.Lost != nil && e.Lost.ID != gone.String() {
				t.Errorf("lost %v, want %s", e.Lost, gone)
			}
		}
	}
}

// listen hears of everything until the gateway is closed. It returns when the
// hub knows of it.
func listen(t *testing.T, c *client.Client, hub *web.Hub) <-chan []api.Event {
	t.Helper()
	before := hub.Listening()
	all := make(chan []api.Event, 1)
	go func() {
		var heard []api.Event
		err := c.Events(t.Context(), func(e api.Event) { heard = append(heard, e) })
		if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code != api.Closing {
			t.Errorf("the stream ended with %v", err)
		}
		all <- heard
	}()
	until(t, "somebody listens", func() bool { return hub.Listening() > before })
	return all
}

func kindsOf(events []api.Event) map[string]int {
	kinds := map[string]int{}
	for _, e := range events {
		set := []string{}
		for name, is := range map[string]bool{
			"lookup": e.Lookup != nil, "step": e.Step != nil, "served": e.Served != nil,
			"met": e.Met != nil, "lost": e.Lost != nil, "dropped": e.Dropped > 0,
		} {
			if is {
				set = append(set, name)
			}
		}
		slices.Sort(set)
		if len(set) != 1 {
			kinds["not one thing"]++
			continue
		}
		kinds[set[0]]++
	}
	return kinds
}

// In a test network one hub hears of all nodes, and of whose each event is.
func TestAHubOfHubsSaysWhoseItIs(t *testing.T) {
	above := web.NewHub()
	nodes := join(t, 3, func(i int, c *khashmir.Config) {
		c.Observer = above.Of(kad.PublicKeyOf(key(i)).ID().String()).Observer()
	})
	g := web.New(nodes[0], web.Config{Local: true, Hub: above})
	t.Cleanup(func() { g.Close() })
	c := client.Handler(g)
	t.Cleanup(c.Close)
	before := above.Listening()
	var mu sync.Mutex
	whose := map[string]bool{}
	ended := make(chan error, 1)
	go func() {
		ended <- c.Events(t.Context(), func(e api.Event) {
			mu.Lock()
			defer mu.Unlock()
			whose[e.Node] = true
			if e.Lookup != nil && e.Node != nodes[1].ID().String() {
				t.Errorf("%s has looked something up, which %s did", e.Node, nodes[1].ID())
			}
		})
	}()
	until(t, "somebody listens", func() bool { return above.Listening() > before })

	nodes[1].FindNode(t.Context(), nodes[2].ID())
	until(t, "both are heard", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return whose[nodes[1].ID().String()] && whose[nodes[2].ID().String()]
	})
	g.Close()
	<-ended
	if whose[""] {
		t.Errorf("heard of %v", whose)
	}
}

// What a stream says is what is described.
func TestStreamsAreAsDescribed(t *testing.T) {
	d := describe(t)
	nodes := join(t, 10, nil)
	_, at := serve(t, nodes[0], web.Config{})
	for i, value := range []string{"text", "\x00\xff bytes", "\u202e sdrawkcab", "lines\n"} {
		if _, err := nodes[i].Store(t.Context(), khashmir.HashID([]byte("key")), []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	for path, end := range map[string]string{"/v1/values/key?trace=1": "Found", "/v1/lookup/key?trace=1": "Lookup"} {
		_, body := fetch(t, "GET", at+path, "", "text/event-stream")
		said := map[string]int{}
		for _, event := range strings.Split(strings.TrimPrefix(string(body), ":\n\n"), "\n\n") {
			name, data, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
			if !ok {
				continue
			}
			said[name]++
			word := map[string]string{"step": "Step", "value": "Value", "end": end}[name]
			d.conforms(t, path+" "+name, "#/components/schemas/"+word, []byte(data))
			if strings.Contains(data, "\u202e") {
				t.Errorf("%s is shown as text", data)
			}
		}
		if said["step"] < 10 || said["end"] != 1 || end == "Found" && said["value"] != 4 {
			t.Errorf("%s said %v", path, said)
		}
	}
}
