//go:build amd64 || arm64

package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The advice is the system's to take, and not all do. But where there are large
// pages it is there, on what the heap uses next.
func TestTheHeapIsAdvisedToUseLargePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip(err)
	}
	const bytes = 256 << 20
	largePages(bytes)
	next := make([]byte, bytes/2)
	middle := fmt.Sprintf("%p", &next[len(next)/2]) // it may begin a little before
	if flags := flagsOf(t, middle); !slices.Contains(flags, "hg") {
		t.Errorf("what lies at %s is not to have large pages: %v", middle, flags)
	}
}

// flagsOf are the system's of the memory at an address.
func flagsOf(t *testing.T, address string) []string {
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var at, from, to uint64
	if _, err := fmt.Sscanf(address, "0x%x", &at); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); err == nil {
			continue
		}
		if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && from <= at && at < to {
			return strings.Fields(flags)
		}
	}
	t.Fatalf("nothing is at %s", address)
	return nil
}
