package sim

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestTheWideAreaIsAsWideAsKingMeasured(t *testing.T) {
	for seed := range uint64(4) {
		latency := WideArea()
		var all []time.Duration
		for i := range 60_000 {
			a, b := i%997, 1000+i%1013
			rtt := latency.rtt(seed, a, b)
			if rtt != latency.rtt(seed, b, a) {
				t.Fatal("there is not as far as back")
			}
			all = append(all, rtt)
		}
		slices.Sort(all)
		median, far := quantile(all, 50), quantile(all, 90)
		if median < 150*time.Millisecond || median > 162*time.Millisecond || far < 230*time.Millisecond || far > 420*time.Millisecond {
			t.Errorf("seed %d: the median is %v, nine in ten are within %v", seed, median, far)
		}
		t.Logf("seed %d: 10 %% %v, 50 %% %v, 90 %% %v", seed, quantile(all, 10), median, far)
	}
	// Integers alone, so these hold on any machine.
	if got := WideArea().rtt(7, 3, 8); got != goldenRTT {
		t.Errorf("the round trip between places 3 and 8 of seed 7 is %v, not %v", got, goldenRTT)
	}
}

const goldenRTT = 263_951_882 * time.Nanosecond

func TestLatenciesByName(t *testing.T) {
	matrix := filepath.Join(t.TempDir(), "rtt.txt")
	if err := os.WriteFile(matrix, []byte("# ms\n0 10 20\n10 0 30.5\n20 30.5 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.txt")
	if err := os.WriteFile(bad, []byte("0 10\n10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{
		"": true, "wide-area": true, "data-centre": true, "constant:20ms": true, "matrix:" + matrix: true,
		"constant": false, "constant:fast": false, "moon": false, "matrix:" + bad: false, "matrix:/nowhere": false,
	} {
		latency, err := ParseLatency(name)
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if err == nil {
			if rtt := latency.rtt(1, 3, 500); rtt < 0 || rtt > time.Second {
				t.Errorf("%q: a round trip of %v", name, rtt)
			}
		}
	}
}

func TestSessionsHaveTheirMedian(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.txt")
	if err := os.WriteFile(file, []byte("# seconds\n60\n600\n6000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"exponential", "weibull", "trace:" + file} {
		sessions, err := ParseSessions(kind, 10*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		source := &splitmix{1}
		var all []time.Duration
		long := 0
		for range 50_000 {
			d := sessions.draw(source)
			all = append(all, d)
			if d > 100*time.Minute {
				long++
			}
		}
		slices.Sort(all)
		if median := quantile(all, 50); median < 9*time.Minute+30*time.Second || median > 10*time.Minute+30*time.Second {
			t.Errorf("%s: the median is %v", kind, median)
		}
		if kind == "weibull" != (long > 2000) && kind != "trace:"+file {
			t.Errorf("%s: %d of 50,000 are ten times as long", kind, long)
		}
	}
	for _, kind := range []string{"normal", "trace:/nowhere"} {
		if _, err := ParseSessions(kind, time.Hour); err == nil {
			t.Errorf("%q is no kind of sessions", kind)
		}
	}
	if _, err := ParseSessions("weibull", 0); err == nil {
		t.Error("a median of nothing")
	}
}
