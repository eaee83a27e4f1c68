package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/bench/work"
)

// TestMain makes the test's own program what bench runs itself as.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "one" || os.Args[1] == "serve") {
		main()
		return
	}
	os.Exit(m.Run())
}

// bench runs the command, and returns what it prints and what it says meanwhile.
func bench(t *testing.T, arguments ...string) (out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := command()
	c.SetArgs(arguments)
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String()
}

var small = []string{"--n", "16", "--stores", "4", "--burst", "4", "--callers", "2", "--thousand=false"}

func TestOursIsMeasuredInProcessesOfItsOwn(t *testing.T) {
	// Given a small network, when each of ours does the work twice
	out, _ := bench(t, append(small, "--runs", "2", "--only", "file,memory,streams", "--json")...)
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Entries) != len(variants) {
		t.Fatalf("%d entries, %v", len(r.Entries), err)
	}
	for _, e := range r.Entries {
		// then everything is stored and found by three who do not hold it
		if f := e.Median; len(e.Each) != 2 || f.Stored != 2*8 || f.Tried != 2*8 || f.Found != 3*f.Stored || f.Searched != f.Found || f.Failure != "" {
			t.Errorf("%s: %+v, failed %q", e.Name, e.Median, e.Failed)
		}
		// and there is a figure for everything
		for _, row := range rows() {
			for _, figure := range row.figures {
				if x := figure.of(e.Median); x <= 0 {
					t.Errorf("%s: %s is %v", e.Name, figure.name, x)
				}
			}
		}
		if streams := e.Name == variantStreams; (e.Median.Connections > 0) != streams {
			t.Errorf("%s: %v connections a node", e.Name, e.Median.Connections)
		}
	}
}

func TestAPeerThatIsNotInstalledIsALineAndNoFailure(t *testing.T) {
	// Given a machine without any tools
	t.Setenv("PATH", "")
	// when ours and the peers are asked for
	out, _ := bench(t, append(small, "--only", "memory,libp2p,opendht")...)
	// then there are lines that say how to get them
	for _, want := range []string{"go-libp2p-kad-dht: not measured", "OpenDHT: not measured", "apt-get install libopendht-dev"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestARunThatEndsBadlyIsToldOf(t *testing.T) {
	// Given a program that fails, when it is run
	_, err := run(t.Context(), runMemory, []string{os.Args[0], "one", "sideways", "{}"})
	// then its last words are why
	if err == nil || !strings.Contains(err.Error(), `not "sideways"`) {
		t.Errorf("error %v", err)
	}
}

func TestAProcessThatTakesTooMuchMemoryIsStopped(t *testing.T) {
	if _, ok := work.Resident(os.Getpid()); !ok {
		return // the system does not tell
	}
	// Given no memory at all, when a network is booted
	text, _ := json.Marshal(work.Work{Nodes: 200, Contacts: 3})
	_, err := run(t.Context(), 0, []string{os.Args[0], "one", variantFile, string(text)})
	// then it does not get far
	if err == nil || err.Error() != "passed 0 GiB" {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsReached(t *testing.T) {
	// Given half the time allowed, half the rate wanted, and a peer twice as slow
	ours := work.Figures{BootS: 1, BootCPUS: 4.1, StoresPerS: 650, FindsPerS: 1500}
	theirs := work.Figures{BootS: 2, BootCPUS: 8.2, StoresPerS: 1300, FindsPerS: 750}
	for name, want := range map[string][2]string{
		"boot to settled, wall / CPU s":   {"reached / NOT reached", "x2 / x2"},
		"stores/s, finds/s, many callers": {"NOT reached / reached", "x0.5 / x2"},
	} {
		for _, row := range rows() {
			if row.name == name && (row.verdict(ours) != want[0] || row.ratio(ours, theirs) != want[1]) {
				t.Errorf("%s: %s, %s", name, row.verdict(ours), row.ratio(ours, theirs))
			}
		}
	}
}

func TestMediansAreOfEachFigure(t *testing.T) {
	got := median([]work.Figures{{BootS: 3, FindP50MS: 1, Stored: 1}, {BootS: 1, FindP50MS: 2, Stored: 2}, {BootS: 2, FindP50MS: 9, Stored: 3, Failure: "x"}})
	if got.BootS != 2 || got.FindP50MS != 2 || got.Stored != 6 || got.Failure != "x" {
		t.Errorf("%+v", got)
	}
	if even := middle([]float64{4, 1, 2, 3}); even != 2.5 {
		t.Errorf("of four: %v", even)
	}
}

func TestEveryLayerIsMeasuredBesideItsLimit(t *testing.T) {
	// When the floors are taken, however short
	file := filepath.Join(t.TempDir(), "floors.svg")
	out, _ := bench(t, "floors", "--time", "1ms", "--rounds", "1", "--json", "--plot", file)
	var r FloorsReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Floors) < 8 {
		t.Fatalf("%d floors, %v", len(r.Floors), err)
	}
	// then each has a limit, and both have a time
	for _, f := range r.Floors {
		if len(f.Limits) == 0 || f.Ours.WallUS <= 0 || f.Limits[0].WallUS <= 0 {
			t.Errorf("%+v", f)
		}
	}
	wellFormed(t, file)
}

func TestANodeOfBitTorrentsIsMeasuredBesideABareEcho(t *testing.T) {
	// When a node is asked, however shortly
	file := filepath.Join(t.TempDir(), "mainline.svg")
	out, _ := bench(t, "mainline", "--time", "10ms", "--rounds", "1", "--json", "--plot", file)
	var r LoadReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Report == nil || len(r.Answered) != 6 || r.Contacts < kad.K {
		t.Fatalf("%s: %v", out, err)
	}
	// then it has answered each kind of question, and so has the echo
	for i, a := range r.Answered {
		if a.PerS <= 0 || a.P50US <= 0 || a.P99US < a.P50US || len(a.EachCPU) != 1 || i == 0 && a.What != "bare echo" {
			t.Errorf("%+v", a)
		}
	}
	wellFormed(t, file)
}

func TestPlotsAreWellFormed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bars.svg")
	bench(t, append(small, "--only", "memory", "--plot", file)...)
	wellFormed(t, file)
}

func wellFormed(t *testing.T, file string) {
	t.Helper()
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder, elements := xml.NewDecoder(bytes.NewReader(svg)), 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := token.(xml.StartElement); ok {
			elements++
		}
	}
	if elements < 20 {
		t.Errorf("%d elements", elements)
	}
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	for _, arguments := range [][]string{
		{"--n", "3"}, {"--runs", "0"}, {"--only", "nobody"}, {"--json", "--markdown"}, {"--callers", "0"}, {"profile"}, {"mainline", "--rounds", "0"}, {"serve", "nobody"},
	} {
		c := command()
		c.SetArgs(arguments)
		c.SetOut(io.Discard)
		c.SetErr(io.Discard)
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("%q is done", arguments)
		}
	}
}
