package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/khashmir/kad/testnet"
)

func TestMainlineShowsEverythingFound(t *testing.T) {
	code, stdout, stderr := inside(t.Context(), nil, "--mainline", "12")
	if code != exitFound || stderr != "" || !strings.HasSuffix(stdout, "\n\neverything was found\n") ||
		!strings.Contains(stdout, "get_peers           30/30") || !strings.Contains(stdout, "12 nodes of BitTorrent's DHT") {
		t.Errorf("exit code %d, printed\n%s%s", code, stdout, stderr)
	}
	narrow(t, stdout)

	code, stdout, _ = inside(t.Context(), nil, "--mainline", "12", "--json", "--store", "memory", "--seed", "5")
	var report testnet.MainlineReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitFound || report.Seed != 5 || report.Get.OK != 30 {
		t.Errorf("exit code %d, %v, printed %s", code, err, stdout)
	}
}

func TestMainlineSaysWhatItDoesNotDo(t *testing.T) {
	for args, want := range map[string]string{
		"--kill 0.2":                     "mainline goes with no fault: leave out kill, partition and restart",
		"--partition 5s":                 "mainline goes with no fault: leave out kill, partition and restart",
		"--restart":                      "mainline goes with no fault: leave out kill, partition and restart",
		"--transport mem --store memory": "mainline speaks UDP, not mem",
		"--entries 2":                    "mainline has one item under a target, not 2",
		"--value-size 1000":              "an item has up to 992 bytes, not 1000",
	} {
		code, stdout, stderr := inside(t.Context(), nil, append(strings.Fields(args), "--mainline")...)
		if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "khashmir-testnet: "+want+"\n") {
			t.Errorf("%s: exit code %d, printed %q and %q", args, code, stdout, stderr)
		}
	}
}

func TestMainlineSaysWhatWasNotFound(t *testing.T) {
	r := testnet.MainlineReport{Peers: 3, Joined: 3, Get: testnet.Tally{OK: 1, Done: 2}, Faults: []string{"peer 1 looked for an item: nothing was found"}}
	var out strings.Builder
	if err := mainlineBoard(&out, r); err != nil || r.OK() {
		t.Error(err)
	}
	if got := out.String(); !strings.HasSuffix(got, "\n  ! peer 1 looked for an item: nothing was found\n\nNOT everything was found\n") {
		t.Errorf("printed\n%s", got)
	}
}
