//go:build unix

package shell_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/khashmir/kad/shell"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/client"
)

// typing is what this test's own program is asked to be: a shell at a terminal.
const typing = "KHASHMIR_SHELL_HISTORY"

func TestMain(m *testing.M) {
	if history, ok := os.LookupEnv(typing); ok {
		os.Exit(atTerminal(history))
	}
	os.Exit(m.Run())
}

// atTerminal is the program that a user has: a network, and a shell on its first
// node.
func atTerminal(history string) int {
	all, end, err := join(nodes)
	defer end()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c := client.Handler(web.New(all[0], web.Config{Local: true}))
	defer c.Close()
	s := shell.New(c, shell.Config{Interactive: true, History: history})
	defer s.Close()
	if err := s.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// terminal is one with somebody at it.
type terminal struct {
	t     *testing.T
	tty   *os.File
	shown chan []byte
	all   bytes.Buffer // that was shown since the last wait
	ended chan error
}

// patience is how long anything may take.
const patience = 20 * time.Second

// sit opens a terminal of so many columns with a shell at it.
func sit(t *testing.T, history string, columns uint16) *terminal {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), typing+"="+history, "TERM=xterm")
	tty, err := pty.StartWithSize(command, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	s := &terminal{t: t, tty: tty, shown: make(chan []byte), ended: make(chan error, 1)}
	over := make(chan struct{})
	go s.watch(over)
	go func() { s.ended <- command.Wait() }()
	t.Cleanup(func() {
		command.Process.Kill()
		close(over)
		tty.Close()
		for range s.shown {
		}
	})
	s.wait(" > ")
	return s
}

// watch does what a terminal does by itself: it says where the cursor is.
func (s *terminal) watch(over chan struct{}) {
	defer close(s.shown)
	for {
		piece := make([]byte, 4096)
		n, err := s.tty.Read(piece)
		if err != nil {
			return
		}
		for range bytes.Count(piece[:n], []byte("\x1b[6n")) {
			io.WriteString(s.tty, "\x1b[1;1R")
		}
		select {
		case s.shown <- piece[:n]:
		case <-over:
			return
		}
	}
}

// wait is until text is shown.
func (s *terminal) wait(text string) string {
	s.t.Helper()
	late := time.After(patience)
	for !strings.Contains(s.all.String(), text) {
		select {
		case piece, ok := <-s.shown:
			if s.all.Write(piece); !ok {
				s.t.Fatalf("it ended, without %q:\n%q", text, s.all.String())
			}
			plain := bytes.ReplaceAll(s.all.Bytes(), []byte(" \b"), nil) // which shows nothing
			s.all = *bytes.NewBuffer(plain)
		case <-late:
			s.t.Fatalf("nothing shows %q:\n%q", text, s.all.String())
		}
	}
	all := s.all.String()
	at := strings.Index(all, text) + len(text)
	s.all.Reset()
	s.all.WriteString(all[at:])
	return all[:at]
}

func (s *terminal) keys(text string) {
	if _, err := io.WriteString(s.tty, text); err != nil {
		s.t.Fatal(err)
	}
}

// left is how the program ended.
func (s *terminal) left() error {
	s.t.Helper()
	for {
		select {
		case err := <-s.ended:
			return err
		case <-s.shown:
		case <-time.After(patience):
			s.t.Fatal("it does not end")
		}
	}
}

const (
	up, tab, enter = "\x1b[A", "\t", "\r"
	ctrlA, ctrlC   = "\x01", "\x03"
	ctrlD, ctrlR   = "\x04", "\x12"
)

