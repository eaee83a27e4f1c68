package sim_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var onlyMutation = flag.String("mutation", "", "plant this bug alone")

// mutation is a bug planted in the node, and a run that must break of it.
type mutation struct {
	name string
	file string
	old  string
	bug  string
	run  string // a scenario and its flags
}

var mutations = []mutation{
	{"the table forgets who was seen last", "ktable/bucket.go", "	b.placed.members[i] = m\n", "	m.number = b.placed.members[i].number\n	b.placed.members[i] = m\n", "steady"},
	{"a contact lands in the wrong bucket", "ktable/split.go", "if t.self.CommonPrefix(m.id) == depth {", "if t.self.CommonPrefix(m.id) <= depth+1 {", "steady"},
	{"a contact has two places", "ktable/table.go", "	if i := b.placed.find(c.ID); i >= 0 {\n		b.seen(i, m)", "	if i := b.placed.find(c.ID); i > 0 {\n		b.seen(i, m)", "steady"},
	{"the dead stay in the table", "ktable/table.go", "b.failed(i) < t.config.MaxFailures", "b.failed(i) < 1000", "kill --kill 0.5"},
	{"the closest come in the wrong order", "ktable/closest.go", "a.distance < b.distance ||", "a.distance > b.distance ||", "steady"},
	{"the asker is named to itself", "khashmir/handle.go", "if c.ID == from.ID {", "if c.ID == target {", "steady"},
	{"strangers never get a place", "khashmir/handle.go", "	if !client && n.table.Wants(from.ID) && !n.asks(from.ID) && (", "	if n.table.Wants(from.ID) && from.ID.IsZero() && (", "steady"},
	{"acknowledged, not committed", "khashmir/handle.go", "	err := n.put(q.Target, e, from.Group(), now)\n", "	err := error(nil)\n", "steady"},
	{"copies are born anew", "khashmir/handover.go", "max(0, now.Sub(e.Created)).Round(time.Second)", "0", "churn"},
	{"the age of a copy is not heard", "khashmir/handle.go", "now.Add(-max(0, q.Entry.Age))", "now", "churn"},
	{"who copies becomes the publisher", "khashmir/handle.go", "	if !copied {\n", "	if copied {\n", "churn"},
	{"what has expired stays on the disk", "khashmir/housekeeping.go", "n.store.Expire(n.clock.Now(), kad.ExpireSlice)", "n.store.Expire(n.clock.Now().Add(-1e18), kad.ExpireSlice)", "steady"},
	{"the callback runs twice", "khashmir/publication.go", "	p.node.post(&p.out, func() { p.callback(result, err) })", "	p.node.post(&p.out, func() { p.callback(result, err); p.callback(result, err) })", "steady"},
	{"a prompt store is told again when it is done", "khashmir/publication.go", "	if p.told {\n		return\n	}\n", "", "steady --prompt 1"},
	{"a search never ends", "khashmir/value.go", "	if !s.complete || s.reading > 0 {", "	if s.query.Target[0] < 128 || !s.complete || s.reading > 0 {", "steady --kill 0.1"},
	{"a value goes to the wrong key", "khashmir/publication.go", "		Target: p.result.Key,\n		Token:", "		Target: p.result.Key.Flip(159),\n		Token:", "steady"},
	{"a lookup is over after the first answer", "lookup/outcome.go", "		if window == l.config.K {\n			return true", "		if window == 1 {\n			return true", "steady"},
	{"what has expired is shown", "store/memory.go", "		if r.expires <= now.UnixMilli() || r.removed {", "		if r.removed {", "steady"},
	{"an older version replaces a newer one", "store/store.go", "	case e.Seq > seq:", "	case e.Seq != seq:", "partition --partition-for 40m --duration 1h"},
	{"a copy gets another lifetime", "khashmir/handover.go", "		TTL:       e.TTL,", "		TTL:       2 * e.TTL,", "kill --kill 0.5"},
	{"a lookup does not learn from answers", "lookup/lookup.go", "		l.learn(&closer[i], depth)\n", "		if depth < 2 {\n			l.learn(&closer[i], depth)\n		}\n", "steady"},
	{"a lookup finds one too many", "lookup/outcome.go", "		if len(closest) == l.config.K {", "		if len(closest) > l.config.K {", "steady"},
	{"holders never compare", "khashmir/rounds.go", "	if held.nothing {\n		return\n	}\n	b.busy = true\n", "	if !held.nothing {\n		return\n	}\n	b.busy = true\n", "kill --kill 0.5"},
	{"every digest is the same", "khashmir/compare.go", "r := krpc.Reply{Same: ok && digest == q.Digest}", "r := krpc.Reply{Same: ok}", "kill --kill 0.5"},
	{"the contacts are not saved", "khashmir/housekeeping.go", "	return n.store.SaveContacts(contacts)\n", "	return nil\n", "restart-all"},
	{"the lost are forgotten", "khashmir/lost.go", "range n.lost.due(n.clock.Now(), 1) {", "range n.lost.due(n.clock.Now(), 0) {", "partition --partition-for 12h --duration 15h"},
	{"a removal is not signed as one", "khashmir/publish.go", "e.Value, e.Removed = hash[:], true", "e.Value = hash[:]", "steady"},
}

