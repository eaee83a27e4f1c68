package testnet_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
)

// small is a network that lives in a synctest bubble.
func small(peers int) testnet.Config {
	c := testnet.Default()
	c.Peers, c.Transport, c.Store = peers, testnet.Mem, testnet.Memory
	return c
}

func TestEverythingIsFound(t *testing.T) {
	for _, c := range []struct {
		transport, store   string
		peers              int
		callers, valueSize int
	}{
		{testnet.Mem, testnet.Memory, 16, 1, 100},
		{testnet.Mem, testnet.SQLite, 16, 4, 100},
		{testnet.QUIC, testnet.SQLite, 16, 1, 100},
		{testnet.QUIC, testnet.Memory, 16, 2, 5000}, // larger than a packet
		{testnet.Streams, testnet.SQLite, 6, 1, 100},
	} {
		t.Run(c.transport+" "+c.store, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			// Given a script of 5 finds and 4 stores with 2 readers each
			config := testnet.Default()
			config.Peers, config.Finds, config.Stores, config.Readers = c.peers, 5, 4, 2
			config.Transport, config.Store = c.transport, c.store
			config.Callers, config.ValueSize = c.callers, c.valueSize
			// when it is run
			r, err := testnet.Run(t.Context(), config)
			// then all of it succeeds, and takes something
			if err != nil || !r.OK() {
				t.Fatalf("error %v, faults %q", err, r.Faults)
			}
			if r.Joined != c.peers || r.FindsOK != 5 || r.StoresOK != 4 || r.GetsOK != 8 || r.Gets != 8 {
				t.Errorf("%d joined, finds %d, stores %d, gets %d/%d", r.Joined, r.FindsOK, r.StoresOK, r.GetsOK, r.Gets)
			}
			for name, x := range map[string]float64{
				"find": r.FindP50MS, "store": r.StoreP50MS, "get": r.GetP50MS, "first": r.GetFirstP50MS,
				"messages a find": r.MessagesPerFind, "messages a store": r.MessagesPerStore, "messages a get": r.MessagesPerGet,
				"hops a find": r.HopsPerFind, "hops a store": r.HopsPerStore, "hops a get": r.HopsPerGet,
				"boot": r.BootS, "contacts": r.Contacts, "memory": r.RSSMiB, "wall": r.WallS,
			} {
				if x <= 0 {
					t.Errorf("%s: %v", name, x)
				}
			}
			if streams := c.transport == testnet.Streams; (r.Handshakes > 0) != (streams || c.valueSize > 1200) {
				t.Errorf("%d handshakes over %s", r.Handshakes, c.transport)
			}
			// and the temporary directory is gone
			if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestWhoIsGoneIsNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a network that half of the peers have left
		c := small(8)
		c.Finds, c.Stores = 10, 0
		n := joined(t, c)
		for _, node := range n.Nodes[4:] {
			node.Close()
		}
		// when the script is run
		r, err := n.Play(t.Context())
		// then who stayed is found, and the report names the others: those who
		// could not look, and those whom nobody could find
		if err != nil || r.OK() || r.FindsOK == 0 || r.FindsOK+len(r.Faults) != 10 {
			t.Fatalf("finds %d/%d, faults %q, %v", r.FindsOK, r.Finds, r.Faults, err)
		}
		gone, closed := 0, 0
		for _, fault := range r.Faults {
			if regexp.MustCompile(`^peer [0-3] did not find peer [4-7]$`).MatchString(fault) {
				gone++
			}
			if regexp.MustCompile(`^peer [4-7] did not find peer [0-7]: node is closed$`).MatchString(fault) {
				closed++
			}
		}
		if gone == 0 || closed == 0 || gone+closed != len(r.Faults) {
			t.Errorf("faults: %q", r.Faults)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFaultsAreToldAFewTimesAndThenCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a network that is closed
		c := small(4)
		c.Finds, c.Stores, c.Readers = 12, 2, 1
		n := joined(t, c)
		n.Close()
		// when everything goes wrong
		r, err := n.Play(t.Context())
		// then ten faults are told, and how many more there were
		if err != nil || len(r.Faults) != 11 || r.Faults[10] != "and 6 more" {
			t.Errorf("faults %q, %v", r.Faults, err)
		}
	})
}

func TestAReportIsOKWhenNothingIsMissing(t *testing.T) {
	good := testnet.Report{Peers: 9, Joined: 9, FindsOK: 1, Finds: 1, StoresOK: 2, Stores: 2, GetsOK: 3, Gets: 3}
	one := testnet.Kept{Acknowledged: 1, Lost: 1}
	if !good.OK() || !(testnet.Report{}).OK() {
		t.Error("a report with nothing missing is not OK")
	}
	for name, spoil := range map[string]func(*testnet.Report){
		"a peer":  func(r *testnet.Report) { r.Joined-- },
		"a find":  func(r *testnet.Report) { r.FindsOK-- },
		"a store": func(r *testnet.Report) { r.StoresOK-- },
		"a get":   func(r *testnet.Report) { r.GetsOK-- },
		"a value": func(r *testnet.Report) { r.Lost++ },

		"a peer after the restart":     func(r *testnet.Report) { r.Restart = &testnet.RestartReport{Peers: 9, Rejoined: 8} },
		"a value after the restart":    func(r *testnet.Report) { r.Restart = &testnet.RestartReport{Kept: one} },
		"a value after the crash":      func(r *testnet.Report) { r.Kill = &testnet.KillReport{Kept: one} },
		"a value after the cut":        func(r *testnet.Report) { r.Partition = &testnet.PartitionReport{Healed: true, Kept: one} },
		"the other side after the cut": func(r *testnet.Report) { r.Partition = &testnet.PartitionReport{} },
		"a get during the cut":         func(r *testnet.Report) { r.Partition = &testnet.PartitionReport{Healed: true, Gets: 1} },
	} {
		bad := good
		if spoil(&bad); bad.OK() {
			t.Errorf("a report with %s missing is OK", name)
		}
	}
}

func TestReadersDoNotHoldTheValueWhereThereAreSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given 6 peers, of which 0 has stored a value at 1, 2 and itself
		c := small(6)
		n := joined(t, c)
		defer n.Close()
		writer, everybody := []int{0}, []int{0, 1, 2, 3, 4, 5}
		holders := []khashmir.ID{n.Nodes[1].ID(), n.Nodes[0].ID(), n.Nodes[2].ID()}
		// when readers are drawn, then those without it come first, in their order
		for _, c := range []struct{ order, publishers, want []int }{
			{[]int{0, 1, 2, 3, 4, 5}, writer, []int{3, 4, 5}},
			{[]int{5, 0, 4, 1, 3, 2}, writer, []int{5, 4, 3}},
			{[]int{2, 0, 5, 1}, writer, []int{5, 2, 1}}, // too few
			{[]int{0, 1}, writer, []int{1}},
			{[]int{4, 3, 0, 1}, everybody, []int{4, 3, 0}}, // all have published
		} {
			if got := n.ReadersOf(c.order, c.publishers, holders); !slices.Equal(got, c.want) {
				t.Errorf("of %v, %v read", c.order, got)
			}
		}
	})
}

