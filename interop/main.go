// Command interop sees to it that a mainline node of ours and the DHT clients
// that no one here wrote understand each other, both ways:
//
//	make interop
//
// For each client it starts nodes of ours, then the client, and goes through the
// steps in steps.go, each bounded in time; all clients at the same time. It
// prints a table, in seconds, and ends with status 1 if a step failed. A client
// that is not here is named with a line that says how to get it.
//
// All of it happens in a network namespace that has nothing but loopback, where
// one may be made, and else on 127.0.0.1; no client is given a bootstrap node
// that is not ours.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

var (
	only   = flag.String("only", "", "names of clients, with commas between; default all")
	keep   = flag.Bool("v", false, "what the clients write to standard error")
	inside = flag.String("inside", "", "the folder with what was built: for the command's own use")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	started := time.Now()
	if *inside == "" {
		os.Exit(outside())
	}
	failed := try(*inside)
	fmt.Printf("\n%.0f seconds\n", time.Since(started).Seconds())
	if failed {
		os.Exit(1)
	}
}

// outside builds what is to be built, while there is a network to fetch it
// from, and goes on in a place that has none.
func outside() int {
	built, err := os.MkdirTemp("", "interop-")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(built)
	for _, program := range []string{"ours", "anacrolix"} {
		build := exec.Command("go", "build", "-o", filepath.Join(built, program), "./"+program)
		if out, err := build.CombinedOutput(); err != nil && program == "ours" {
			log.Printf("building %s: %v\n%s", program, err, out)
			return 1
		}
	}
	return enter(append(os.Args[1:], "-inside", built))
}

func try(built string) (failed bool) {
	alone := isolate()
	var worlds []*world
	for i, f := range foreign(built) {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), f.name) {
			continue
		}
		if reason := f.missing(alone); reason != "" {
			fmt.Printf("%s is left out: %s\n", f.name, reason)
			continue
		}
		worlds = append(worlds, newWorld(f, i, alone, built))
	}
	var running sync.WaitGroup
	for _, w := range worlds {
		running.Go(w.run)
	}
	running.Wait()
	return report(worlds)
}

// report prints what passed, in seconds, and what did not.
func report(worlds []*world) (failed bool) {
	fmt.Printf("\n%-44s", "")
	for _, w := range worlds {
		fmt.Printf("%16s", w.name)
	}
	fmt.Println()
	for i, step := range steps {
		fmt.Printf("%-44s", step.name)
		for _, w := range worlds {
			fmt.Printf("%16s", w.outcomes[i])
		}
		fmt.Println()
	}
	for _, w := range worlds {
		for _, fault := range w.faults {
			fmt.Printf("\n%s: %s", w.name, fault)
			failed = true
		}
	}
	return failed
}
