package store_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// childVariable makes the test binary the victim: its value is the path of the
// store and the number of the first entry to put.
const childVariable = "KHASHMIR_STORE_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childVariable); task != "" {
		child(task)
		return
	}
	os.Exit(m.Run())
}

// child puts from 16 goroutines for as long as it lives, and prints the number
// of each entry once it is acknowledged.
func child(task string) {
	path, first, _ := strings.Cut(task, "|")
	var last atomic.Uint64
	n, _ := strconv.ParseUint(first, 10, 64)
	last.Store(n)
	s, err := store.Open(path, store.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var putters sync.WaitGroup
	for range 16 {
		putters.Go(func() {
			for {
				n := last.Add(1)
				under, e := nth(n)
				if err := s.Put(under, e, nowhere, start); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Printf("%d\n", n) // one write
			}
		})
	}
	putters.Wait()
}

// nth is the n-th entry of the child: 0 to 2 KB, and 32 under a key.
func nth(n uint64) (kad.ID, kad.Entry) {
	v := make([]byte, 8+n*37%2000)
	binary.BigEndian.PutUint64(v, n)
	return kad.HashID(binary.BigEndian.AppendUint64(nil, n/32)), value(string(v), byte(n), 0, 60)
}

func TestAnAcknowledgedEntrySurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	src := rand.New(rand.NewPCG(1, 9))
	var acknowledged []uint64
	for cycle := range uint64(20) {
		acknowledged = append(acknowledged, runAndKill(t, path, cycle<<32, 1+src.IntN(150))...)
		s, err := store.Open(path, store.Config{})
		if err != nil {
			t.Fatalf("cycle %d: %v", cycle, err)
		}
		if lost := missing(t, s, acknowledged); len(lost) > 0 {
			t.Fatalf("cycle %d: entries %v were acknowledged and are gone", cycle, lost)
		}
		if wrong := s.Miscounted(); len(wrong) > 0 {
			t.Fatalf("cycle %d: the usage of %s is not what the entries add up to", cycle, wrong)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// missing is which of the numbered entries s does not hold in full.
func missing(t *testing.T, s subject, numbers []uint64) (lost []uint64) {
	t.Helper()
	held := map[kad.ID][]kad.Entry{}
	for _, n := range numbers {
		under, e := nth(n)
		if _, ok := held[under]; !ok {
			page, next, err := s.Entries(under, 0, 1<<20, start)
			if next != 0 || err != nil {
				t.Fatal(next, err)
			}
			held[under] = page
		}
		if !slices.ContainsFunc(held[under], func(got kad.Entry) bool { return same(got, e) }) {
			lost = append(lost, n)
		}
	}
	return lost
}

// runAndKill returns the entries that a child acknowledged before it was
// killed, which happens once there are n.
func runAndKill(t *testing.T, path string, first uint64, n int) (acknowledged []uint64) {
	t.Helper()
	cmd, lines := startChild(t, path, first)
	for lines.Scan() {
		number, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
		acknowledged = append(acknowledged, number)
		if len(acknowledged) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(acknowledged) < n {
		t.Fatalf("the child ended by itself after %d puts: %v", len(acknowledged), cmd.Wait())
	}
	cmd.Wait() // it says that it was killed
	return acknowledged
}

func startChild(t *testing.T, path string, first uint64) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", childVariable, path, first))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestAnotherProcessIsToldThatTheStoreIsInUseUntilTheFirstIsDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	cmd, lines := startChild(t, path, 0)
	if !lines.Scan() {
		t.Fatal("the child did not put anything")
	}
	if _, err := store.Open(path, store.Config{}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("while the child lives: %v, want ErrInUse", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	cmd.Wait()
	openAt(t, path, store.Config{})
}

// An idle store is held from the moment it is open, fresh or not, and not
// from its first write on.
func TestAStoreThatDoesNothingIsInUseToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	for _, history := range []string{"fresh", "reopened", "recovered after a kill"} {
		if history == "recovered after a kill" {
			runAndKill(t, path, 1<<32, 3)
		}
		s := openAt(t, path, store.Config{})
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+path+"|0")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), store.ErrInUse.Error()) {
			t.Errorf("%s: the other process said %q, %v, want %q", history, out, err, store.ErrInUse)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
