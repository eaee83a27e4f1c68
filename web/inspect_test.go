package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

// Every key is on one page, in order, whatever the size of the pages.
func TestPagesOfHoldingsHaveEverythingOnce(t *testing.T) {
	nodes := join(t, 3, nil)
	var keys []string
	for i := range 25 {
		key := khashmir.HashID([]byte{byte(i)})
		keys = append(keys, key.String())
		if _, err := nodes[1].Store(t.Context(), key, bytes.Repeat([]byte("x"), i)); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(keys)
	c := local(t, nodes[0], web.Config{})
	for _, limit := range []int{0, 1, 7, 24, 25, 26, 1000} {
		var got []string
		for from, more := "", true; more; {
			page, err := c.Holdings(t.Context(), from, limit)
			if err != nil || limit > 0 && len(page.Holdings) > limit {
				t.Fatalf("%d keys from %q: %d, %v", limit, from, len(page.Holdings), err)
			}
			for _, h := range page.Holdings {
				got = append(got, h.Key)
			}
			from, more = page.Next, page.Next != ""
		}
		if !slices.Equal(got, keys) {
			t.Errorf("in pages of %d there are %d keys, want %d: %q", limit, len(got), len(keys), got)
		}
	}
}

// The table's buckets are the whole ID space, cut where their prefixes say, and
// each contact is where it belongs.
func TestTheTableIsAsItSays(t *testing.T) {
	nodes := join(t, 40, nil)
	c := local(t, nodes[0], web.Config{})
	table, err := c.Table(t.Context())
	if err != nil || table.Self != nodes[0].ID().String() || table.K != kad.K || len(table.Buckets) < 2 {
		t.Fatalf("%+v, %v", table, err)
	}
	contacts := 0
	for i, b := range table.Buckets {
		for _, m := range b.Contacts {
			contacts++
			id, err := khashmir.ParseID(m.ID)
			if err != nil || !strings.HasPrefix(bits(id), b.Prefix) {
				t.Errorf("%s (%s) is in the bucket %s, %v", m.ID, bits(id)[:8], b.Prefix, err)
			}
		}
		ours := strings.HasPrefix(bits(nodes[0].ID()), b.Prefix)
		if last := i == len(table.Buckets)-1; ours != last {
			t.Errorf("our own ID is in bucket %d of %d", i, len(table.Buckets))
		}
	}
	if status, err := c.Status(t.Context()); err != nil || status.Contacts != contacts {
		t.Errorf("%d contacts in the table, and %d in the status, %v", contacts, status.Contacts, err)
	}
}

func bits(id khashmir.ID) string {
	all := ""
	for _, b := range id {
		all += fmt.Sprintf("%08b", b)
	}
	return all
}

// An answer in JSON has an end; a stream has everything.
func TestMoreThanOneAnswerTakes(t *testing.T) {
	nodes := join(t, 3, nil)
	const values = kad.GatewayFound/kad.MaxValueSize + 3
	key := khashmir.HashID([]byte("full"))
	for i := range values {
		value := bytes.Repeat([]byte{byte(i)}, kad.MaxValueSize)
		if _, err := nodes[1].Store(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	_, at := serve(t, nodes[0], web.Config{})
	response, body := fetch(t, "GET", at+"/v1/values/full", "", "application/json")
	found := told[api.Found](t, body)
	if response.StatusCode != 200 || len(found.Values) != kad.GatewayFound/kad.MaxValueSize || found.Error == nil || found.Error.Code != api.Incomplete {
		t.Errorf("%d: %d values, %v", response.StatusCode, len(found.Values), found.Error)
	}
	c := client.HTTP(at, "")
	defer c.Close()
	all, err := c.Get(t.Context(), "full", client.GetOptions{})
	if err != nil || len(all.Values) != values {
		t.Errorf("a stream has %d values of %d, %v", len(all.Values), values, err)
	}
	some, err := c.Get(t.Context(), "full", client.GetOptions{Enough: 2})
	if err != nil || len(some.Values) < 2 {
		t.Errorf("enough are %d, %v", len(some.Values), err)
	}
	err = c.Watch(within(t, 20*time.Second), "full", 0, func(api.Value) {})
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code != api.TooLarge {
		t.Errorf("it can be watched: %v", err)
	}
}

// An operation has its time, and the answer says what was found until then.
func TestAnOperationHasItsTime(t *testing.T) {
	weather := transport.NewNetwork(1)
	weather.SetTimeout(time.Hour)
	nodes := make([]*khashmir.Node, 3)
	for i := range nodes {
		nodes[i] = open(t, khashmir.Config{Key: key(i), Transport: weather.Transport(), Store: khashmir.NewMemoryStore()})
	}
	introduce(t, nodes)
	if _, err := nodes[0].Store(t.Context(), khashmir.HashID([]byte("key")), []byte("value")); err != nil {
		t.Fatal(err)
	}
	weather.Kill(nodes[1].Addr())
	weather.Kill(nodes[2].Addr())
	g, at := serve(t, nodes[0], web.Config{Timeout: 100 * time.Millisecond, Requests: 1})
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1/lookup/x", 504},
		{"GET", "/v1/values/x", 504},
		{"PUT", "/v1/values/x", 504},
		{"GET", "/v1/values/key", 200}, // what is here was found
	} {
		begun := time.Now()
		response, body := fetch(t, c.method, at+c.path, "", "application/json")
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s %s took %v", c.method, c.path, took)
		}
		if response.StatusCode != c.status || !strings.Contains(string(body), `"code":"timeout"`) {
			t.Errorf("%s %s: %d %s", c.method, c.path, response.StatusCode, body)
		}
	}
	g.Close()
}

// An operation that is in progress when the gateway is closed has a while to end;
// then it is ended.
func TestACloseWaitsForOperationsAWhile(t *testing.T) {
	t.Parallel()
	weather := transport.NewNetwork(1)
	weather.SetTimeout(time.Hour)
	nodes := make([]*khashmir.Node, 2)
	for i := range nodes {
		nodes[i] = open(t, khashmir.Config{Key: key(i), Transport: weather.Transport(), Store: khashmir.NewMemoryStore()})
	}
	introduce(t, nodes)
	weather.Kill(nodes[1].Addr())
	g, at := serve(t, nodes[0], web.Config{Requests: 1})
	c := client.HTTP(at, "")
	defer c.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := c.FindNode(t.Context(), "x", nil)
		ended <- err
	}()
	until(t, "it looks", func() bool { s, err := nodes[0].Stats(); return err == nil && s.InFlight > 0 })
	_, err := c.Stats(t.Context())
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code != api.Busy {
		t.Errorf("a second one at once: %v", err)
	}
	begun := time.Now()
	g.Close()
	if took := time.Since(begun); took < kad.GatewayGrace/2 || took > 3*kad.GatewayGrace {
		t.Errorf("it took %v to close, where %v is the grace", took, kad.GatewayGrace)
	}
	err = <-ended
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Code != api.Closing {
		t.Errorf("the operation ended with %v", err)
	}
}
