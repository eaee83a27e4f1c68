package lab_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/lab"
)

// start is a lab of so many nodes that know each other, and where it answers.
func start(t *testing.T, peers int) (*lab.Lab, string) {
	t.Helper()
	config := testnet.Default()
	config.Peers, config.Transport, config.Store, config.Seed = peers, testnet.Mem, testnet.Memory, 3
	l, err := lab.Start(t.Context(), config, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(l)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	if err := l.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l, server.URL
}

// ask asks for path and fills in the answer, unless that is nil.
func ask(t *testing.T, method, url, body string, answer any) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && answer != nil {
		err = json.Unmarshal(said, answer)
	}
	if err != nil {
		t.Fatalf("%s %s: %d, %v in %s", method, url, response.StatusCode, err, said)
	}
	return response.StatusCode
}

func TestAllNodesAreListedAndEachHasItsAPI(t *testing.T) {
	l, url := start(t, 12)
	// When the network is asked for
	var n api.Network
	if status := ask(t, "GET", url+"/v1/network", "", &n); status != http.StatusOK || n.Mode != "testnet" || n.Cut || len(n.Nodes) != 12 {
		t.Fatalf("%d, %+v", status, n)
	}
	for i, p := range l.Network.Peers() {
		// then each node is there
		if node := n.Nodes[i]; node.ID != p.ID.String() || node.Addr != p.Addr.String() || !node.Up || node.Contacts == 0 {
			t.Errorf("node %d is %+v", i, node)
		}
		// and answers for itself
		var s api.Status
		if status := ask(t, "GET", url+"/at/"+strings.ToUpper(p.ID.String())+"/v1/status", "", &s); status != http.StatusOK || s.ID != p.ID.String() {
			t.Errorf("node %d: %d, %+v", i, status, s)
		}
	}
	// and what one stores, another finds, and the list counts
	a, b := "/at/"+n.Nodes[0].ID, "/at/"+n.Nodes[7].ID
	var stored api.Result
	if status := ask(t, "PUT", url+a+"/v1/values/k", "value", &stored); status != http.StatusOK || len(stored.Stored) != 8 {
		t.Errorf("%d, %+v", status, stored)
	}
	var found api.Found
	if status := ask(t, "GET", url+b+"/v1/values/k", "", &found); status != http.StatusOK || len(found.Values) != 1 {
		t.Errorf("%d, %+v", status, found)
	}
	entries := 0
	ask(t, "POST", url+"/v1/network/heal", "{}", &n)
	for _, node := range n.Nodes {
		entries += node.Entries
	}
	if entries != 8 {
		t.Errorf("%d entries are counted", entries)
	}
}

