package web_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
)

// curl is the command as people type it.
func curl(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	return exec.CommandContext(within(t, time.Minute), path, append([]string{"--silent", "--show-error", "--noproxy", "*"}, args...)...)
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := curl(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("curl %q: %v: %s", args, err, out)
	}
	return string(out)
}

// Put, get, watch and delete with nothing but curl, over QUIC on loopback and
// files on disk.
func TestCurlIsAClient(t *testing.T) {
	nodes := onWire(t, 5, nil)
	_, at := serve(t, nodes[0], web.Config{Token: token})
	authorized := []string{"-H", "Authorization: Bearer " + token}
	do := func(args ...string) string { t.Helper(); return run(t, append(authorized, args...)...) }

	result := told[api.Result](t, []byte(do("-T", file(t, "hello"), at+"/v1/values/greeting?ttl=1h")))
	if len(result.Stored) != 5 || result.Error != nil || result.Key != khashmir.HashID([]byte("greeting")).String() {
		t.Fatalf("put: %+v", result)
	}
	if raw := do("-H", "Accept: application/octet-stream", at+"/v1/values/greeting"); raw != "hello" {
		t.Errorf("get: %q", raw)
	}
	if raw := do("-H", "Accept: application/octet-stream", at+"/v1/values/"+result.Key); raw != "hello" {
		t.Errorf("get by ID: %q", raw)
	}
	found := told[api.Found](t, []byte(do(at+"/v1/values/greeting")))
	if len(found.Values) != 1 || *found.Values[0].Text != "hello" || len(found.Shown) != 5 {
		t.Errorf("get: %+v", found)
	}
	lookup := told[api.Lookup](t, []byte(do(at+"/v1/lookup/"+nodes[3].ID().String())))
	if len(lookup.Closest) != 4 || lookup.Closest[0].ID != nodes[3].ID().String() {
		t.Errorf("find-node: %+v", lookup)
	}

	watch := curl(t, append(authorized, "--no-buffer", "-H", "Accept: text/event-stream", at+"/v1/values/greeting?watch=1&every=1s")...)
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	expectLine(t, lines, `"text":"hello"`)
	expectLine(t, lines, "event: end")
	if removed := told[api.Result](t, []byte(do("-X", "DELETE", "-d", "hello", at+"/v1/values/greeting"))); len(removed.Stored) != 5 {
		t.Errorf("delete: %+v", removed)
	}
	expectLine(t, lines, `"gone":true`)
	watch.Process.Kill()
	watch.Wait()
	if status := do("-o", os.DevNull, "-w", "%{http_code}", at+"/v1/values/greeting"); status != "404" {
		t.Errorf("after that: %s", status)
	}
	if status := run(t, "-o", os.DevNull, "-w", "%{http_code}", at+"/v1/status"); status != "401" {
		t.Errorf("without the token: %s", status)
	}
}

func expectLine(t *testing.T, lines *bufio.Scanner, part string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), part) {
			return
		}
	}
	t.Fatalf("no line has %q: %v", part, lines.Err())
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Over the socket a backup is a file that another node opens: it is the same one.
func TestABackupOverTheSocketIsTheNode(t *testing.T) {
	nodes := onWire(t, 3, nil)
	key := khashmir.HashID([]byte("key"))
	if _, err := nodes[0].Store(t.Context(), key, []byte("value")); err != nil {
		t.Fatal(err)
	}
	scratch := t.TempDir()
	g := web.New(nodes[0], web.Config{Local: true, Scratch: scratch})
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	copied := filepath.Join(t.TempDir(), "copy.db")

	run(t, "--fail", "--unix-socket", socket, "-o", copied, "http://khashmir/v1/backup")
	g.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	id := nodes[0].ID()
	for _, node := range nodes {
		node.Abort()
	}
	node := open(t, khashmir.Config{Path: copied, Listen: "127.0.0.1:0"})
	held, err := node.Holdings(key, 1)
	if node.ID() != id || err != nil || len(held) != 1 || held[0].Key != key {
		t.Errorf("the copy is %s and holds %+v, %v; want %s and %s", node.ID(), held, err, id, key)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("there is %v left, %v", left, err)
	}
}
