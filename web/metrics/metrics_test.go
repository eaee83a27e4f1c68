package metrics_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
	"github.com/khashmir/kad/web/metrics"
)

// observed is a node that has met others, stored a value and found it, and was
// asked; with all that was measured of it.
func observed(t *testing.T) (*khashmir.Node, *metrics.Metrics) {
	t.Helper()
	m, network, folder := metrics.New(), transport.NewNetwork(1), t.TempDir()
	var nodes []*khashmir.Node
	for i := range 10 {
		config := khashmir.Config{Transport: network.Transport(), Path: filepath.Join(folder, fmt.Sprint(i))}
		if i == 0 {
			config.Observer = m.Observer()
		}
		node, err := khashmir.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { node.Abort() })
		nodes = append(nodes, node)
		if i > 0 {
			node.AddContact(t.Context(), nodes[0].Addr().String())
			nodes[0].AddContact(t.Context(), node.Addr().String())
		}
	}
	key := khashmir.HashID([]byte("key"))
	if _, err := nodes[0].Store(t.Context(), key, []byte("value")); err != nil {
		t.Fatal(err)
	}
	for range nodes[0].Values(t.Context(), key) {
	}
	nodes[3].FindNode(t.Context(), nodes[0].ID())
	// An observer may hear of a lookup a moment after its caller.
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(shown(m, nodes[0]), `khashmir_lookup_hops_count{for="values"`); <-again.C {
		if time.Now().After(deadline) {
			t.Fatal("the find was not heard of")
		}
	}
	return nodes[0], m
}

// shown is what Prometheus reads.
func shown(m *metrics.Metrics, node *khashmir.Node) string {
	answer := httptest.NewRecorder()
	m.Handler(node).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.String()
}

func TestWhatIsCountedIsShown(t *testing.T) {
	node, m := observed(t)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m.Collector(node))
	text := shown(m, node)
	stats, err := node.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"khashmir_up 1",
		"khashmir_contacts 9",
		fmt.Sprintf("khashmir_store_entries %d", stats.Store.Entries),
		`khashmir_lookup_duration_seconds_count{for="values",result="ok"} `,
		`khashmir_lookup_hops_bucket{for="node",result="ok",le="10"} `,
		`khashmir_served_questions_total{method="find_node",result="ok"} `,
		"khashmir_contacts_met_total 9",
		"go_goroutines ",
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%q is not there", line)
		}
	}
	if problems, err := testutil.CollectAndLint(m.Collector(node)); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

// A stranger may name any method; each of its own would be a label for ever.
func TestAStrangerMakesNoLabels(t *testing.T) {
	node, m := observed(t)
	before, err := testutil.GatherAndCount(gatherer(m, node))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		m.Observer().Served(khashmir.Served{Method: fmt.Sprintf("no method %d", i), Refusal: krpc.CodeUnknownMethod})
	}
	after, err := testutil.GatherAndCount(gatherer(m, node))
	if err != nil || after > before+50 { // the others go on asking, by methods that there are
		t.Errorf("%d series have become %d, %v", before, after, err)
	}
}

func gatherer(m *metrics.Metrics, node *khashmir.Node) prometheus.Gatherer {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(m.Collector(node))
	return r
}

func TestAClosedNodeIsNotUp(t *testing.T) {
	node, m := observed(t)
	node.Abort()
	up := "# HELP khashmir_up 1 while the node is open and its store can be read.\n# TYPE khashmir_up gauge\nkhashmir_up 0\n"
	if err := testutil.CollectAndCompare(m.Collector(node), strings.NewReader(up), "khashmir_up", "khashmir_contacts"); err != nil {
		t.Error(err)
	}
}

// Every metric that the dashboard names exists, and every one of ours is on it.
func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	node, m := observed(t)
	families, err := gatherer(m, node).Gather()
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for _, f := range families {
		exists[f.GetName()] = true
	}
	text, err := os.ReadFile("../../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	onIt := map[string]bool{}
	name := regexp.MustCompile(`khashmir_[a-z_]+`)
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			for _, named := range name.FindAllString(target.Expr, -1) {
				for _, part := range []string{"_bucket", "_count", "_sum"} {
					named = strings.TrimSuffix(named, part)
				}
				if onIt[named] = true; !exists[named] {
					t.Errorf("%q shows %s, which there is not", panel.Title, named)
				}
			}
		}
	}
	for metric := range exists {
		if !onIt[metric] {
			t.Errorf("%s is not on the dashboard", metric)
		}
	}
}
