//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/khashmir/kad/store"
)

func TestSignalsEndTheProcessAndCleanUp(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			// Given the command in the middle of a run without end
			cmd, temp := process(t, "10", "--finds", "1000000000")
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "finding close nodes") {
			}
			if dirs, _ := os.ReadDir(temp); len(dirs) != 1 {
				t.Errorf("in the temporary directory during the run: %v", dirs)
			}
			// when the signal comes, to the process and to its group, say
			cmd.Process.Signal(signal)
			cmd.Process.Signal(signal)
			for lines.Scan() {
			}
			// then it cleans up, says so and has the exit code
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("exit code %d", code)
			}
			if want := "interrupted: the peers are closed and their temporary files removed\n"; stderr.String() != want {
				t.Errorf("on stderr: %q", stderr.String())
			}
			empty(t, temp)
		})
	}
}

func TestAReaderThatLeavesEndsTheProcessAndItCleansUp(t *testing.T) {
	// Given an output that nobody reads any more
	cmd, temp := process(t, "10", "--stores", "1000000000")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd.Stdout = writer
	// when the command is run
	err = cmd.Run()
	// then it ends at its first line and leaves nothing
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, %v", code, err)
	}
	empty(t, temp)
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		second os.Signal
		after  time.Duration
		now    int
	}{
		{"of an impatient user", os.Interrupt, time.Second, 1},
		{"of another kind", syscall.SIGTERM, time.Second, 1},
		{"that is the first, told twice", os.Interrupt, time.Millisecond, 0},
		{"that only says nobody reads", syscall.SIGPIPE, time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Given a first Ctrl-C
				signals := make(chan os.Signal)
				ended, now := 0, 0
				go obey(signals, func() { ended++ }, func() { now++ })
				signals <- os.Interrupt
				synctest.Wait()
				if ended != 1 || now != 0 {
					t.Errorf("after the first, the run was ended %d times, the program %d", ended, now)
				}
				// when a second signal comes
				time.Sleep(c.after)
				signals <- c.second
				close(signals)
				synctest.Wait()
				// then the program ends at once, or not
				if now != c.now {
					t.Errorf("the program was ended %d times, want %d", now, c.now)
				}
			})
		})
	}
}

func TestTooFewOpenFilesAreSaidBeforeTheStart(t *testing.T) {
	// Given a limit of 200 open files
	cmd, temp := process(t, "100")
	limited := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n 200 && exec "$0" "$@"`, cmd.Path, "100")
	limited.Env = cmd.Env
	// when 100 peers are to be built
	code, stdout, stderr := output(t, limited)
	// then the command says what is missing and begins nothing
	const want = "khashmir-testnet: 100 peers need 350 open files, the system allows 200 here (ulimit -n)\n"
	if code != exitNotFound || stdout != "" || stderr != want {
		t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
	}
	empty(t, temp)
}

func TestAnInterruptedRestartLeavesNoProcessBehind(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			// Given peers that are processes, in the middle of a run without end
			dir := t.TempDir()
			cmd, temp := process(t, "4", "--restart", "--finds", "1000000000", "--dir", dir)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "finding close nodes") {
			}
			if inUse := files(dir); inUse != 4 {
				t.Errorf("%d files in use during the run", inUse)
			}
			// when the command ends, as a terminal would end it with all its
			// processes, or without a word
			if signal == syscall.SIGKILL {
				cmd.Process.Kill()
			} else {
				syscall.Kill(-cmd.Process.Pid, signal)
			}
			for lines.Scan() {
			}
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); signal == syscall.SIGINT && code != exitInterrupted {
				t.Errorf("exit code %d", code)
			}
			// then its peers end too: at last nobody has their files open
			late := time.After(10 * time.Second)
			for files(dir) > 0 {
				select {
				case <-late:
					t.Fatal("a peer outlives the command by 10 s")
				case <-time.After(10 * time.Millisecond):
				}
			}
			empty(t, temp)
		})
	}
}

// files is how many of the peers' files somebody has open.
func files(dir string) (inUse int) {
	names, _ := filepath.Glob(filepath.Join(dir, "peer-*.db"))
	for _, name := range names {
		s, err := store.Open(name, store.Config{})
		if err != nil {
			inUse++
			continue
		}
		s.Close()
	}
	return inUse
}
