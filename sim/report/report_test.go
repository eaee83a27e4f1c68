package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/khashmir/kad/sim"
	"github.com/khashmir/kad/sim/report"
)

// tiny is a network that is done in a moment.
func tiny(scenario string) sim.Config {
	return sim.Config{
		Scenario: scenario, Nodes: 40, Seed: 7, Values: 20, HotFinds: 200,
		JoinOver: 20 * time.Second, Settle: 2 * time.Minute, Duration: 10 * time.Minute, Heal: time.Minute,
		LookupEvery: 2 * time.Minute, FindEvery: 2 * time.Minute,
	}
}

// written is the page of a sweep, after all that is true of each page is checked.
func written(t *testing.T, c sim.Config, parameter string, values []string, seeds int) (string, []sim.Point) {
	t.Helper()
	points, err := sim.Sweep(t.Context(), c, parameter, values, seeds, nil)
	if err != nil {
		t.Fatal(err)
	}
	return page(t, parameter, points), points
}

func page(t *testing.T, parameter string, points []sim.Point) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, parameter, points); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String())
	return b.String()
}

var (
	svg      = regexp.MustCompile(`(?s)<svg .*?</svg>`)
	external = regexp.MustCompile(`(?i)https?:|src=|href=|url\(|@import|<script|<link`)
	number   = regexp.MustCompile(`NaN|Inf|%!`)
)

func checkPage(t *testing.T, page string) {
	t.Helper()
	if len(page) > 400_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	bare := strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, "")
	if found := external.FindString(bare); found != "" {
		t.Errorf("the page needs something else: %q", found)
	}
	if found := number.FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
	for _, picture := range svg.FindAllString(page, -1) {
		checkPicture(t, picture)
	}
	if open, closed := strings.Count(page, "<section"), strings.Count(page, "</section>"); open != closed {
		t.Errorf("%d sections begin and %d end", open, closed)
	}
}

// checkPicture: it is well-formed, and its texts are within it.
func checkPicture(t *testing.T, picture string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(picture))
	var width, height float64
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("not well-formed: %v in %.200s", err, picture)
			return
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		at := make(map[string]string)
		for _, a := range start.Attr {
			at[a.Name.Local] = a.Value
		}
		var x, y float64
		switch start.Name.Local {
		case "svg":
			fmt.Sscanf(at["viewBox"], "0 0 %g %g", &width, &height)
		case "text":
			fmt.Sscan(at["x"], &x)
			fmt.Sscan(at["y"], &y)
			if x < 0 || x > width || y < 0 || y > height {
				t.Errorf("a text at %g, %g of %g x %g in %.200s", x, y, width, height, picture)
			}
		}
	}
}

func wants(t *testing.T, page string, present bool, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) != present {
			t.Errorf("%q on the page: %v, want %v", text, !present, present)
		}
	}
}

func TestARunWithEverythingHasAllSections(t *testing.T) {
	c := tiny("churn")
	c.Sessions = sim.Exponential(10 * time.Minute)
	page, points := written(t, c, "", nil, 1)
	r := points[0].Results[0]
	wants(t, page, true, "<h1>churn, 40 nodes</h1>", r.Trace, "wide-area", r.Sessions, "10 min of virtual time",
		`id="operations"`, `id="cost"`, `id="latency"`, `id="effort"`, `id="timeline"`, `id="load"`, `id="survival"`, "The upkeep by what is asked",
		">lookups</th>", ">stores</th>", ">finds</th>", "Nodes alive", "<b>Deaths</b>", "Finds that succeeded", "Messages", "Upkeep and work",
		"R = 8, T = h/10", fmt.Sprintf("Lost: %d of %d acknowledged values", r.Lost, r.Acknowledged))
	wants(t, page, false, `id="metrics"`, "Traces", "Swept")
}

func TestWhatARunHasNothingOfIsLeftOut(t *testing.T) {
	c := tiny("join")
	c.Values = 0 // so there is nothing to find
	page, _ := written(t, c, "", nil, 1)
	wants(t, page, true, `id="latency"`, `id="effort"`, `id="timeline"`, `id="load"`, ">lookups</th>")
	wants(t, page, false, ">stores</th>", ">finds</th>", "Hops of stores", "Questions of finds", "Finds that succeeded",
		"<b>Deaths</b>", `id="survival"`, "values acknowledged")

	c.LookupEvery = -1
	page, _ = written(t, c, "", nil, 1)
	wants(t, page, true, `id="timeline"`, `id="cost"`)
	wants(t, page, false, `id="operations"`, `id="latency"`, `id="effort"`, `id="survival"`)
}

func TestEveryScenarioHasAPage(t *testing.T) {
	for _, scenario := range sim.Scenarios {
		c := tiny(scenario.Name)
		c.PartitionFor, c.Heal = 4*time.Minute, 0 // as long as the scenario needs
		page, _ := written(t, c, "", nil, 1)
		wants(t, page, true, scenario.Name+", 40 nodes", `id="timeline"`)
	}
}

func TestASweepHasMeansAndALineAValue(t *testing.T) {
	c := tiny("churn")
	page, points := written(t, c, "churn", []string{"5m", "20m"}, 2)
	wants(t, page, true, `id="metrics"`, "<dt>Swept</dt><dd>churn: 5m, 20m</dd>", "<dt>Seeds</dt><dd>7, 8</dd>", "Means of 2 seeds for each value of churn",
		">Find, p99</b>", ">Upkeep</b>", "<b>Work</b>", ">churn 5m</text>", ">churn 20m</text>", `id="survival"`, "churn 20m, seed 8")
	for _, p := range points {
		for _, r := range p.Results {
			wants(t, page, true, r.Trace)
		}
	}
	wants(t, page, false, "Upkeep and work")
}

