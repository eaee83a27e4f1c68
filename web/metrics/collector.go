package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/khashmir/kad/khashmir"
)

// collector reads a node's Stats.
type collector struct {
	observed *Metrics
	node     *khashmir.Node
}

// figure is one number of Stats.
type figure struct {
	what *prometheus.Desc
	kind prometheus.ValueType
	of   func(s *khashmir.Stats) float64
}

func gauge(name, help string, of func(s *khashmir.Stats) float64) figure {
	return figure{prometheus.NewDesc("khashmir_"+name, help, nil, nil), prometheus.GaugeValue, of}
}

func counter(name, help string, of func(s *khashmir.Stats) float64) figure {
	return figure{prometheus.NewDesc("khashmir_"+name+"_total", help, nil, nil), prometheus.CounterValue, of}
}

var up = prometheus.NewDesc("khashmir_up", "1 while the node is open and its store can be read.", nil, nil)

var figures = []figure{
	gauge("contacts", "Contacts with a place in the routing table.", func(s *khashmir.Stats) float64 { return float64(s.Contacts) }),
	gauge("calls_in_flight", "Operations in progress.", func(s *khashmir.Stats) float64 { return float64(s.InFlight) }),
	gauge("cached_keys", "Keys of which there are copies in the cache.", func(s *khashmir.Stats) float64 { return float64(s.Cached) }),
	gauge("network_nodes", "Nodes there are, estimated; 0 if that is not known.", func(s *khashmir.Stats) float64 { return float64(s.Network) }),
	gauge("contact_half_life_seconds", "How long half of the contacts live, as far as seen.", func(s *khashmir.Stats) float64 { return s.HalfLife.Seconds() }),

	counter("lookups", "Lookups begun.", func(s *khashmir.Stats) float64 { return float64(s.Lookups) }),
	counter("lookup_all_hops", "Hops in all lookups.", func(s *khashmir.Stats) float64 { return float64(s.Hops) }),
	counter("asked_questions", "Questions put to others.", func(s *khashmir.Stats) float64 { return float64(s.Asked) }),
	counter("silent_questions", "Questions put to others that had no answer.", func(s *khashmir.Stats) float64 { return float64(s.Silent) }),
	counter("expired_entries", "Entries dropped because their lifetime was over.", func(s *khashmir.Stats) float64 { return float64(s.Expired) }),

	counter("replication_rounds", "Rounds of comparing with other holders.", func(s *khashmir.Stats) float64 { return float64(s.Rounds) }),
	counter("compared_ranges", "Ranges of keys compared with other holders.", func(s *khashmir.Stats) float64 { return float64(s.Compared) }),
	counter("handed_entries", "Entries that others lacked and were given.", func(s *khashmir.Stats) float64 { return float64(s.Handed) }),
	counter("let_go_entries", "Entries dropped because all whose place it is have them.", func(s *khashmir.Stats) float64 { return float64(s.LetGo) }),

	gauge("store_entries", "Entries held.", func(s *khashmir.Stats) float64 { return float64(s.Store.Entries) }),
	gauge("store_max_entries", "Entries that may be held.", func(s *khashmir.Stats) float64 { return float64(s.MaxEntries) }),
	gauge("store_value_bytes", "Bytes of the values held.", func(s *khashmir.Stats) float64 { return float64(s.Store.Bytes) }),
	gauge("store_max_value_bytes", "Bytes of values that may be held.", func(s *khashmir.Stats) float64 { return float64(s.MaxBytes) }),
	gauge("store_file_bytes", "Bytes of the store's file and its log.", func(s *khashmir.Stats) float64 { return float64(s.Store.FileBytes) }),
	counter("store_damaged_entries", "Entries that the disk did not give back as they were.", func(s *khashmir.Stats) float64 { return float64(s.Store.Damaged) }),

	gauge("transport_connections", "Connections open.", func(s *khashmir.Stats) float64 { return float64(s.Transport.Connections) }),
	counter("transport_handshakes", "Handshakes completed.", func(s *khashmir.Stats) float64 { return float64(s.Transport.Handshakes) }),
	counter("transport_resumed_handshakes", "Handshakes with a remembered session.", func(s *khashmir.Stats) float64 { return float64(s.Transport.Resumed) }),
	counter("transport_asked_questions", "Questions sent.", func(s *khashmir.Stats) float64 { return float64(s.Transport.Asked) }),
	counter("transport_answered_questions", "Questions of others answered.", func(s *khashmir.Stats) float64 { return float64(s.Transport.Answered) }),
	counter("transport_received_bytes", "Bytes of messages received, without headers.", func(s *khashmir.Stats) float64 { return float64(s.Transport.BytesIn) }),
	counter("transport_sent_bytes", "Bytes of messages sent, without headers.", func(s *khashmir.Stats) float64 { return float64(s.Transport.BytesOut) }),
}

// Describe says which metrics there are.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- up
	for _, f := range figures {
		to <- f.what
	}
	for _, o := range c.observed.all() {
		o.Describe(to)
	}
}

// Collect reads them. A node that is closed, or whose store fails, is not up.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	stats, err := c.node.Stats()
	if err != nil {
		to <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, 0)
	} else {
		to <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, 1)
		for _, f := range figures {
			to <- prometheus.MustNewConstMetric(f.what, f.kind, f.of(&stats))
		}
	}
	for _, o := range c.observed.all() {
		o.Collect(to)
	}
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.duration, m.hops, m.questions, m.served, m.serving, m.met, m.lost}
}
