//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestTheNetworkIsShownUntilCtrlC(t *testing.T) {
	// Given the command, which shows its network
	cmd, temp := process(t, "8", "--web", "--stores", "5", "--seed", "3")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var url string
	var said strings.Builder
	lines := bufio.NewScanner(stdout)
	for url == "" && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if at := strings.TrimSpace(lines.Text()); strings.HasPrefix(at, "http://127.0.0.1:") {
			url = at
		}
	}
	if !strings.Contains(said.String(), "8 peers are up and 5 values stored") {
		t.Errorf("it says %s", &said)
	}
	get := func(path string) string {
		response, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return string(body)
	}
	// when browsers come, listen for a moment and go
	for range 3 {
		listening, stop := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(listening, http.MethodGet, url+"v1/events", nil)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(response.Body, make([]byte, 200))
		stop()
		response.Body.Close()
	}
	// then the network goes on: it has the page, its nodes and the values
	if body := get(""); !strings.Contains(body, "<title>Khashmir</title>") {
		t.Errorf("the page is %.200s", body)
	}
	if body := get("v1/network"); strings.Count(body, `"up":true`) != 8 {
		t.Errorf("the network is %s", body)
	}
	if body := get("v1/values/key%204"); !strings.Contains(body, `"text":"the value of key 4"`) {
		t.Errorf("the value is %s", body)
	}
	// and Ctrl-C ends it
	cmd.Process.Signal(syscall.SIGINT)
	for lines.Scan() {
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.HasPrefix(stderr.String(), "interrupted: ") {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
	empty(t, temp)
}

func TestWhatCannotBeShownIsAMistakeInTheArguments(t *testing.T) {
	for _, args := range [][]string{
		{"--web=8080"}, {"--web=localhost"}, {"--web=0.0.0.0:8080"}, {"--web=192.0.2.1:80"}, {"--web", "--json"},
		{"--web", "--kill", "0.5"}, {"--web", "--partition", "5s"}, {"--web", "--restart"}, {"--web", "--mainline"}, {"1", "--web"},
	} {
		var out, errs bytes.Buffer
		p := program{stdout: &out, stderr: &errs}
		if code := p.run(t.Context(), args); code != exitUsage || errs.Len() == 0 || out.Len() != 0 {
			t.Errorf("%q: exit %d, %q, %q", args, code, &out, &errs)
		}
	}
}
