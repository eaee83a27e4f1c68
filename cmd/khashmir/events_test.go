package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/khashmir/kad/web/api"
)

// What a node does is told as it does it, to whoever listens by then.
func TestEventsAreTold(t *testing.T) {
	d := startDaemon(t, t.TempDir(), nil)
	d.status(t, nil)
	listening := exec.Command("khashmir", "events", "--dir", d.dir, "--json")
	out, err := listening.StdoutPipe()
	if err == nil {
		err = listening.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(told)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e api.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("%q: %v", lines.Text(), err)
			}
			if e.Step != nil && e.Step.Kind == "stored" {
				return
			}
		}
	})
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.After(until)
	for heard := false; !heard; {
		command(t, "put", "--dir", d.dir, "greeting", "hello")
		select {
		case <-told:
			heard = true
		case <-again.C:
		case <-late:
			t.Fatal("nothing is told")
		}
	}
	listening.Process.Signal(os.Interrupt)
	reading.Wait()
	if listening.Wait(); listening.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("it ended with %d, want %d", listening.ProcessState.ExitCode(), exitInterrupted)
	}
}
