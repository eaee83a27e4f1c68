// Command khashmir is a node of a distributed hash table that stays up, and what
// talks to it: put, get, rm and the rest ask the node that runs on this machine,
// or come as a client for a moment where there is none.
//
// To read on: settings.go is where a setting comes from, run.go the daemon, doors.go the ways to it,
// reach.go how the other commands find a node, and each of them is a file.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, for scripts.
const (
	exitDone        = 0   // what was asked for is done
	exitNot         = 1   // it is not: not stored, nothing found, something is wrong
	exitUsage       = 2   // the arguments or the settings make no sense
	exitNobody      = 3   // there is no node to ask, or it knows nobody
	exitInterrupted = 130 // by a signal
)

// errInterrupted is why the context ends.
var errInterrupted = errors.New("interrupted")

func main() { os.Exit(run()) }

// run is all of it but for the exit, so that tests can be this program.
func run() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	again := make(chan struct{})
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		close(again)
	}()
	p := program{in: os.Stdin, out: os.Stdout, err: os.Stderr, again: again}
	return p.run(ctx, os.Args[1:])
}

// usageError is a mistake in the arguments or the settings.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
