package mainline

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
)

// CrawlLine is a line of a crawl.
type CrawlLine struct {
	Kind    CrawlKind    `json:"kind"`
	Time    time.Time    `json:"time"`
	Round   int          `json:"round"`
	ID      string       `json:"id,omitempty"`   // 40 hexadecimal digits
	Addr    string       `json:"addr,omitempty"` // host:port
	Version string       `json:"version,omitempty"`
	RTT     float64      `json:"rtt_ms,omitempty"`
	Secure  bool         `json:"secure,omitempty"` // the ID fits the address (BEP 42)
	Named   int          `json:"named,omitempty"`  // contacts that it named
	Report  *CrawlReport `json:"report,omitempty"`
}

// CrawlKind is what a line tells.
type CrawlKind string

// The kinds of lines.
const (
	CrawlHeard  CrawlKind = "heard"  // of a node, from another
	CrawlNode   CrawlKind = "node"   // it answered
	CrawlSilent CrawlKind = "silent" // it did not
	CrawlRound  CrawlKind = "round"  // a round has ended: the report so far
)

// CrawlReport is what a crawl has shown.
type CrawlReport struct {
	Rounds    int            `json:"rounds"`
	Heard     int            `json:"heard"`    // nodes, by address
	Answered  int            `json:"answered"` // in the last round
	Secure    int            `json:"secure"`   // of these
	Versions  map[string]int `json:"versions"` // of these, by the first two letters of v
	Prefixes  [16]int        `json:"prefixes"` // of these, by the first four bits of the ID
	Came      int            `json:"came"`     // answered in the last round and not in the one before
	Went      int            `json:"went"`     // the reverse
	Moved     int            `json:"moved"`    // answered in both, with another ID
	Questions int            `json:"questions"`
}

// resume reads the lines of an earlier crawl. Lines that were cut short, where
// that one ended, are passed over.
func (c *crawl) resume(lines io.Reader) error {
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		var line CrawlLine
		if json.Unmarshal(scanner.Bytes(), &line) != nil {
			continue
		}
		c.round = max(c.round, line.Round)
		addr, err := netip.ParseAddrPort(line.Addr)
		if err != nil || len(c.order) >= c.config.MaxNodes && c.known[addr] == nil {
			continue
		}
		id, _ := kad.ParseID(line.ID) // zero where it is not known
		switch k := c.know(addr, id); line.Kind {
		case CrawlNode:
			k.answer(id, line.Version, line.Round)
		case CrawlSilent:
			k.asked = line.Round
		}
	}
	_, err := io.WriteString(c.config.Out, "\n") // after a line that was cut short
	return errors.Join(scanner.Err(), err)
}

// report sums up what is known.
func (c *crawl) report() CrawlReport {
	r := CrawlReport{Rounds: c.round, Heard: len(c.order), Versions: make(map[string]int), Questions: c.questions}
	for _, addr := range slices.SortedFunc(maps.Keys(c.known), netip.AddrPort.Compare) {
		k := c.known[addr]
		if k.answered == 0 || k.answered < c.round {
			if c.round > 1 && k.answered == c.round-1 {
				r.Went++
			}
			continue
		}
		r.Answered++
		r.Versions[k.version[:min(2, len(k.version))]]++
		r.Prefixes[k.id[0]>>4]++
		if IsSecure(k.id, addr.Addr()) {
			r.Secure++
		}
		switch {
		case c.round > 1 && k.before != c.round-1:
			r.Came++
		case c.round > 1 && k.idBefore != k.id:
			r.Moved++
		}
	}
	return r
}
