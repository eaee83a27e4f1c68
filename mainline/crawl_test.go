package mainline_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/khashmir/kad/mainline"
)

func TestACrawlFindsAllNodesAndTellsOfEach(t *testing.T) {
	nodes := network(t, 25)
	var out bytes.Buffer
	report, err := mainline.Crawl(t.Context(), nodes[0], mainline.CrawlConfig{Out: &out, InFlight: 4})
	if err != nil || report.Heard != 24 || report.Answered != 24 || report.Versions["KM"] != 24 || report.Rounds != 1 || report.Secure != 24 {
		t.Errorf("%+v, %v", report, err)
	}
	byAddr := map[string]mainline.CrawlLine{}
	for scanner := bufio.NewScanner(&out); scanner.Scan(); {
		var line mainline.CrawlLine
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", scanner.Bytes(), err)
		}
		if line.Kind == mainline.CrawlNode {
			byAddr[line.Addr] = line
		}
	}
	for _, n := range nodes[1:] {
		line := byAddr[n.Addr().String()]
		if line.ID != n.ID().String() || line.Named == 0 || line.RTT <= 0 || line.Round != 1 || line.Time.IsZero() {
			t.Errorf("%s: %+v", n.Addr(), line)
		}
	}
	sum := 0
	for _, count := range report.Prefixes {
		sum += count
	}
	if sum != 24 {
		t.Errorf("prefixes %v", report.Prefixes)
	}
}

func TestACrawlOfTwoRoundsSeesWhoCameAndWent(t *testing.T) {
	nodes := network(t, 10)
	crawler := nodes[0]
	between := pausing{func() {
		nodes[4].Close()
		nodes[5].Close()
		late := open(t)
		if err := late.Join(t.Context(), nodes[1].Addr().String()); err != nil {
			t.Error(err)
		}
	}, false}
	report, err := mainline.Crawl(t.Context(), crawler, mainline.CrawlConfig{Rounds: 2, Out: &between})
	if err != nil || report.Rounds != 2 || report.Went != 2 || report.Came != 1 || report.Answered != 8 || report.Moved != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// pausing does something when the first round has ended.
type pausing struct {
	then func()
	done bool
}

func (p *pausing) Write(b []byte) (int, error) {
	if !p.done && bytes.Contains(b, []byte(`"kind":"round"`)) {
		p.done = true
		p.then()
	}
	return len(b), nil
}

func TestACrawlThatWasCutShortIsResumed(t *testing.T) {
	nodes := network(t, 25)
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	_, err := mainline.Crawl(ctx, nodes[0], mainline.CrawlConfig{InFlight: 1, Out: cutting{&out, cancel, 10}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	before := strings.Count(out.String(), `"kind":"node"`)
	if before == 0 || before > 20 {
		t.Fatalf("%d nodes before it was cut short", before)
	}
	earlier := out.String()[:out.Len()-20] + "" // in the middle of a line
	before = strings.Count(earlier[:strings.LastIndex(earlier, "\n")], `"kind":"node"`)
	out.Reset()
	report, err := mainline.Crawl(t.Context(), nodes[0], mainline.CrawlConfig{Resume: strings.NewReader(earlier), Out: &out})
	again := strings.Count(out.String(), `"kind":"node"`)
	if err != nil || report.Answered != 24 || before+again != 24 {
		t.Errorf("%d before, %d again, %+v, %v", before, again, report, err)
	}
}

func TestWhoWasSilentIsNotAskedAgainByAResumedCrawl(t *testing.T) {
	nodes := network(t, 6)
	dead := dial(t, nodes[0]).serve()
	if _, err := nodes[0].Ping(t.Context(), dead.addr()); err != nil {
		t.Fatal(err)
	}
	dead.conn.Close()
	var out bytes.Buffer
	report, err := mainline.Crawl(t.Context(), nodes[0], mainline.CrawlConfig{Out: &out})
	if err != nil || report.Heard != 6 || report.Answered != 5 || strings.Count(out.String(), `"kind":"silent"`) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	report, err = mainline.Crawl(t.Context(), nodes[0], mainline.CrawlConfig{Resume: &out})
	if err != nil || report.Heard != 6 || report.Answered != 5 || report.Questions != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// cutting cancels when so many nodes were told of.
type cutting struct {
	*bytes.Buffer
	cancel func()
	after  int
}

func (c cutting) Write(b []byte) (int, error) {
	n, err := c.Buffer.Write(b)
	if strings.Count(c.String(), `"kind":"node"`) >= c.after {
		c.cancel()
	}
	return n, err
}

func TestACrawlEndsWithAFullDisk(t *testing.T) {
	nodes := network(t, 5)
	full := errors.New("no space")
	if _, err := mainline.Crawl(t.Context(), nodes[0], mainline.CrawlConfig{Out: failing{full}}); !errors.Is(err, full) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
