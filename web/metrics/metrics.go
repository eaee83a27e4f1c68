// Package metrics counts for Prometheus what a node does and holds: what
// khashmir.Stats has, and from the node's observer how long lookups take and what
// others ask. It is a package of its own so that nobody else links Prometheus'.
//
//	m := metrics.New()
//	node, err := khashmir.Open(khashmir.Config{Observer: m.Observer()})
//	http.Handle("/metrics", m.Handler(node))
//
// All names begin with khashmir_. docs/grafana.json is a dashboard of them.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/khashmir/kad/khashmir"
)

// Metrics is what was observed of one node.
type Metrics struct {
	duration  *prometheus.HistogramVec
	hops      *prometheus.HistogramVec
	questions *prometheus.HistogramVec
	served    *prometheus.CounterVec
	serving   *prometheus.HistogramVec
	met, lost prometheus.Counter
}

// New has observed nothing.
func New() *Metrics {
	lookup := []string{"for", "result"}
	return &Metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "khashmir_lookup_duration_seconds", Help: "How long lookups took.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15), // to 16 s
		}, lookup),
		hops: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "khashmir_lookup_hops", Help: "How many questions deep lookups found the closest.",
			Buckets: prometheus.LinearBuckets(1, 1, 10),
		}, lookup),
		questions: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "khashmir_lookup_questions", Help: "How many questions lookups put.",
			Buckets: []float64{1, 2, 4, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128},
		}, lookup),
		served: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "khashmir_served_questions_total", Help: "Questions of others that were answered, by method and refused or not.",
		}, []string{"method", "result"}),
		serving: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "khashmir_served_duration_seconds", Help: "How long the answers to others took.",
			Buckets: prometheus.ExponentialBuckets(0.00001, 4, 10), // 10 µs to 2.6 s
		}, []string{"method"}),
		met: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "khashmir_contacts_met_total", Help: "Contacts that were given a place in the routing table.",
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "khashmir_contacts_lost_total", Help: "Contacts that lost their place for they answered no more.",
		}),
	}
}

// Observer is for the node's Config; khashmir.Observers puts it beside others.
func (m *Metrics) Observer() khashmir.Observer {
	return khashmir.Observer{
		Lookup: m.looked,
		Served: func(s khashmir.Served) {
			m.served.WithLabelValues(method(s.Method), result(s.Refusal == 0)).Inc()
			m.serving.WithLabelValues(method(s.Method)).Observe(s.Took.Seconds())
		},
		Met:  func(khashmir.Contact) { m.met.Inc() },
		Lost: func(khashmir.Contact) { m.lost.Inc() },
	}
}

func (m *Metrics) looked(l khashmir.Lookup) {
	wanted, how := "node", result(l.Err == nil)
	if l.Values {
		wanted = "values"
	}
	m.duration.WithLabelValues(wanted, how).Observe(l.Took.Seconds())
	m.hops.WithLabelValues(wanted, how).Observe(float64(l.Hops))
	m.questions.WithLabelValues(wanted, how).Observe(float64(l.Questions))
}

func result(ok bool) string {
	if ok {
		return "ok"
	}
	return "failed"
}

// method is one of those that there are. A stranger may name any, and each label
// is memory for ever.
func method(name string) string {
	switch name {
	case "ping", "find_node", "find_value", "store_value", "compare":
		return name
	}
	return "other"
}

// Collector is all of it: what was observed, and what node counts, read when it
// is collected.
func (m *Metrics) Collector(node *khashmir.Node) prometheus.Collector {
	return &collector{m, node}
}

// Handler answers with all of it, and with what Go and the system say of the
// process.
func (m *Metrics) Handler(node *khashmir.Node) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		m.Collector(node),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}
