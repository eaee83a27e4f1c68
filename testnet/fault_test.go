package testnet_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/khashmir/kad/testnet"
)

// peerVariable makes the test binary a peer in a process of its own.
const peerVariable = "KHASHMIR_TESTNET_PEER"

func TestMain(m *testing.M) {
	if os.Getenv(peerVariable) == "" {
		os.Exit(m.Run())
	}
	config := testnet.PeerConfig{}
	for args := os.Args[1:]; len(args) > 1; args = args[2:] {
		switch args[0] {
		case "--path":
			config.Path = args[1]
		case "--listen":
			config.Listen = args[1]
		}
	}
	if err := testnet.Peer(os.Stdin, os.Stdout, config); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

// self is the command that makes the test binary a peer.
func self(t *testing.T) []string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(peerVariable, "1")
	return []string{path}
}

func TestWhatWasAcknowledgedOutlivesEveryFault(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testnet.Config)
		want   int    // acknowledged
		fault  string // in words
	}{
		"crashes":        {func(c *testnet.Config) { c.Kill = 0.3 }, 12, "6 peers crashed"},
		"a partition":    {func(c *testnet.Config) { c.Partition = time.Second }, 24, "cut in halves for 1s"},
		"both":           {func(c *testnet.Config) { c.Partition, c.Kill = time.Second, 0.2 }, 24, "then 4 peers crashed"},
		"a restart":      {func(c *testnet.Config) { c.Restart, c.Peers = true, 6 }, 12, "all 6 peers were killed"},
		"many under one": {func(c *testnet.Config) { c.Restart, c.Peers, c.Entries = true, 6, 20 }, 240, "all 6 peers were killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			config := testnet.Default()
			config.Peers, config.Stores, config.Readers, config.PeerCommand = 20, 12, 1, self(t)
			c.change(&config)
			r, err := testnet.Run(t.Context(), config)
			if err != nil || !r.OK() {
				t.Fatalf("error %v, %+v", err, r)
			}
			if r.Acknowledged != c.want || r.Readable != c.want || r.Lost != 0 || !strings.Contains(r.Fault, c.fault) {
				t.Errorf("acknowledged %d, readable %d, lost %d: %q", r.Acknowledged, r.Readable, r.Lost, r.Fault)
			}
			if left, err := os.ReadDir(os.TempDir()); len(left) != 0 || err != nil {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestManyPublishersUnderOneKeyAreReadAsTheExactSet(t *testing.T) {
	config := small(16)
	config.Entries, config.Stores = 60, 3
	r, err := testnet.Run(t.Context(), config)
	if err != nil || !r.OK() || r.StoresOK != 180 || r.GetsOK != 9 {
		t.Errorf("error %v, %+v", err, r)
	}
}
