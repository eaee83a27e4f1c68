package testnet_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/khashmir/kad/testnet"
)

func TestBothHalvesLiveOnAndFindEverythingAfterTheCut(t *testing.T) {
	run := func(t *testing.T, c testnet.Config) {
		// Given two halves that store 10 values each while they are cut from each other
		c.Stores, c.Readers = 10, 2
		// when the cut is mended
		r, err := testnet.Run(t.Context(), c)
		// then nothing has failed meanwhile, and both find all there is
		p := r.Partition
		if err != nil || p == nil || !r.OK() {
			t.Fatalf("%v, %+v, faults %q", err, p, r.Faults)
		}
		if p.CutS < c.Partition.Seconds() || p.StoresOK != p.Stores || p.GetsOK != p.Gets || p.Stores == 0 || p.Gets != 2*p.Stores {
			t.Errorf("%+v", p)
		}
		if !p.Healed || p.Acknowledged != 10+p.Stores || p.Readable != p.Acknowledged || p.Lost != 0 || r.Kept != p.Kept {
			t.Errorf("%+v", p)
		}
	}
	t.Run("mem", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := small(16)
			c.Partition = 5 * time.Minute // until the halves have forgotten each other
			run(t, c)
		})
	})
	t.Run("quic", func(t *testing.T) {
		c := small(8)
		c.Transport, c.Partition, c.Callers = testnet.QUIC, time.Second, 4
		run(t, c)
	})
}

func TestNoQuestionCrossesTheCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a network that is cut in two, and its peers as they come
		c := small(8)
		c.Partition = time.Minute
		n := joined(t, c)
		defer n.Close()
		n.CutInHalves([]int{0, 1, 2, 3}, []int{4, 5, 6, 7})
		for _, to := range []struct {
			peer int
			ok   bool
		}{{1, true}, {4, false}, {3, true}, {7, false}} {
			// when one asks another
			_, err := n.Nodes[0].AddContact(t.Context(), n.Nodes[to.peer].Addr().String())
			// then it has an answer if that is on its own side
			if (err == nil) != to.ok {
				t.Errorf("peer 0 asks peer %d: %v", to.peer, err)
			}
		}
		// and a peer that waits for an answer can be closed at once
		done := make(chan error)
		go func() {
			_, err := n.Nodes[0].AddContact(t.Context(), n.Nodes[5].Addr().String())
			done <- err
		}()
		synctest.Wait()
		begun := time.Now()
		n.Nodes[0].Abort()
		if err := <-done; err == nil || time.Since(begun) > 0 {
			t.Errorf("closed after %v: %v", time.Since(begun), err)
		}
	})
}

func TestWhatACrashTakesIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for share, loses := range map[float64]bool{0.2: false, 0.9: true} {
			// Given values at 8 of 20 peers each
			c := small(20)
			c.Seed, c.Stores, c.Kill = 1, 40, share
			// when some crash, fewer than 8 or nearly all
			r, err := testnet.Run(t.Context(), c)
			k := r.Kill
			if err != nil || k == nil {
				t.Fatal(err)
			}
			// then the report says what is left, and that it is not all
			if k.Killed != int(20*share) || k.Killed+k.Left != 20 {
				t.Errorf("%d killed, %d left", k.Killed, k.Left)
			}
			if k.Acknowledged != 40 || k.Readable+k.Lost != 40 || (k.Lost > 0) != loses || r.OK() == loses || len(r.Faults) > 0 != loses {
				t.Errorf("share %v: %+v, OK: %t, faults %q", share, k, r.OK(), r.Faults)
			}
			if k.WholeP99MS <= 0 {
				t.Errorf("reads after the crash took %v ms", k.WholeP99MS)
			}
		}
	})
}

func TestAllProcessesComeBackWithAllValues(t *testing.T) {
	for _, kill := range []float64{0, 0.25} { // some may have crashed before
		t.Setenv("TMPDIR", t.TempDir())
		// Given peers that are processes
		c := testnet.Default()
		c.Peers, c.Stores, c.Finds, c.Callers, c.Restart, c.Kill = 8, 10, 2, 5, true, kill
		// when all are killed and started again
		r, err := testnet.Run(t.Context(), c)
		// then all find each other and all values
		a := r.Restart
		if err != nil || a == nil || !r.OK() {
			t.Fatalf("%v, %+v, faults %q", err, a, r.Faults)
		}
		if a.Peers != 8 || a.Rejoined != 8 || a.Acknowledged != 10 || a.Readable != 10 || a.Lost != 0 {
			t.Errorf("%+v", a)
		}
		if (r.Kill != nil) != (kill > 0) {
			t.Errorf("killed before: %+v", r.Kill)
		}
		if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestEveryReaderFindsExactlyTheValuesOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given more values under each of two keys than there are peers
		c := small(12)
		c.Stores, c.Entries, c.Callers, c.Readers = 2, 30, 5, 3
		// when all are stored and read
		r, err := testnet.Run(t.Context(), c)
		// then each reader has all of them and nothing else
		if err != nil || !r.OK() || r.StoresOK != 60 || r.GetsOK != 6 || r.Acknowledged != 60 || r.Readable != 60 {
			t.Errorf("%v: stores %d/%d, gets %d/%d, %+v, faults %q", err, r.StoresOK, r.Stores, r.GetsOK, r.Gets, r.Kept, r.Faults)
		}
	})
}

func TestAReaderIsJudgedByWhatItFinds(t *testing.T) {
	for _, c := range []struct {
		stored, failed, found    string
		missing, absent, foreign int
	}{
		{"", "", "", 0, 0, 0},
		{"a b", "", "a b", 0, 0, 0},
		{"a b", "", "b a", 0, 0, 0},
		{"a b", "", "b", 1, 1, 0},
		{"a b", "c", "a b", 0, 1, 0},
		{"a b", "c", "c a b", 0, 0, 0}, // it was stored, though nobody said so
		{"a b", "", "a b x", 0, 0, 1},
		{"a", "", "x", 1, 1, 1},
		{"a", "", "a a", 0, 0, 1},
	} {
		missing, absent, foreign := testnet.Judge(strings.Fields(c.stored), strings.Fields(c.failed), strings.Fields(c.found))
		if missing != c.missing || absent != c.absent || foreign != c.foreign {
			t.Errorf("%+v: %d missing, %d absent, %d foreign", c, missing, absent, foreign)
		}
	}
}

func TestAPeerProcessWantsOrders(t *testing.T) {
	for orders, want := range map[string]string{
		"":                      "a peer process wants orders",
		"hello\n":               "a peer process wants orders",
		`{"N":1,"Do":"read"}`:   `begins with "open", not "read"`,
		`{"N":1,"Do":"open"}`:   `begins with "open"`,
		`{"N":1,"Do":"stats"} `: `begins with "open", not "stats"`,
	} {
		var out bytes.Buffer
		err := testnet.ServePeer(strings.NewReader(orders), &out)
		if err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%q: %v, and it said %q", orders, err, out.String())
		}
	}
}

func TestAProcessThatCannotStartSaysWhy(t *testing.T) {
	// Given a peer that has its file open
	file := t.TempDir() + "/node.db"
	p, err := testnet.StartProcess(t.Context(), 1, file, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	// when another would start on it, then it says that it is in use
	if _, err := testnet.StartProcess(t.Context(), 1, file, ""); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
}
