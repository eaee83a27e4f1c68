package web_test

import (
	"testing"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

// clients are all ways to a gateway.
func clients(t *testing.T, node *khashmir.Node) map[string]*client.Client {
	config := web.Config{Token: "a token of some length"}
	_, at := serve(t, node, config)
	inside := client.Handler(web.New(node, web.Config{Local: true}))
	t.Cleanup(inside.Close)
	return map[string]*client.Client{
		"tcp":        client.HTTP(at, config.Token),
		"unix":       local(t, node, web.Config{}),
		"in process": inside,
	}
}

func TestAValueGoesInAndOutOverEveryRoad(t *testing.T) {
	nodes := join(t, 8, nil) // all of them hold everything
	for road, c := range clients(t, nodes[0]) {
		t.Run(road, func(t *testing.T) {
			ctx := t.Context()
			result, err := c.Put(ctx, "greeting "+road, []byte("hello"), client.PutOptions{})
			if err != nil || len(result.Stored) != 8 || result.Key != khashmir.HashID([]byte("greeting "+road)).String() {
				t.Fatalf("stored: %+v, %v", result, err)
			}
			steps := 0
			found, err := c.Get(ctx, result.Key, client.GetOptions{Trace: func(api.Step) { steps++ }})
			if err != nil || len(found.Values) != 1 || string(found.Values[0].Bytes) != "hello" || *found.Values[0].Text != "hello" {
				t.Fatalf("found: %+v, %v", found, err)
			}
			if steps < 2*found.Questions || len(found.Shown) < 8 || found.Answers == 0 || !found.Lookup.Values {
				t.Errorf("%d steps; found %+v", steps, found)
			}
			if result, err = c.Remove(ctx, result.Key, []byte("hello")); err != nil || len(result.Stored) != 8 {
				t.Fatalf("removed: %+v, %v", result, err)
			}
			found, err = c.Get(ctx, result.Key, client.GetOptions{})
			if err != nil || len(found.Values) != 0 {
				t.Errorf("found after its removal: %+v, %v", found, err)
			}
		})
	}
}
