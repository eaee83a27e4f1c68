package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"khashmir": main})
}

// Each script in testdata/script is a session at a terminal, bad input included.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", "")
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("LISTEN", "127.0.0.1:0")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"up":    up,
			"knows": knows,
			"exits": exits,
		},
		UpdateScripts: os.Getenv("UPDATE") != "",
	})
}

// until is how long a daemon may take to come up, or to meet another.
const until = 20 * time.Second

// up waits until the daemon of a directory answers; VARIABLE then has its UDP
// address. usage: up DIR VARIABLE
func up(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: up DIR VARIABLE")
	}
	status := await(ts, args[0], func(api.Status) bool { return true })
	ts.Setenv(args[1], status.Addr)
}

// knows waits until the daemon of a directory has as many contacts.
// usage: knows DIR COUNT
func knows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: knows DIR COUNT")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	await(ts, args[0], func(s api.Status) bool { return s.Contacts >= want })
}

func await(ts *testscript.TestScript, dir string, ready func(api.Status) bool) api.Status {
	ctx, cancel := context.WithTimeout(context.Background(), until)
	defer cancel()
	c := client.Unix(filepath.Join(ts.MkAbs(dir), socketName))
	defer c.Close()
	for again := time.NewTicker(20 * time.Millisecond); ; {
		status, err := c.Status(ctx)
		if err == nil && ready(status) {
			return status
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			ts.Fatalf("%s does not get there: %+v, %v", dir, status, err)
		}
	}
}

// exits runs a command and wants its exit code. usage: exits CODE PROGRAM ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var code interface{ ExitCode() int }
	got := 0
	if err != nil {
		var ok bool
		if code, ok = err.(interface{ ExitCode() int }); !ok {
			ts.Fatalf("%v", err)
		}
		got = code.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func decode[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(fmt.Errorf("%q: %w", text, err))
	}
	return v
}
