package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

// running is a process that runs "khashmir run".
type running struct {
	dir string
	cmd *exec.Cmd

	mu   sync.Mutex
	said bytes.Buffer
}

func (d *running) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.Write(b)
}

func (d *running) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.String()
}

func startDaemon(t *testing.T, dir string, env []string, args ...string) *running {
	t.Helper()
	d := &running{dir: dir, cmd: exec.Command("khashmir", append([]string{"run", "--dir", dir, "--listen", "127.0.0.1:0"}, args...)...)}
	d.cmd.Stderr = d
	d.cmd.Env = append(os.Environ(), env...)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Kill() // if it runs
		d.cmd.Wait()
	})
	return d
}

// status waits until the daemon answers and is ready in the sense of the test.
func (d *running) status(t *testing.T, ready func(api.Status) bool) api.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), until)
	defer cancel()
	c := client.Unix(filepath.Join(d.dir, socketName))
	defer c.Close()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		s, err := c.Status(ctx)
		if err == nil && (ready == nil || ready(s)) {
			return s
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("the daemon does not get there: %+v, %v\n%s", s, err, d.log())
		}
	}
}

// says waits until the daemon has said so.
func (d *running) says(t *testing.T, text string) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	late := time.After(until)
	for !strings.Contains(d.log(), text) {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("it does not say %s:\n%s", text, d.log())
		}
	}
}

// stop sends a signal and wants the exit code.
func (d *running) stop(t *testing.T, signal os.Signal, want int) {
	t.Helper()
	if err := d.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	err := d.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || d.cmd.ProcessState.ExitCode() != want {
		t.Fatalf("it ended with %d, %v; want %d\n%s", d.cmd.ProcessState.ExitCode(), err, want, d.log())
	}
}

// command runs khashmir and gives back what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("khashmir", args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// systemd hears what a daemon tells its supervisor.
func systemd(t *testing.T) (env []string, heard chan string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	heard = make(chan string, 16)
	var reading sync.WaitGroup
	reading.Go(func() {
		b := make([]byte, 4096)
		for {
			n, err := socket.Read(b)
			if err != nil {
				return
			}
			heard <- string(b[:n])
		}
	})
	t.Cleanup(func() {
		socket.Close()
		reading.Wait()
	})
	return []string{"NOTIFY_SOCKET=" + path}, heard
}

func hears(t *testing.T, heard <-chan string, pattern string) {
	t.Helper()
	select {
	case said := <-heard:
		if !regexp.MustCompile(pattern).MatchString(said) {
			t.Errorf("systemd was told %q, want %s", said, pattern)
		}
	case <-time.After(until):
		t.Fatalf("systemd is not told %s", pattern)
	}
}

// Under a supervisor a daemon says when it is ready and when it goes. Told to go,
// it hands over what it holds.
func TestADaemonToldToGoHandsOverAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	env, heard := systemd(t)
	a := startDaemon(t, filepath.Join(dir, "a"), nil)
	addr := a.status(t, nil).Addr
	command(t, "put", "--dir", a.dir, "greeting", "hello")

	b := startDaemon(t, filepath.Join(dir, "b"), env, "--bootstrap", addr)
	hears(t, heard, `^READY=1\nSTATUS=up as [0-9a-f]{40} at 127\.0\.0\.1:[0-9]+$`)
	b.status(t, func(s api.Status) bool { return s.Contacts == 1 && s.Entries == 1 }) // it was handed the value

	a.stop(t, syscall.SIGTERM, exitDone)
	if got := command(t, "get", "--dir", b.dir, "greeting"); got != "hello\n" {
		t.Errorf("b has %q", got)
	}
	if _, err := os.Stat(filepath.Join(a.dir, socketName)); err == nil {
		t.Error("a has left its socket behind")
	}
	for _, want := range []string{"msg=leaving", "msg=\"handed over\"", "msg=gone"} {
		if !strings.Contains(a.log(), want) {
			t.Errorf("its log has no %s:\n%s", want, a.log())
		}
	}
	b.stop(t, syscall.SIGINT, exitDone)
	hears(t, heard, `^STOPPING=1$`)
}

// Killed and started again, over the socket it has left behind, it is the same
// node, with what it has acknowledged.
func TestADaemonKilledIsTheSameNodeAgain(t *testing.T) {
	dir := t.TempDir()
	first := startDaemon(t, dir, nil)
	before := first.status(t, nil)
	if info, err := os.Stat(filepath.Join(dir, socketName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("who may talk to it: %v, %v", info.Mode(), err)
	}
	command(t, "put", "--dir", dir, "greeting", "hello")
	first.stop(t, syscall.SIGKILL, -1)

	again := startDaemon(t, dir, nil)
	if after := again.status(t, nil); after.ID != before.ID || after.Entries != 1 {
		t.Errorf("it was %s with a value, and is %s with %d", before.ID, after.ID, after.Entries)
	}
	if got := command(t, "get", "--dir", dir, "greeting"); got != "hello\n" {
		t.Errorf("it has %q", got)
	}
	again.stop(t, syscall.SIGTERM, exitDone)
}

// Who cannot wait for the handing over says so twice.
func TestASecondSignalCutsTheLeavingShort(t *testing.T) {
	dir := t.TempDir()
	a := startDaemon(t, filepath.Join(dir, "a"), nil, "--leave-timeout", "10m")
	b := startDaemon(t, filepath.Join(dir, "b"), nil, "--bootstrap", a.status(t, nil).Addr)
	b.status(t, func(s api.Status) bool { return s.Contacts == 1 })
	command(t, "put", "--dir", a.dir, "greeting", "hello")
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil { // it will not take anything
		t.Fatal(err)
	}
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.says(t, "msg=leaving")
	a.stop(t, syscall.SIGTERM, exitDone)
	if !strings.Contains(a.log(), "msg=\"cut short\"") {
		t.Errorf("nothing was cut short:\n%s", a.log())
	}
}

// Ctrl-C ends a command that goes on, with 130.
func TestAnInterruptedCommandSaysSo(t *testing.T) {
	d := startDaemon(t, t.TempDir(), nil)
	d.status(t, nil)
	command(t, "put", "--dir", d.dir, "greeting", "hello")
	watch := exec.Command("khashmir", "get", "--dir", d.dir, "greeting", "--watch")
	out, err := watch.StdoutPipe()
	if err == nil {
		err = watch.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasSuffix(line, " + hello\n") {
		t.Errorf("watching, it says %q, %v", line, err)
	}
	watch.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, out)
	if watch.Wait(); watch.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("it ended with %d, want %d", watch.ProcessState.ExitCode(), exitInterrupted)
	}
}
