// Command khashmir-testnet builds a network of peers on this machine and lets
// them find each other and each other's values, as Khashmir's own script did.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/khashmir/kad/sim"
	"github.com/khashmir/kad/testnet"
)

// Exit codes, for scripts.
const (
	exitFound       = 0   // everything was stored and found
	exitNotFound    = 1   // something was not, or the network could not be built
	exitUsage       = 2   // the arguments make no sense
	exitInterrupted = 130 // by a signal
)

// errInterrupted is why the context ends.
var errInterrupted = errors.New("interrupted")

func main() {
	if len(os.Args) == 2 && os.Args[1] == testnet.PeerCommand {
		os.Exit(bePeer())
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go obey(signals, func() { cancel(errInterrupted) }, func() {
		fmt.Fprintf(os.Stderr, "\nstopped at once; look for files left in %s\n",
			filepath.Join(os.TempDir(), testnet.TempPattern))
		os.Exit(exitInterrupted)
	})
	p := program{stdout: os.Stdout, stderr: os.Stderr, network: testnet.Run, sweep: sim.Sweep}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// bePeer is the hidden subcommand that --restart runs. What a terminal sends to
// all of its processes is for the parent to obey: the peer goes with it.
func bePeer() int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := testnet.ServePeer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "khashmir-testnet: %v\n", err)
		return exitUsage
	}
	return exitFound
}

// sameSignal is how soon a second signal is still the first: some send it to
// the process and to its group.
const sameSignal = 100 * time.Millisecond

// obey ends the run at the first signal and the program at the second. That
// nobody reads the output any more (SIGPIPE) is a reason to end the run too,
// but comes with every line and is nobody's impatience.
func obey(signals <-chan os.Signal, endRun, endNow func()) {
	var first time.Time
	for s := range signals {
		switch {
		case s == syscall.SIGPIPE:
		case first.IsZero():
			first = time.Now()
		case time.Since(first) > sameSignal:
			endNow()
		}
		endRun()
	}
}