func joined(t *testing.T, c testnet.Config) *testnet.Network {
	t.Helper()
	n, err := testnet.Start(t.Context(), c)
	if err == nil {
		err = n.Join(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// choices are what a seed decides: the peers' identities, whom each is told of,
// and whom the script picks. The latter is read from what a network that is
// all closed complains of.
func choices(t *testing.T, seed uint64) (ids []string, contacts [][]int, picks []string) {
	t.Helper()
	c := small(10)
	c.Seed, c.Finds, c.Stores, c.Readers = seed, 3, 2, 2
	n := joined(t, c)
	for i := range n.Nodes {
		contacts = append(contacts, n.ContactsOf(i))
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := n.Play(t.Context())
	if err != nil || len(r.Faults) != 3+2+4 {
		t.Fatalf("faults %q, %v", r.Faults, err)
	}
	return identities(n), contacts, r.Faults
}

func TestASeedRepeatsIdentitiesAndChoices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given the choices of one seed
		ids, contacts, picks := choices(t, 7)
		// when the same is run again, and another
		sameIDs, sameContacts, samePicks := choices(t, 7)
		otherIDs, otherContacts, otherPicks := choices(t, 8)
		// then the same seed chose the same, and the other did not
		if !slices.Equal(ids, sameIDs) || !reflect.DeepEqual(contacts, sameContacts) || !slices.Equal(picks, samePicks) {
			t.Errorf("seed 7 chose\n%v\n%v\n%q\nand then\n%v\n%v\n%q", ids, contacts, picks, sameIDs, sameContacts, samePicks)
		}
		if slices.Equal(ids, otherIDs) || reflect.DeepEqual(contacts, otherContacts) || slices.Equal(picks, otherPicks) {
			t.Errorf("seed 8 chose as seed 7 did:\n%v\n%v\n%q", otherIDs, otherContacts, otherPicks)
		}
		// and no two peers are the same
		if slices.Sort(ids); len(slices.Compact(ids)) != 10 {
			t.Errorf("IDs %v", ids)
		}
	})
}

func TestContactsAreDifferentOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given that each of 5 peers shall have 3 contacts, or 9
		for give, want := range map[int]int{3: 3, 9: 4} {
			c := small(5)
			c.Contacts = give
			n := joined(t, c)
			for i := range n.Nodes {
				// when they are drawn
				got := n.ContactsOf(i)
				// then they are different others, as many as there are
				slices.Sort(got)
				if len(slices.Compact(got)) != want || slices.Contains(got, i) {
					t.Errorf("peer %d is given %v", i, got)
				}
			}
			n.Close()
		}
	})
}

