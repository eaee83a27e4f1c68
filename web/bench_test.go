package web_test

import (
	"context"
	"testing"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/client"
	"github.com/khashmir/kad/web/metrics"
)

// BenchmarkFind is one find-node in a network of 30 nodes in process, by nodes
// that differ in who hears what they do.
func BenchmarkFind(b *testing.B) {
	idle, busy, unheard := web.NewHub(), web.NewHub(), metrics.New()
	observers := []struct {
		name     string
		observer khashmir.Observer
	}{
		{"nobody", khashmir.Observer{}},
		{"metrics", unheard.Observer()},
		{"hub", idle.Observer()},
		{"listener", busy.Observer()},
	}
	weather := transport.NewNetwork(1)
	nodes := make([]*khashmir.Node, 30)
	for i := range nodes {
		config := khashmir.Config{Key: key(i), Transport: weather.Transport(), Store: khashmir.NewMemoryStore()}
		if i < len(observers) {
			config.Observer = observers[i].observer
		}
		nodes[i] = open(b, config)
	}
	introduce(b, nodes)
	for i, o := range observers {
		b.Run(o.name, func(b *testing.B) {
			if o.name == "listener" {
				g := web.New(nodes[i], web.Config{Local: true, Hub: busy})
				defer g.Close()
				c := client.Handler(g)
				defer c.Close()
				ctx, stop := context.WithCancel(b.Context())
				defer stop()
				go c.Events(ctx, nil)
				until(b, "it listens", func() bool { return busy.Listening() == 1 })
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if _, err := nodes[i].FindNode(b.Context(), nodes[10+n%20].ID()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
