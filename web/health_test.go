package web

import (
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
	"github.com/khashmir/kad/web/api"
)

// state is what the check of that name has come to, as clients are told.
func state(t *testing.T, g *Gateway, name string) api.Check {
	t.Helper()
	request := httptest.NewRequest("GET", "http://localhost/v1/status", nil)
	answer := httptest.NewRecorder()
	g.ServeHTTP(answer, request)
	var status api.Status
	if err := json.Unmarshal(answer.Body.Bytes(), &status); err != nil || answer.Code != 200 {
		t.Fatalf("%d %s: %v", answer.Code, answer.Body, err)
	}
	for _, c := range status.Health {
		if c.Name == name {
			if c.Says == "" || c.State != api.OK && c.Do == "" {
				t.Errorf("%+v says nothing, or not what to do", c)
			}
			return c
		}
	}
	t.Fatalf("nothing checks %s", name)
	return api.Check{}
}

func want(t *testing.T, g *Gateway, name, wanted string) {
	t.Helper()
	if c := state(t, g, name); c.State != wanted {
		t.Errorf("%s is %s, want %s: %s", name, c.State, wanted, c.Says)
	}
}

func start(t *testing.T, network *transport.Network, change func(c *khashmir.Config)) *khashmir.Node {
	t.Helper()
	config := khashmir.Config{Transport: network.Transport(), Store: khashmir.NewMemoryStore()}
	if change != nil {
		change(&config)
	}
	node, err := khashmir.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Abort() })
	return node
}

func meet(t *testing.T, a, b *khashmir.Node) {
	t.Helper()
	if _, err := a.AddContact(t.Context(), b.Addr().String()); err != nil {
		t.Fatal(err)
	}
}

func TestANodeWithoutContactsIsDegraded(t *testing.T) {
	network := transport.NewNetwork(1)
	node, other := start(t, network, nil), start(t, network, nil)
	g := New(node, Config{})
	want(t, g, "contacts", api.Failed)
	meet(t, node, other)
	want(t, g, "contacts", api.OK)
}

// Behind a NAT questions go out, answers come back, and nobody asks.
func TestANodeThatNobodyAsksIsDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := transport.NewNetwork(1)
		// A client is not asked, as one behind a NAT: it is only not said that it is one.
		hidden := start(t, network, func(c *khashmir.Config) { c.Client = true })
		asked := start(t, network, nil)
		for range 10 {
			other := start(t, network, nil)
			meet(t, hidden, other)
			meet(t, asked, other)
		}
		g, served, client := New(hidden, Config{}), New(asked, Config{}), New(hidden, Config{Client: true})
		for range 40 {
			want(t, g, "reachable", api.OK) // too early to tell
			hidden.FindNode(t.Context(), khashmir.HashID([]byte("anything")))
			hidden.FindNode(t.Context(), asked.ID())
			time.Sleep(kad.HealthWindow / 40)
		}
		want(t, g, "reachable", api.Warning)
		want(t, served, "reachable", api.OK)
		want(t, client, "reachable", api.OK)
		if n := len(g.health.before); n > int(kad.HealthWindow/kad.HealthInterval)+2 {
			t.Errorf("it remembers %d samples", n)
		}
	})
}

func TestANodeThatNobodyAnswersIsDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := transport.NewNetwork(1)
		node := start(t, network, func(c *khashmir.Config) { c.Client = true })
		var others []netip.AddrPort
		for range 30 {
			other := start(t, network, nil)
			meet(t, node, other)
			others = append(others, other.Addr())
		}
		g := New(node, Config{})
		want(t, g, "answers", api.OK)
		for _, other := range others {
			network.Kill(other)
		}
		node.FindNode(t.Context(), khashmir.HashID([]byte("anything")))
		want(t, g, "answers", api.Failed)
		for _, other := range others {
			network.Revive(other)
		}
		for range 5 {
			time.Sleep(kad.HealthWindow / 4)
			for i := range 10 {
				node.FindNode(t.Context(), khashmir.HashID([]byte{byte(i)}))
			}
			state(t, g, "answers")
		}
		want(t, g, "answers", api.OK) // it was long ago
	})
}

