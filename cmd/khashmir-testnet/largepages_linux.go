//go:build amd64 || arm64

package main

import (
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// largePages asks the system for large pages for that many bytes of the heap, which
// must be about to be needed. A simulation goes from one node to the next, and of a
// hundred thousand hardly any is in a cache: half of what it waits for memory
// is spent on finding the small page where the memory lies.
//
// What the runtime has given back to the system it uses again, and the advice stays.
func largePages(bytes int64) {
	room := make([]byte, bytes)
	_ = unix.Madvise(room, unix.MADV_HUGEPAGE) // it is slower without, and no worse
	room = nil
	debug.FreeOSMemory()
}