// Every planted bug is caught by an invariant, and the command that the program
// then prints shows it again, but not where there is no bug.
func TestPlantedBugsAreCaught(t *testing.T) {
	dir := t.TempDir()
	sound := build(t, dir, "sound")
	caught := 0
	for _, m := range mutations {
		if *onlyMutation != "" && *onlyMutation != m.name {
			continue
		}
		program := plant(t, dir, m)
		args := append([]string{"sim"}, strings.Fields(m.run)...)
		args = append(args, "--nodes", "60", "--values", "40", "--find-every", "1m", "--lookup-every", "2m")
		if !strings.Contains(m.run, "--duration") {
			args = append(args, "--duration", "20m")
		}
		out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("%s: not caught by %s: %v", m.name, strings.Join(args, " "), err)
			continue
		}
		what := brokenIn(string(out))
		caught++
		_, again, found := strings.Cut(string(out), "khashmir-testnet sim ")
		again, _, _ = strings.Cut(again, "\n")
		if !found {
			t.Errorf("%s: no command shows it again:\n%s", m.name, out)
			continue
		}
		t.Logf("%s: %s; sim %s", m.name, what, again)
		if shown := firstLine(t, program, strings.Fields("sim "+again)...); brokenIn(shown) != what {
			t.Errorf("%s: %q shows %q and not %q", m.name, again, shown, what)
		}
		if out, err := exec.CommandContext(t.Context(), sound, strings.Fields("sim "+again)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %q breaks without the bug too: %s", m.name, again, out)
		}
	}
	if *onlyMutation == "" && caught < 20 {
		t.Errorf("only %d bugs were caught", caught)
	}
}

// brokenIn is the invariant that out says is broken, whoever broke it.
func brokenIn(out string) string {
	line, _, _ := strings.Cut(out, "\n")
	_, what, _ := strings.Cut(line, ": ")
	_, what, _ = strings.Cut(what, ": ")
	return regexp.MustCompile(`\b[0-9a-f]{40}\b|[0-9][0-9hms.µn]*`).ReplaceAllString(what, "#")
}

// firstLine is what the program says first on its standard error; then it is ended.
func firstLine(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	cmd := exec.CommandContext(ctx, program, args...)
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(errs).ReadString('\n')
	end()
	_ = cmd.Wait()
	return line
}

// plant builds the program with the bug in it, and leaves the sources alone.
func plant(t *testing.T, dir string, m mutation) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s: %q is in %s %d times", m.name, m.old, m.file, n)
	}
	changed := filepath.Join(dir, "changed.go")
	overlay := filepath.Join(dir, "overlay.json")
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, m.file): changed}})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{changed: []byte(strings.Replace(string(source), m.old, m.bug, 1)), overlay: replaced} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return build(t, dir, "planted", "-overlay", overlay)
}

func build(t *testing.T, dir, name string, flags ...string) string {
	t.Helper()
	program := filepath.Join(dir, name)
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", program}, append(flags, "../cmd/khashmir-testnet")...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return program
}
