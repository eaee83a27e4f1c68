package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/khashmir/kad/sim"
)

// simulates runs the command in this process.
func simulates(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := program{stdout: &out, stderr: &errs, sweep: sim.Sweep}
	code = p.run(t.Context(), append([]string{"sim"}, args...))
	return code, out.String(), errs.String()
}

var small = []string{"--nodes", "30", "--settle", "1m", "--duration", "6m", "--find-every", "1m", "--values", "10"}

func TestASimulationShowsATable(t *testing.T) {
	code, out, errs := simulates(t, append(small, "churn", "--churn", "20m")...)
	if code != exitFound || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	for _, want := range []string{"churn: 30 nodes, seed 1", "exponential, median 20m", "lookups", "finds", "upkeep", "find_node ", "acknowledged", "repair", "trace"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}

func TestASimulationForMachinesIsOneObject(t *testing.T) {
	page, lines := filepath.Join(t.TempDir(), "page.html"), filepath.Join(t.TempDir(), "trace.jsonl")
	code, out, errs := simulates(t, append(small, "--seeds", "2", "--sweep", "alpha=1,3", "--json", "--report", page, "--trace", lines)...)
	if code != exitFound || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	var got struct {
		Parameter string
		Points    []sim.Point
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.Parameter != "alpha" || len(got.Points) != 2 || len(got.Points[1].Results) != 2 || got.Points[1].Results[1].Lookups.Done == 0 {
		t.Errorf("got %+v", got)
	}
	for _, file := range []string{page, lines} {
		if b, err := os.ReadFile(file); err != nil || len(b) < 1000 {
			t.Errorf("%s has %d bytes, %v", file, len(b), err)
		}
	}
}

// What a page says it was made by makes it again, whatever its files are called.
func TestTheCommandOfAPageMakesItAgain(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	// Given files with names that a shell would take for something else
	dir := t.TempDir()
	lives, trips := filepath.Join(dir, "l $HOME * lives"), filepath.Join(dir, "it's; #1")
	if err := errors.Join(os.WriteFile(lives, []byte("60\n600\n"), 0o600), os.WriteFile(trips, []byte("0 9\n9 0\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	traces := regexp.MustCompile(`<code>[0-9a-f]{16}</code>`)
	simulated := func(args []string) (traced []string, command string) {
		page := filepath.Join(t.TempDir(), "page.html")
		if code, _, errs := simulates(t, append(args, "--report", page)...); code != exitFound {
			t.Fatalf("%q: exit %d, %s", args, code, errs)
		}
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		_, command, _ = strings.Cut(string(b), "<dt>Command</dt><dd><code>khashmir-testnet sim ")
		command, _, _ = strings.Cut(command, "</code>")
		return traces.FindAllString(string(b), -1), html.UnescapeString(command)
	}
	for _, args := range [][]string{
		{"churn", "--sessions", "trace:" + lives, "--latency", "matrix:" + trips},
		{"churn", "--sweep", "sessions=trace:" + lives + ",weibull", "--seeds", "2"},
		{"steady", "--latency", "", "--sweep", "k=4,8"},
	} {
		want, command := simulated(append(append(args, small...), "--heal", "1s"))
		// when what the page says is given to a shell
		words, err := exec.CommandContext(t.Context(), shell, "-c", `printf '%s\0' `+command).Output()
		if err != nil {
			t.Fatal(err)
		}
		// then the same runs again
		again, same := simulated(strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00"))
		if !slices.Equal(again, want) || same != command || len(want) == 0 {
			t.Errorf("%q ran %q, and %s ran %q", args, want, command, again)
		}
	}
}

func TestASweepShowsMeansAndMargins(t *testing.T) {
	code, out, errs := simulates(t, append(small, "--seeds", "2", "--sweep", "alpha=1,3")...)
	if code != exitFound || errs != "" || !strings.Contains(out, "±") || !strings.Contains(out, "lookup, median ms") {
		t.Errorf("exit %d, %s\n%s", code, errs, out)
	}
	if strings.Contains(out, "hot key") || strings.Contains(out, "e+") {
		t.Errorf("nothing was hot and no number is beyond words, and yet\n%s", out)
	}
}

// What is swept need not make sense as it is by default.
func TestASweepMaySayWhatTheDefaultDoesNotAllow(t *testing.T) {
	if code, _, errs := simulates(t, append(small, "partition", "--heal", "1s", "--sweep", "partition-for=1m,2m")...); code != exitFound {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestWhatCannotBeSimulatedIsAMistakeInTheArguments(t *testing.T) {
	for _, args := range [][]string{
		{"nap"}, {"steady", "churn"}, {"--nodes", "many"}, {"--loss", "2"}, {"--churn", "-3m"}, {"--latency", "moon"}, {"--seeds", "0"},
		{"--sweep", "alpha"}, {"--sweep", "moons=1,2"}, {"--sweep", "loss=0.1,7"}, {"--bogus"},
		{"--nodes", "0"}, {"--contacts", "0"}, {"--duration", "0s"}, {"--duration", "10ns"}, {"--hours", "NaN"}, {"--value-size", "0"},
		{"--k", "-1"}, {"--k", "0"}, {"--k", "1000"}, {"--alpha", "-5"}, {"--alpha", "0"}, {"--replicas", "0"}, {"--replicas", "9"},
		{"--max-failures", "-1"}, {"--wide-buckets", "500"}, {"--maintain-interval", "-1s"}, {"--sweep", "replicas=4,100"},
	} {
		if code, out, errs := simulates(t, args...); code != exitUsage || !strings.HasSuffix(errs, "\nusage: khashmir-testnet sim [SCENARIO] [flags] (--help says more)\n") || out != "" {
			t.Errorf("%q: exit %d, %q, %q", args, code, out, errs)
		}
	}
}

func TestWhatAnInterruptedSimulationHasMeasuredIsShown(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var out, errs bytes.Buffer
	p := program{stdout: &out, stderr: &errs, sweep: sim.Sweep}
	ended := &countdown{Context: ctx, left: 100_000, end: func() { cancel(errInterrupted) }}
	code := p.run(ended, []string{"sim", "churn", "--nodes", "50", "--duration", "1000h"})
	if code != exitInterrupted || !strings.Contains(out.String(), "interrupted; measured over") {
		t.Errorf("exit %d, %s\n%s", code, &errs, &out)
	}
	if !strings.Contains(errs.String(), "was not at its end") || strings.Contains(out.String(), "not found at the end") {
		t.Errorf("it was told %s\n%s", &errs, &out)
	}
}

// countdown is a context that is ended when it has been looked at so often.
type countdown struct {
	context.Context
	left int
	end  func()
}

func (c *countdown) Err() error {
	if c.left--; c.left == 0 {
		c.end()
	}
	return c.Context.Err()
}

func TestAnInterruptedSimulationSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	var out, errs bytes.Buffer
	p := program{stdout: &out, stderr: &errs, sweep: sim.Sweep}
	if code := p.run(ctx, []string{"sim", "--nodes", "50"}); code != exitInterrupted || out.String() != "" {
		t.Errorf("exit %d, %q, %q", code, &out, &errs)
	}
}