func TestAValueWithoutFindsHasNoMeanOfThem(t *testing.T) {
	page, _ := written(t, tiny("steady"), "find-every", []string{"-1s", "2m"}, 1)
	wants(t, page, true, ">Find, median</b>", "One run for each value of find-every")
	page, _ = written(t, tiny("steady"), "find-every", []string{"-1s", "-2s"}, 1)
	wants(t, page, false, ">Find, median</b>", ">Finds that failed</b>", "Finds that succeeded")
}

func TestSeedsAloneAreDrawnOneByOne(t *testing.T) {
	page, _ := written(t, tiny("steady"), "", nil, 3)
	wants(t, page, true, `id="metrics"`, "By seed", "<dd>7 to 9</dd>", "all seeds")
	wants(t, page, false, "Swept")
}

func TestAWideSweepStaysSmall(t *testing.T) {
	points, err := sim.Sweep(t.Context(), tiny("churn"), "alpha", []string{"1", "2", "3"}, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	var many []sim.Point
	for i := range 40 {
		p := sim.Point{Value: fmt.Sprint(i)}
		for range 15 {
			p.Results = append(p.Results, points[i%3].Results...)
		}
		many = append(many, p)
	}
	wants(t, page(t, "alpha", many), true, "the first run of 8 of the values", ">alpha 0</text>", ">alpha 39</text>", "and of 1000 more runs")
}

func TestNamesAreEscaped(t *testing.T) {
	points, err := sim.Sweep(t.Context(), tiny("churn"), "", nil, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	bad := `</svg><b id="x">&` + "\x00\xff'"
	r := points[0].Results[0]
	r.Scenario, r.Sessions, r.Latency, r.Trace = bad, bad, bad, bad
	r.Finds.Failed, r.Finds.Why = 1, map[string]int{bad: 1}
	other := *r
	text := page(t, bad, []sim.Point{{Value: bad, Results: points[0].Results}, {Value: "plain", Results: []*sim.Result{&other}}})
	wants(t, text, false, `<b id="x">`)
	wants(t, page(t, "", points), false, `<b id="x">`)
}

func TestWithoutResultsThereIsNoPage(t *testing.T) {
	for _, points := range [][]sim.Point{nil, {{Value: "1"}}, {{Results: []*sim.Result{nil}}}} {
		var b bytes.Buffer
		if err := report.Write(&b, "", points); err == nil || b.Len() > 0 {
			t.Errorf("%v: %v, %d bytes", points, err, b.Len())
		}
	}
}

func TestAFailingWriterIsReported(t *testing.T) {
	points, err := sim.Sweep(t.Context(), tiny("join"), "", nil, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	broken, writer := io.Pipe()
	broken.Close()
	if err := report.Write(writer, "", points); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestLossIsABarAndNoLossAnArrow(t *testing.T) {
	c := tiny("churn")
	points, err := sim.Sweep(t.Context(), c, "", nil, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := points[0].Results[0]
	const arrow = `class="line thick s0"`
	r.Acknowledged, r.Lost = 1000, 0
	wants(t, page(t, "", points), true, arrow, "Lost: 0 of 1,000")
	r.Lost = 3
	none := page(t, "", points)
	wants(t, none, true, "Lost: 3 of 1,000")
	wants(t, none, false, arrow)
	r.Median = 0 // for ever
	wants(t, page(t, "", points), false, `id="survival"`)
}

// The last moment has no length, only operations that ended late: they are of
// the moment before.
func TestLateFindsAreOfTheLastInterval(t *testing.T) {
	r := &sim.Result{Scenario: "late", Measured: 120, Timeline: []sim.Moment{
		{Nodes: 10, Found: 1}, {At: time.Minute, Nodes: 10, Found: 1}, {At: 2 * time.Minute, Nodes: 10, Missed: 1},
	}}
	wants(t, page(t, "", []sim.Point{{Results: []*sim.Result{r}}}), true, "Finds that succeeded", "the axis begins at 50 %", "intervals of 1 min;")
}

// A result that nothing was counted in, as of a network that died at once, is
// drawn without a number that is none.
func TestAnEmptyResultHasAPage(t *testing.T) {
	page(t, "", []sim.Point{{Results: []*sim.Result{{Scenario: "nothing"}}}})
	page(t, "k", []sim.Point{{Value: "1", Results: []*sim.Result{{}, {}}}, {Value: "2", Results: []*sim.Result{{}}}})
}

// What was ended before its end says so.
func TestAnInterruptedRunIsNotTakenForAWholeOne(t *testing.T) {
	result := func(interrupted bool) []*sim.Result {
		return []*sim.Result{{Scenario: "late", Measured: 60, Acknowledged: 9, Judged: 9, Interrupted: interrupted}}
	}
	const single, several = "before its end", "these are the runs that have ended"
	wants(t, page(t, "", []sim.Point{{Results: result(false)}}), false, single, several, "–")
	wants(t, page(t, "", []sim.Point{{Results: result(true), Interrupted: true}}), true, single, "–")
	wants(t, page(t, "k", []sim.Point{{Results: result(false)}, {Results: result(false), Interrupted: true}}), true, several)
}
