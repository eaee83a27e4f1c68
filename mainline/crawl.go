package mainline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc/bep5"
)

// CrawlConfig is what to crawl. Its zero value asks everybody that can be found
// once, politely.
type CrawlConfig struct {
	// Out gets a line of JSON, a CrawlLine, for all that was learned. Default:
	// nobody hears of it but the report.
	Out io.Writer

	// Resume is the lines of an earlier crawl: who is known from it need not be
	// found again, and who was asked in its last round is not asked again
	// in this one. Default: a fresh start.
	Resume io.Reader

	// Rounds is how often all that are known are asked: from two on there is
	// churn to see. Default: 1.
	Rounds int

	// Pause is how long to wait between two rounds. Default: none.
	Pause time.Duration

	// MaxNodes ends the search for more. Default: kad.MaxCrawlNodes.
	MaxNodes int

	// Questions is how many targets each node is asked for: the nodes that it
	// knows are in buckets. Default: kad.CrawlQuestions.
	Questions int

	// InFlight is how many nodes are asked at once. The node's own pace, see
	// Config.PacketsPerMinute, holds all the same. Default: kad.CrawlInFlight.
	InFlight int
}

func (c CrawlConfig) withDefaults() CrawlConfig {
	c.Rounds = max(c.Rounds, 1)
	c.MaxNodes = cmp.Or(max(c.MaxNodes, 0), kad.MaxCrawlNodes)
	c.Questions = cmp.Or(max(c.Questions, 0), kad.CrawlQuestions)
	c.InFlight = cmp.Or(max(c.InFlight, 0), kad.CrawlInFlight)
	if c.Out == nil {
		c.Out = io.Discard
	}
	return c
}

// Crawl asks all nodes that can be found from where node is, in rounds, and
// writes what it learns as it goes. It ends with the context; what was written
// until then can be resumed. A line that could not be written ends it too.
func Crawl(ctx context.Context, node *Node, config CrawlConfig) (CrawlReport, error) {
	c := &crawl{node: node, config: config.withDefaults(), known: make(map[netip.AddrPort]*crawled)}
	c.out = json.NewEncoder(c.config.Out)
	if config.Resume != nil {
		if err := c.resume(config.Resume); err != nil {
			return c.report(), fmt.Errorf("crawl: resume: %w", err)
		}
	}
	err := c.rounds(ctx)
	if err != nil {
		err = fmt.Errorf("crawl: %w", err)
	}
	return c.report(), err
}

// crawl is one crawl; its goroutine alone touches it.
type crawl struct {
	node   *Node
	config CrawlConfig
	out    *json.Encoder

	known     map[netip.AddrPort]*crawled
	order     []netip.AddrPort // of known, as they were heard of
	next      int              // in order: whom to ask next in this round
	round     int              // the first is 1
	questions int
	failed    error // to write
}

// crawled is a node that was heard of.
type crawled struct {
	id       kad.ID
	version  string
	asked    int // the round that it was last asked in
	answered int // the round that it last answered in
	before   int // the round that it answered in before that
	idBefore kad.ID
}

// visit is what became of asking a node.
type visit struct {
	addr    netip.AddrPort
	id      kad.ID
	version string
	rtt     time.Duration
	named   []kad.Contact
	asked   int
	err     error
}