func TestADirectoryKeepsPeersAndValues(t *testing.T) {
	// Given a value stored in a network whose directory is kept
	c := small(8)
	c.Store, c.Dir, c.Seed = testnet.SQLite, filepath.Join(t.TempDir(), "a", "b"), 1
	n := joined(t, c)
	key := khashmir.HashID([]byte("k"))
	if _, err := n.Nodes[0].Store(t.Context(), key, []byte("v")); err != nil {
		t.Fatal(err)
	}
	ids := identities(n)
	// when another network would use it meanwhile
	if _, err := testnet.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second network in the same directory: %v", err)
	}
	n.Close()
	// and when it goes on there, with another seed
	c.Seed = 2
	n = joined(t, c)
	defer n.Close()
	// then the peers are who they were and have what they had
	if got := identities(n); !slices.Equal(got, ids) {
		t.Errorf("they were %v and are %v", ids, got)
	}
	found := 0
	for value, err := range n.Nodes[7].Values(t.Context(), key) {
		if err != nil || string(value) != "v" {
			t.Errorf("%q, %v", value, err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("found %d values", found)
	}
}

func identities(n *testnet.Network) (ids []string) {
	for _, node := range n.Nodes {
		ids = append(ids, node.ID().String())
	}
	return ids
}

func TestADamagedFileEndsTheStart(t *testing.T) {
	// Given a directory in which a peer's file is none
	c := small(6)
	c.Store, c.Dir = testnet.SQLite, t.TempDir()
	damaged := filepath.Join(c.Dir, "peer-0003.db")
	if err := os.WriteFile(damaged, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	// when the network starts
	_, err := testnet.Start(t.Context(), c)
	// then it says which, and the others are closed: it can start without
	if err == nil || !strings.Contains(err.Error(), "peer 3: ") || !strings.Contains(err.Error(), damaged) {
		t.Errorf("%v", err)
	}
	os.Remove(damaged)
	n, err := testnet.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
}

// The bubble ends only when every goroutine has: an interrupted run waits for
// all that it started.
func TestAnEndedContextEndsTheRunAtEveryStage(t *testing.T) {
	errEnough := errors.New("enough")
	for _, stage := range []testnet.Stage{testnet.Building, testnet.Meeting, testnet.Joining, testnet.Finding, testnet.Storing} {
		t.Run(string(stage), func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			synctest.Test(t, func(t *testing.T) {
				// Given a context that ends in the middle of a stage
				ctx, cancel := context.WithCancelCause(t.Context())
				c := small(20)
				c.Store, c.Callers = testnet.SQLite, 3
				var closed atomic.Bool
				c.Progress = func(s testnet.Stage, done, total int) {
					if s == stage && done == total/2 {
						cancel(errEnough)
					}
					if s == testnet.Closing && done == total {
						closed.Store(true)
					}
				}
				// when the network runs
				_, err := testnet.Run(ctx, c)
				// then it ends with the context's own cause, and all peers are closed
				if err != errEnough || !closed.Load() {
					t.Errorf("%v, closed: %t", err, closed.Load())
				}
			})
			if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestPercentilesAreTheNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100-i) * time.Millisecond
	}
	for _, c := range []struct {
		times    []time.Duration
		p50, p99 float64
	}{
		{nil, 0, 0},
		{hundred[:1], 100, 100},
		{hundred[98:], 1, 2},
		{hundred, 50, 99},
	} {
		if p50, p99 := testnet.Percentiles(c.times); p50 != c.p50 || p99 != c.p99 {
			t.Errorf("of %d: %v and %v, want %v and %v", len(c.times), p50, p99, c.p50, c.p99)
		}
	}
}
