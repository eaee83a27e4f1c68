// Package load asks a node of package mainline as much as it answers, beside a
// bare server of UDP packets that does nothing but send them back. Each serves in
// a process of its own with one core to itself, so that CPU is the server's alone;
// the one that asks has another. All of it is on loopback.
package load

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
)

// InFlight is how many questions are on their way when it is asked as much as it
// answers.
const InFlight = 128

// Answered is what a server did with one kind of question.
type Answered struct {
	What    string    `json:"what"`
	PerS    float64   `json:"per_s"`
	CPUS    float64   `json:"cpu_s_per_100k"` // of the server
	ToEcho  float64   `json:"cpu_to_echo"`    // times the bare echo's
	P50US   float64   `json:"p50_us"`         // with one in flight
	P99US   float64   `json:"p99_us"`
	EachCPU []float64 `json:"each_cpu_s_per_100k"` // by round
}

// Report is of all kinds, the bare echo first.
type Report struct {
	Contacts int        `json:"contacts"` // in the node's table
	Answered []Answered `json:"answered"`
}

// kind is a kind of question, ready to be sent.
type kind struct {
	what      string
	server    *server
	questions [][]byte
	ends      []byte // what a good answer ends with
}

var (
	isReply    = []byte("1:y1:re")
	isQuestion = []byte("1:y1:qe")
)

// Measure asks each kind of question for so long, so many times, turn about.
// command is the program that calls Serve with its last argument.
func Measure(ctx context.Context, command []string, about time.Duration, rounds int) (*Report, error) {
	echo, err := start(ctx, command, Echo)
	if err != nil {
		return nil, err
	}
	defer echo.stop()
	node, err := start(ctx, command, Node)
	if err != nil {
		return nil, err
	}
	defer node.stop()
	kinds, err := kindsOf(node)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	kinds = slices.Insert(kinds, 0, kind{"bare echo", echo, kinds[0].questions, isQuestion})

	runs := make([][]run, len(kinds))
	for range rounds {
		for i, k := range kinds {
			r, err := k.measure(ctx, about)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k.what, err)
			}
			runs[i] = append(runs[i], r)
		}
	}
	report := &Report{Contacts: node.contacts}
	for i, k := range kinds {
		report.Answered = append(report.Answered, summary(k.what, runs[i], runs[0]))
	}
	return report, nil
}

// run is one measurement of one kind.
type run struct{ perS, cpuS, p50, p99 float64 }

func (k kind) measure(ctx context.Context, about time.Duration) (r run, err error) {
	c, err := connect(k)
	if err != nil {
		return r, err
	}
	defer c.close()
	if _, err := c.flood(ctx, about/10, InFlight); err != nil { // warm
		return r, err
	}
	before, err := k.server.cpu()
	if err != nil {
		return r, err
	}
	begun := time.Now()
	count, err := c.flood(ctx, about, InFlight)
	if err != nil {
		return r, err
	}
	took := time.Since(begun)
	after, err := k.server.cpu()
	if err != nil {
		return r, err
	}
	r.perS = float64(count) / took.Seconds()
	r.cpuS = (after - before).Seconds() / float64(count) * 1e5
	r.p50, r.p99, err = c.one(ctx, about/4)
	return r, err
}

// summary has the median of each figure, and of the ratios of each round.
func summary(what string, runs, echo []run) Answered {
	of := func(figure func(i int) float64) float64 {
		all := make([]float64, len(runs))
		for i := range runs {
			all[i] = figure(i)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	a := Answered{
		What:   what,
		PerS:   of(func(i int) float64 { return runs[i].perS }),
		CPUS:   of(func(i int) float64 { return runs[i].cpuS }),
		ToEcho: of(func(i int) float64 { return runs[i].cpuS / echo[i].cpuS }),
		P50US:  of(func(i int) float64 { return runs[i].p50 }),
		P99US:  of(func(i int) float64 { return runs[i].p99 }),
	}
	for _, r := range runs {
		a.EachCPU = append(a.EachCPU, r.cpuS)
	}
	return a
}

// kindsOf are the questions to a node that holds an item, and a peer of each
// info-hash that it is asked for.
func kindsOf(node *server) ([]kind, error) {
	targets := make([]kad.ID, 1024)
	for i := range targets {
		targets[i] = kad.HashID(fmt.Appendf(nil, "target %d", i))
	}
	each := func(method string, args func(target kad.ID) dict) (all [][]byte) {
		for _, target := range targets {
			all = append(all, question(method, args(target)))
		}
		return all
	}
	value := fmt.Sprintf("%0200d", 0)
	item := sha1Of(fmt.Sprintf("%d:%s", len(value), value))
	token, err := node.token("get", dict{"target": raw(item)})
	if err != nil {
		return nil, err
	}
	if err := node.tell("put", dict{"v": value, "token": token}); err != nil {
		return nil, err
	}
	if token, err = node.token("get_peers", dict{"info_hash": raw(targets[0])}); err != nil {
		return nil, err
	}
	announce := func(target kad.ID) dict {
		return dict{"info_hash": raw(target), "port": 6881, "token": token}
	}
	for _, target := range targets {
		if err := node.tell("announce_peer", announce(target)); err != nil {
			return nil, err
		}
	}
	return []kind{
		{"ping", node, each("ping", func(kad.ID) dict { return dict{} }), isReply},
		{"find_node", node, each("find_node", func(t kad.ID) dict { return dict{"target": raw(t)} }), isReply},
		{"get_peers", node, each("get_peers", func(t kad.ID) dict { return dict{"info_hash": raw(t)} }), isReply},
		{"BEP 44 get", node, each("get", func(kad.ID) dict { return dict{"target": raw(item)} }), isReply},
		{"announce", node, each("announce_peer", announce), isReply},
	}, nil
}

// good reports whether an answer is what it should be.
func (k kind) good(answer []byte) bool { return bytes.HasSuffix(answer, k.ends) }