func TestAFullStoreIsDegraded(t *testing.T) {
	network := transport.NewNetwork(1)
	node := start(t, network, func(c *khashmir.Config) {
		c.Store, c.Path = nil, filepath.Join(t.TempDir(), "node.db")
		c.MaxEntries, c.MaxPublisherEntries, c.QuotaEntries, c.MaxGroupEntries = 20, 20, 20, 20
	})
	meet(t, node, start(t, network, nil))
	g := New(node, Config{})
	for i := range 20 {
		switch {
		case i < 18:
			want(t, g, "store", api.OK)
		default:
			want(t, g, "store", api.Warning)
		}
		if _, err := node.Store(t.Context(), khashmir.HashID([]byte{byte(i)}), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	want(t, g, "store", api.Failed)
}

func TestADamagedDiskIsDegraded(t *testing.T) {
	if c := disk(khashmir.Stats{}, nil); c.State != api.OK {
		t.Errorf("%+v", c)
	}
	if c := disk(khashmir.Stats{Store: store.Stats{Damaged: 3}}, nil); c.State != api.Warning || !strings.Contains(c.Says, "3 entries") {
		t.Errorf("%+v", c)
	}
}

// /proc as Linux has it.
func TestLostPacketsAreSeen(t *testing.T) {
	const head = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n"
	line := func(address, drops string) []byte {
		return []byte(head + "  123: " + address + " 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 31337 2 0000000000000000 " + drops + "\n garbage\n")
	}
	proc := fstest.MapFS{
		"net/udp":               {Data: line("0100007F:1F90", "7")},
		"net/udp6":              {Data: line("00000000000000000000000000000000:1F90", "5")},
		"sys/net/core/rmem_max": {Data: []byte("212992\n")},
	}
	if n, ok := drops(proc, 8080); n != 12 || !ok {
		t.Errorf("%d, %v; want 12", n, ok)
	}
	if n, ok := drops(proc, 8081); ok {
		t.Errorf("another port has %d", n)
	}
	now := time.Now()
	before, after := sample{at: now, drops: 2}, sample{at: now.Add(time.Minute), drops: 12}
	if c := buffers(proc, 8080, before, after); c.State != api.Warning || !strings.Contains(c.Do, "rmem_max=4194304") {
		t.Errorf("%+v", c)
	}
	if c := buffers(proc, 8080, after, after); c.State != api.OK {
		t.Errorf("long ago: %+v", c)
	}
	if c := buffers(fstest.MapFS{}, 8080, before, after); c.State != api.OK || !strings.Contains(c.Says, "does not say") {
		t.Errorf("without /proc: %+v", c)
	}
	proc["sys/net/core/rmem_max"].Data = []byte("4194304\n")
	if c := buffers(proc, 8080, before, after); strings.Contains(c.Do, "sysctl") {
		t.Errorf("with large buffers: %+v", c)
	}
}

func TestAClockThatIsWrongIsSeen(t *testing.T) {
	now := time.Date(kad.FirstYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, slept := range []time.Duration{0, -kad.ClockJump, kad.ClockJump} {
		if c := clock(now, now.Add(time.Hour+slept), time.Hour); c.State != api.OK {
			t.Errorf("%+v", c)
		}
	}
	for _, jump := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		if c := clock(now, now.Add(time.Hour+jump), time.Hour); c.State != api.Warning || !strings.Contains(c.Says, "24h") {
			t.Errorf("set by %v: %+v", jump, c)
		}
	}
	if c := clock(time.Unix(0, 0), time.Unix(60, 0), time.Minute); c.State != api.Failed {
		t.Errorf("1970: %+v", c)
	}
}

func TestRough(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m", 30 * time.Minute: "30m", 90 * time.Minute: "1h30m", -2 * time.Hour: "-2h0m",
	} {
		if got := rough(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