func TestAtATerminal(t *testing.T) {
	history := filepath.Join(t.TempDir(), "new", "history")
	s := sit(t, history, 80)

	s.keys(`add(sha1("greeting"), "hello")` + enter)
	s.wait("stored at 8 nodes")
	s.wait(" > ")

	s.keys(`findv` + tab)
	s.wait("findvalue(")
	s.keys(`sha1("greeting"))` + enter)
	s.wait(`1  "hello"`)
	s.wait(" > ")

	s.keys(`string.for` + tab)
	s.wait("string.format(")
	s.keys(`"%03d", 7)` + enter)
	s.wait(`"007"`)
	s.wait(" > ")

	s.keys(`help("getb` + tab)
	s.wait(`getbucketno")`)
	s.keys(enter)
	s.wait("the number of its first bit")
	s.wait(" > ")

	s.keys(`mine = {first = 1, second = {third = 3}}` + enter)
	s.wait(" > ")
	s.keys(`mine.second.th` + tab)
	s.wait("mine.second.third")
	s.keys(enter)
	s.wait("\n3\r\n")
	s.wait(" > ")

	s.keys(`for i = 1, 2 do` + enter)
	s.wait(">> ")
	s.keys(`print("line " .. i)` + enter)
	s.wait(">> ")
	s.keys(`end` + enter)
	s.wait("line 1\r\nline 2\r\n")
	s.wait(" > ")

	s.keys(up + up + up + up + enter) // mine.second.third again
	s.wait("\n3\r\n")
	s.wait(" > ")

	s.keys(ctrlR + `007` + ctrlC + ctrlR + `"gree` + enter)
	s.wait("\r\n")
	s.keys(enter)
	s.wait(" > ")

	s.keys(`print("it " .. "runs") while true do end` + enter)
	s.wait("it runs\r\n")
	s.keys(ctrlC)
	s.wait("! interrupted after ")
	s.wait(" > ")

	s.keys(`half a line` + ctrlC)
	s.wait("^C")
	s.wait(" > ")
	s.keys(ctrlC)
	s.wait("Ctrl-C once more leaves")
	s.wait(" > ")
	s.keys(`print("still " .. "here")` + enter)
	s.wait("still here\r\n")
	s.wait(" > ")
	s.keys(ctrlC)
	s.wait("Ctrl-C once more leaves")
	s.wait(" > ")
	s.keys(ctrlC)
	if err := s.left(); err != nil {
		t.Errorf("two times Ctrl-C: %v", err)
	}

	info, err := os.Stat(history)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the history: %v, %v", info, err)
	}
	kept, _ := os.ReadFile(history)
	if !strings.HasPrefix(string(kept), "add(sha1(\"greeting\"), \"hello\")\nfindvalue(sha1(\"greeting\"))\n") || strings.Contains(string(kept), "half a line") {
		t.Errorf("the history is:\n%s", kept)
	}

	s = sit(t, history, 40)
	s.keys(up)
	s.wait(`print("still " .. "here")`)
	s.keys(enter)
	s.wait("still here\r\n")
	s.wait(" > ")
	s.keys(`.. "a line longer than forty columns, with its beginning typed last"` + ctrlA + `"and " ` + enter)
	s.wait(`"and a line longer than forty columns, with its beginning typed last"`)
	s.wait(" > ")
	s.keys(ctrlD)
	if err := s.left(); err != nil {
		t.Errorf("Ctrl-D: %v", err)
	}
}

// A history that has grown is cut, and its owner's alone from then on.
func TestAHistoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var old strings.Builder
	for i := range 3 * shell.MaxHistory {
		fmt.Fprintf(&old, "print(%d)\n", i)
	}
	old.WriteString(strings.Repeat("x", shell.MaxHistoryLine+1) + "\n")
	if err := os.WriteFile(path, []byte(old.String()), 0o644); err != nil {
		t.Fatal(err)
	}

	s := sit(t, path, 80)
	s.keys(up)
	s.wait(fmt.Sprintf("print(%d)", 3*shell.MaxHistory-1))
	s.keys(ctrlC)
	s.wait(" > ")
	s.keys("1+1" + enter)
	s.wait("\n2\r\n")
	s.wait(" > ")
	s.keys("1+1" + enter)
	s.wait("\n2\r\n")
	s.wait(" > ") // while a line runs the terminal is not ours, and ctrl-D would be its end of file
	s.keys(ctrlD)
	if err := s.left(); err != nil {
		t.Error(err)
	}

	info, err := os.Stat(path)
	kept, _ := os.ReadFile(path)
	lines := strings.Split(strings.TrimSuffix(string(kept), "\n"), "\n")
	if err != nil || info.Mode().Perm() != 0o600 || len(lines) != shell.MaxHistory+1 || lines[0] != fmt.Sprintf("print(%d)", 2*shell.MaxHistory) || lines[len(lines)-1] != "1+1" {
		t.Errorf("%v, %v: %d lines, from %q to %q", info.Mode(), err, len(lines), lines[0], lines[len(lines)-1])
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("there are %q", left)
	}
}

// One that others could read until now is its owner's alone.
func TestAHistoryIsItsOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(path, []byte("print(1)\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := sit(t, path, 80)
	s.keys(ctrlD)
	info, err := os.Stat(path)
	if left := s.left(); left != nil || err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, %v", info.Mode(), err, left)
	}
}

// A folder, a device or a file that is not ours to write is no history, and no
// reason not to begin.
func TestWithoutAHistory(t *testing.T) {
	for _, path := range []string{"", t.TempDir(), "/dev/null", "/dev/null/history"} {
		s := sit(t, path, 80)
		s.keys(`print("with" .. "out")` + enter)
		s.wait("without\r\n")
		s.wait(" > ")
		s.keys(ctrlD)
		if err := s.left(); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode().Perm() == 0o600 {
		t.Errorf("what has become of /dev/null: %v, %v", info, err)
	}
}
