//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A network of processes runs a script on a node among them, and is gone with it;
// the daemons' logs say whom they have met.
func TestAScriptRunsOnANetworkOfProcesses(t *testing.T) {
	dir := t.TempDir()
	cmd, temp := process(t, "10", "--processes", "--dir", dir)
	cmd.Stdin = strings.NewReader(`
		add(sha1("key"), "value")
		print(findvalue(sha1("key"))[1])
	`)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), complaints.String())
	}
	for _, want := range []string{
		`(?m)^10 daemons are up, each a process with its log in ` + regexp.QuoteMeta(dir) + `$`,
		`(?m)^a daemon +\d\.\d contacts, \d+\.\d MiB resident, \d+\.\d MiB of it its own`,
		`(?m)^value$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("it does not say %s:\n%s", want, out.String())
		}
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "peer-*.log"))
	if len(logs) != 10 {
		t.Errorf("%d logs, want 10", len(logs))
	}
	for _, log := range logs {
		if text, err := os.ReadFile(log); err != nil || !bytes.Contains(text, []byte(`msg="contact met"`)) {
			t.Errorf("%s: %q, %v", log, text, err)
		}
	}
	empty(t, temp)
}