func (c *crawl) rounds(ctx context.Context) error {
	_, _ = c.node.FindNode(ctx, c.node.ID()) // a node that is just joining waits for that
	for c.seed(); ; {
		c.round = max(c.round, 1)
		if err := c.ask(ctx); err != nil {
			return err
		}
		report := c.report()
		c.write(CrawlLine{Kind: CrawlRound, Report: &report})
		if c.failed != nil || c.round >= c.config.Rounds {
			return c.failed
		}
		timer := time.NewTimer(c.config.Pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
		c.round, c.next = c.round+1, 0
	}
}

// seed begins with whom the node knows.
func (c *crawl) seed() {
	n := c.node
	n.mu.Lock()
	var contacts []kad.Contact
	for _, s := range n.sides {
		contacts = append(contacts, slices.Collect(s.table.Contacts())...)
	}
	n.mu.Unlock()
	c.hear(contacts)
}

// ask asks all that are known, and all that these name, once.
func (c *crawl) ask(ctx context.Context) error {
	visits := make(chan visit)
	inFlight := 0
	for c.failed == nil && ctx.Err() == nil {
		for inFlight < c.config.InFlight {
			addr, ok := c.unasked()
			if !ok {
				break
			}
			inFlight++
			go func() { visits <- c.visit(ctx, addr) }()
		}
		if inFlight == 0 {
			return nil
		}
		v := <-visits
		inFlight--
		c.visited(v)
	}
	for range inFlight { // whoever starts a goroutine waits for it
		<-visits
	}
	return cmp.Or(c.failed, context.Cause(ctx))
}

// unasked is the next that was not asked in this round.
func (c *crawl) unasked() (netip.AddrPort, bool) {
	for c.next < len(c.order) {
		addr := c.order[c.next]
		c.next++
		if k := c.known[addr]; k.asked < c.round {
			k.asked = c.round
			return addr, true
		}
	}
	return netip.AddrPort{}, false
}

// visit asks one node for the contacts around some targets: its own ID first,
// where it knows most, then others that are in its far buckets. It runs on a
// goroutine of its own.
func (c *crawl) visit(ctx context.Context, addr netip.AddrPort) visit {
	v := visit{addr: addr}
	target := kad.RandomID(random{})
	for i := range c.config.Questions {
		begun := c.node.config.Clock.Now()
		v.asked++
		r, err := c.node.Query(ctx, addr, bep5.FindNode, map[string]any{"target": string(target[:]), "want": []string{"n4", "n6"}})
		if err != nil {
			if i == 0 {
				v.err = err
			}
			return v
		}
		if i == 0 {
			v.id, v.version, v.rtt = r.From.ID, r.Version, c.node.config.Clock.Now().Sub(begun)
			target = v.id
		}
		v.named = append(v.named, r.Message.Contacts()...)
		target = kad.RandomInRange(target.Flip(i), i+1, random{})
	}
	return v
}

// visited notes what became of a visit. That the crawl itself was ended says
// nothing about a node.
func (c *crawl) visited(v visit) {
	c.questions += v.asked
	k := c.known[v.addr]
	line := CrawlLine{Addr: v.addr.String(), ID: idText(k.id)}
	switch {
	case errors.Is(v.err, context.Canceled), errors.Is(v.err, context.DeadlineExceeded), errors.Is(v.err, ErrClosed), errors.Is(v.err, ErrBusy):
		k.asked = c.round - 1
		return
	case v.err != nil:
		line.Kind = CrawlSilent
		c.write(line)
		return
	}
	k.answer(v.id, v.version, c.round)
	line.Kind, line.ID, line.Version, line.Named = CrawlNode, idText(v.id), v.version, len(v.named)
	line.RTT = float64(v.rtt.Microseconds()) / 1000
	line.Secure = IsSecure(v.id, v.addr.Addr())
	c.write(line)
	c.hear(v.named)
}

func (k *crawled) answer(id kad.ID, version string, round int) {
	k.before, k.idBefore = k.answered, k.id
	k.id, k.version, k.answered, k.asked = id, version, round, round
}

// hear notes contacts that were not heard of before.
func (c *crawl) hear(contacts []kad.Contact) {
	for _, contact := range contacts {
		addr := contact.Addr()
		if c.known[addr] != nil || len(c.order) >= c.config.MaxNodes || !c.node.asksAt(addr.Addr()) || c.node.sideOf(addr.Addr()) == nil || c.ours(addr) {
			continue
		}
		c.know(addr, contact.ID)
		c.write(CrawlLine{Kind: CrawlHeard, Addr: addr.String(), ID: idText(contact.ID)})
	}
}

func (c *crawl) ours(addr netip.AddrPort) bool { return slices.Contains(c.node.Addrs(), addr) }

func (c *crawl) know(addr netip.AddrPort, id kad.ID) *crawled {
	k := c.known[addr]
	if k == nil {
		k = &crawled{id: id}
		c.known[addr] = k
		c.order = append(c.order, addr)
	}
	return k
}

func idText(id kad.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

func (c *crawl) write(line CrawlLine) {
	line.Time, line.Round = c.node.config.Clock.Now().UTC(), max(c.round, 1)
	if err := c.out.Encode(line); err != nil && c.failed == nil {
		c.failed = fmt.Errorf("write: %w", err)
	}
}