func TestANodeIsKilledAndStartedAgain(t *testing.T) {
	l, url := start(t, 8)
	id := l.Network.Peers()[5].ID.String()
	// Given one who listens to the node
	stream, err := http.Get(url + "/at/" + id + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	// when it is killed
	var n api.Network
	if status := ask(t, "POST", url+"/v1/network/kill", `{"id":"`+id+`"}`, &n); status != http.StatusOK || n.Nodes[5].Up || n.Nodes[5].ID != id {
		t.Fatalf("%d, %+v", status, n.Nodes[5])
	}
	// then who listens is left, and it answers no more
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
	var problem struct{ Error api.Problem }
	if status := ask(t, "GET", url+"/at/"+id+"/v1/status", "", &problem); status != http.StatusServiceUnavailable || problem.Error.Code != api.Closing {
		t.Errorf("%d, %+v", status, problem)
	}
	// and when it is started again, it is as before
	if status := ask(t, "POST", url+"/v1/network/start", `{"id":"`+id+`"}`, &n); status != http.StatusOK || !n.Nodes[5].Up || n.Nodes[5].Contacts == 0 {
		t.Errorf("%d, %+v", status, n.Nodes[5])
	}
	var s api.Status
	if status := ask(t, "GET", url+"/at/"+id+"/v1/status", "", &s); status != http.StatusOK || s.ID != id {
		t.Errorf("%d, %+v", status, s)
	}
}

func TestTheNetworkIsCutAndHealed(t *testing.T) {
	_, url := start(t, 10)
	var n api.Network
	if status := ask(t, "POST", url+"/v1/network/cut", `{"share":0.3}`, &n); status != http.StatusOK || !n.Cut {
		t.Fatalf("%d, %+v", status, n)
	}
	ones := 0
	for _, node := range n.Nodes {
		ones += node.Side
	}
	if ones != 3 {
		t.Errorf("%d of 10 are cut off", ones)
	}
	var healed api.Network
	if status := ask(t, "POST", url+"/v1/network/heal", `{}`, &healed); status != http.StatusOK || healed.Cut || len(healed.Nodes) != 10 {
		t.Error("it is still cut")
	}
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	l, url := start(t, 4)
	id := l.Network.Peers()[1].ID.String()
	for _, c := range []struct {
		method, path, body string
		status             int
		code, says         string
	}{
		{"POST", "/v1/network/start", `{"id":"` + id + `"}`, 400, api.BadRequest, "the peer is up"},
		{"POST", "/v1/network/kill", `{"id":"` + strings.Repeat("0", 40) + `"}`, 404, api.NotFound, "no node of this network"},
		{"POST", "/v1/network/kill", `{}`, 404, api.NotFound, "no node of this network"},
		{"POST", "/v1/network/kill", `kill`, 400, api.BadRequest, "say it in JSON"},
		{"POST", "/v1/network/kill", strings.Repeat(" ", 2<<10), 400, api.BadRequest, "say it in JSON"},
		{"POST", "/v1/network/cut", `{"share":0.1}`, 400, api.BadRequest, "2 peers at least"},
		{"POST", "/v1/network/cut", `{}`, 400, api.BadRequest, "2 peers at least"},
		{"POST", "/v1/network/burn", `{}`, 404, api.NotFound, "kill, start, cut and heal"},
		{"GET", "/at/nobody/v1/status", "", 404, api.NotFound, "no node of this network"},
		{"GET", "/at/" + id + "/v1/nothing", "", 404, api.NotFound, "nothing at this path"},
		{"GET", "/at/" + id + "/v1/backup", "", 403, "", ""},
	} {
		var said struct{ Error api.Problem }
		status := ask(t, c.method, url+c.path, c.body, &said)
		if status != c.status || c.code != "" && said.Error.Code != c.code || !strings.Contains(said.Error.Message, c.says) {
			t.Errorf("%s %s %.20s: %d, %+v", c.method, c.path, c.body, status, said.Error)
		}
	}
}

func TestNoOtherSitesPageGetsAtTheNetwork(t *testing.T) {
	l, url := start(t, 4)
	id := l.Network.Peers()[1].ID.String()
	for _, c := range []struct{ method, path, name, value string }{
		{"GET", "/v1/network", "Host", "evil.example"},
		{"GET", "/at/" + id + "/v1/table", "Host", "evil.example"},
		{"POST", "/v1/network/kill", "Sec-Fetch-Site", "cross-site"},
		{"GET", "/at/" + id + "/v1/table", "Sec-Fetch-Site", "cross-site"},
		{"PUT", "/at/" + id + "/v1/values/k", "Origin", "http://evil.example"},
	} {
		// When a page of another site, or one under another name, asks
		r, err := http.NewRequest(c.method, url+c.path, strings.NewReader(`{"id":"`+id+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(c.name, c.value)
		if c.name == "Host" {
			r.Host = c.value
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		// then it is refused
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("%+v: %d", c, response.StatusCode)
		}
	}
	if l.Network.Peers()[1].Node == nil {
		t.Error("and the node is dead")
	}
}

func TestEventsSayWhoseTheyAre(t *testing.T) {
	l, url := start(t, 6)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	// Given one who listens to all
	r, _ := http.NewRequestWithContext(ctx, "GET", url+"/v1/events", nil)
	stream, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	// when two nodes look for something, one of them in its second life
	peers := l.Network.Peers()
	if err := l.Network.Kill(4); err != nil {
		t.Fatal(err)
	}
	if err := l.Network.Revive(ctx, 4); err != nil {
		t.Fatal(err)
	}
	waiting := map[string]bool{peers[2].ID.String(): true, peers[4].ID.String(): true}
	target := khashmir.HashID([]byte("what they look for"))
	for _, i := range []int{2, 4} {
		if _, err := l.Network.Peers()[i].Node.FindNode(ctx, target); err != nil {
			t.Fatal(err)
		}
	}
	// then the events of both come, with their IDs
	lines := bufio.NewScanner(stream.Body)
	for len(waiting) > 0 && lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil || e.Node == "" && e.Dropped == 0 {
			t.Fatalf("%v in %s", err, data)
		}
		if e.Lookup != nil && e.Lookup.Target == target.String() {
			delete(waiting, e.Node)
		}
	}
	if len(waiting) > 0 {
		t.Errorf("nothing was heard of %v: %v", waiting, lines.Err())
	}
}
