package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/khashmir/kad/testnet"
)

// asCommand in the environment makes the test's own program the command, so
// that it can be run as a user runs it, with signals and all.
const asCommand = "KHASHMIR_TESTNET_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" || len(os.Args) == 2 && os.Args[1] == testnet.PeerCommand {
		main()
	}
	os.Exit(m.Run())
}

// process is the command as a process of its own, with its own place for
// temporary files.
func process(t *testing.T, args ...string) (cmd *exec.Cmd, temp string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp = t.TempDir()
	cmd = exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "TMPDIR="+temp, "GORACE=atexit_sleep_ms=0")
	return cmd, temp
}

// output runs the process to its end.
func output(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaints.String()
}

// inside runs the command within the test, over another network if one is given.
func inside(ctx context.Context, network func(context.Context, testnet.Config) (testnet.Report, error), args ...string) (code int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	if network == nil {
		network = testnet.Run
	}
	p := program{stdout: &out, stderr: &complaints, network: network}
	code = p.run(ctx, args)
	return code, out.String(), complaints.String()
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind in the temporary directory: %v, %v", left, err)
	}
}

func TestAUserSeesEverythingFound(t *testing.T) {
	for _, args := range []string{
		"12",
		"6 --transport streams", // handshakes are slow under the race detector
		"12 --transport mem --store memory --callers 2 --value-size 65536",
	} {
		t.Run(args, func(t *testing.T) {
			// Given the command, with its output in a file
			cmd, temp := process(t, strings.Fields(args)...)
			// when it is run
			code, stdout, stderr := output(t, cmd)
			// then there is a plain line a stage, in order, and the scoreboard
			if code != exitFound || stderr != "" {
				t.Fatalf("exit code %d, on stderr %q, and it showed\n%s", code, stderr, stdout)
			}
			peers, _, _ := strings.Cut(args, " ")
			sight := regexp.MustCompile(strings.ReplaceAll(`^building peers +N/N +\d+\.\d\d s
giving contacts +N/N +\d+\.\d\d s
finding close nodes +N/N +\d+\.\d\d s
finding peers +10/10 +\d+\.\d\d s
storing and reading values +10/10 +\d+\.\d\d s
closing peers +N/N +\d+\.\d\d s

N peers over (quic|streams|mem), (sqlite|memory) store, \d callers?, seed \d+

 +found +p50 ms +p99 ms +questions +hops
  finds +10/10 .*
  stores +10/10 .*
  gets +30/30 .*
    first value .*

  boot +.* s, .* s of CPU
  in all +.* s, .* s of CPU
  a peer +.* contacts, .* connections .*
 .* goroutines, .* MiB of memory

everything was found
$`, "N", peers))
			if !sight.MatchString(stdout) {
				t.Errorf("it showed\n%s", stdout)
			}
			narrow(t, stdout)
			empty(t, temp)
		})
	}
}

func TestAUserSeesWhatEachFaultHasLeft(t *testing.T) {
	for args, sight := range map[string]string{
		"16 --kill 0.25 --stores 20 --callers 4": `crashing peers +4/4 .*
reading from who is left +20/20 .*
(?s:.*)
crashed, all at once and without notice: 4 of 16 peers
  acknowledged    20 values
  found           20, by the 12 that are left
  lost            0
  first value     p50 .* ms, p99 .* ms
  whole search    p50 .* ms, p99 .* ms
`,
		"8 --partition 1s --callers 4": `storing while cut in two +20/20 .*
reading after the cut +(\d+)/\d+ .*
(?s:.*)
cut in two halves for .* s, no question crossed
  meanwhile       (\d+) of \d+ values stored, \d+ of \d+ reads found their value,
                  each within one half
  acknowledged    \d+ values
  found           \d+, from both halves
  lost            0
  healed          everything found from both halves .* s after the cut
`,
		"6 --restart": `saving contacts +1/1 .*
kill -9 of every peer +6/6 .*
starting them again +6/6 .*
finding close nodes again +6/6 .*
reading everything back +10/10 .*
(?s:.*)
killed with kill -9, all at once, and started again: 6 processes
  running         .* s later; 6 of 6 found their close nodes by the
                  contacts in their own files, in .* s
  acknowledged    10 values
  found           10, afterwards
  lost            0
`,
	} {
		t.Run(args, func(t *testing.T) {
			// Given the command with a fault; when it is run
			cmd, temp := process(t, strings.Fields(args)...)
			code, stdout, stderr := output(t, cmd)
			// then it shows the fault's stages, and what was lost: nothing
			if code != exitFound || stderr != "" {
				t.Fatalf("exit code %d, on stderr %q, and it showed\n%s", code, stderr, stdout)
			}
			whole := regexp.MustCompile(sight + `
everything was found, and nothing that was acknowledged is lost
$`)
			if !whole.MatchString(stdout) {
				t.Errorf("it showed\n%s", stdout)
			}
			narrow(t, stdout)
			empty(t, temp)
		})
	}
}

func TestALossIsSaidAndIsExitCode1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a crash that leaves 2 of 20 peers
		args := strings.Fields("20 --kill 0.9 --stores 60 --seed 1 --transport mem --store memory")
		// when the command is run
		code, stdout, _ := inside(t.Context(), nil, args...)
		// then it says how many values it has cost
		sight := regexp.MustCompile(`(?s)acknowledged +60 values\n  found +\d+, by the 2 that are left\n  lost +[1-9].*did not find value.*: nobody has it\n.*\n\d+ acknowledged values? LOST\n$`)
		if code != exitNotFound || !sight.MatchString(stdout) {
			t.Errorf("exit code %d, and it showed\n%s", code, stdout)
		}
		narrow(t, stdout)
		// and so does the object
		code, stdout, _ = inside(t.Context(), nil, append(args, "--json")...)
		var got struct {
			Acknowledged, Readable, Lost int
			Kill                         struct{ Killed, Left, Acknowledged, Readable, Lost int }
		}
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitNotFound {
			t.Fatalf("exit code %d, %v, printed %s", code, err, stdout)
		}
		if got.Lost == 0 || got.Readable+got.Lost != 60 || got.Acknowledged != 60 || got.Kill.Lost != got.Lost || got.Kill.Killed != 18 || got.Kill.Left != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
}

func TestJSONIsOneObject(t *testing.T) {
	// Given --json
	cmd, temp := process(t, "10", "--json", "--seed", "18446744073709551615", "--finds", "4")
	// when the command is run
	code, stdout, stderr := output(t, cmd)
	// then it prints one object with the keys that scripts count on, and nothing else
	if code != exitFound || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("exit code %d, printed %q and %q", code, stdout, stderr)
	}
	var got map[string]any
	decoder := json.NewDecoder(strings.NewReader(stdout))
	decoder.UseNumber()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields(`peers seed transport store boot_s boot_cpu_s finds_ok finds stores_ok stores
		gets_ok gets store_p50_ms store_p99_ms get_first_p50_ms get_first_p99_ms get_p50_ms get_p99_ms
		messages_per_find messages_per_store acknowledged readable lost foreign connections goroutines rss_mib cpu_s wall_s`) {
		if _, ok := got[key]; !ok {
			t.Errorf("no %s in %s", key, stdout)
		}
	}
	for key, want := range map[string]string{"peers": "10", "seed": "18446744073709551615", "finds": "4", "finds_ok": "4", "gets": "30", "acknowledged": "10", "readable": "10", "lost": "0"} {
		if value, _ := got[key].(json.Number); value.String() != want {
			t.Errorf("%s is %v, want %s", key, got[key], want)
		}
	}
	if got["transport"] != "quic" || got["store"] != "sqlite" {
		t.Errorf("transport %v, store %v", got["transport"], got["store"])
	}
	empty(t, temp)
}

func TestBadArgumentsGetASentenceAndAUsageLine(t *testing.T) {
	for args, want := range map[string]string{
		"many":                            `"many" is not a number of peers`,
		"50.5":                            `"50.5" is not a number of peers`,
		"5 6":                             `one number of peers is enough, got ["5" "6"]`,
		"1":                               `a network needs at least 2 peers, not 1`,
		"-- -5":                           `a network needs at least 2 peers, not -5`,
		"--callers 0":                     `at least 1 caller is needed, not 0`,
		"--callers x":                     `invalid argument "x" for "--callers" flag: it takes a whole number`,
		"--callers":                       `flag needs an argument: --callers`,
		"--contacts 0":                    `each peer needs at least 1 contact, not 0`,
		"--finds -1":                      `finds, stores and readers cannot be negative`,
		"--stores -1":                     `finds, stores and readers cannot be negative`,
		"--readers -1":                    `finds, stores and readers cannot be negative`,
		"--value-size 7":                  `a value has 8 to 65536 bytes, not 7`,
		"--value-size 65537":              `a value has 8 to 65536 bytes, not 65537`,
		"--seed -1":                       `invalid argument "-1" for "--seed" flag: it takes a whole number, 0 or more`,
		"--transport tcp":                 `transport is quic, streams or mem, not "tcp"`,
		"--store redis":                   `store is sqlite or memory, not "redis"`,
		"--store memory --dir place":      `a memory store has no files to keep in place`,
		"--entries 0":                     `a key has 1 to 1024 values, not 0`,
		"--entries 1025":                  `a key has 1 to 1024 values, not 1025`,
		"--kill 1":                        `the share of peers to kill is between 0 and 1, not 1`,
		"--kill NaN":                      `the share of peers to kill is between 0 and 1, not NaN`,
		"--kill some":                     `invalid argument "some" for "--kill" flag: it takes a number from 0 to 1, as 0.2`,
		"--kill 0.001":                    `a share of 0.001 of 50 peers is not one to kill`,
		"4 --kill 0.9":                    `with 4 of 4 peers killed fewer than 2 are left`,
		"--kill 0.2 --stores 0":           `with 0 stores there is nothing that a fault could lose`,
		"--partition -1s":                 `a partition lasts 1s at least, not -1s`,
		"--partition 1ms":                 `a partition lasts 1s at least, not 1ms`,
		"--partition 30":                  `invalid argument "30" for "--partition" flag: it takes a time, as 30s or 2m`,
		"3 --partition 5s":                `3 peers cannot be cut in two networks of at least 2`,
		"--restart --store memory":        `peers that are killed start again on their files: restart needs a sqlite store, not memory`,
		"--restart --transport mem":       `peers to restart are processes of their own, which mem does not connect: take quic or streams`,
		"--restart --partition 5s":        `restart makes a process of each peer, and a partition cuts between peers of one process: take one of the two`,
		"--verbose":                       `unknown flag: --verbose`,
		"halp":                            `"halp" is not a number of peers`,
		"1 --transport mem --json --help": "",
	} {
		// Given arguments that make no sense; when the command is run with them
		code, stdout, stderr := inside(t.Context(), nil, strings.Fields(args)...)
		if want == "" { // who asks for help gets it
			if code != exitFound || stderr != "" || !strings.HasPrefix(stdout, "Builds PEERS") {
				t.Errorf("%s: exit code %d, printed %q and %q", args, code, stdout, stderr)
			}
			continue
		}
		// then it says so in a sentence and does nothing
		want = "khashmir-testnet: " + want + "\nusage: khashmir-testnet [PEERS] [flags] (--help says more)\n"
		if code != exitUsage || stdout != "" || stderr != want {
			t.Errorf("%s: exit code %d, printed %q and\n%s", args, code, stdout, stderr)
		}
	}
}

func TestHelpNamesEveryFlagInEightyColumns(t *testing.T) {
	_, help, _ := inside(t.Context(), nil, "--help")
	for _, word := range strings.Fields(`--finds --stores --readers --contacts --value-size --callers --seed
		--transport --store --dir --json --mainline --entries --kill --restart --partition quic streams mem sqlite memory status`) {
		if !strings.Contains(help, word) {
			t.Errorf("%s is missing from\n%s", word, help)
		}
	}
	narrow(t, help)
}

func TestADirectoryIsKept(t *testing.T) {
	// Given --dir
	t.Setenv("TMPDIR", t.TempDir())
	dir := filepath.Join(t.TempDir(), "kept")
	// when the command is run
	code, stdout, stderr := inside(t.Context(), nil, "6", "--dir", dir)
	// then the peers' files are there, and the scoreboard says where
	if code != exitFound || !strings.Contains(stdout, "kept in "+dir+"\n") {
		t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "peer-000?.db")); len(files) != 6 {
		t.Errorf("kept %v", files)
	}
	empty(t, os.Getenv("TMPDIR"))
}

// deserted runs the script on a network that all but one peer have left.
func deserted(ctx context.Context, c testnet.Config) (r testnet.Report, err error) {
	n, err := testnet.Start(ctx, c)
	if err != nil {
		return r, err
	}
	defer n.Close()
	if err := n.Join(ctx); err != nil {
		return r, err
	}
	for _, node := range n.Nodes[1:] {
		node.Close()
	}
	return n.Play(ctx)
}

func TestWhatIsNotFoundIsSaidAndIsExitCode1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the gone are given up in virtual time
		// Given a network that everybody leaves
		args := []string{"4", "--seed", "1", "--finds", "3", "--stores", "2", "--readers", "1", "--transport", "mem", "--store", "memory"}
		// when the script is run
		code, stdout, stderr := inside(t.Context(), deserted, args...)
		// then the scoreboard says what was not found
		if code != exitNotFound || stderr != "" {
			t.Errorf("exit code %d, on stderr %q", code, stderr)
		}
		sight := regexp.MustCompile(`(?s)finds +0/3 .*\n\n(  ! peer \d did not (find|store) (peer|value) \d: .*\n){5,}\nNOT everything was found\n$`)
		if !sight.MatchString(stdout) {
			t.Errorf("it showed\n%s", stdout)
		}
		narrow(t, stdout)
		// and so does the object
		code, stdout, _ = inside(t.Context(), deserted, append(args, "--json")...)
		if code != exitNotFound || !strings.Contains(stdout, `"finds_ok":0,`) || !strings.Contains(stdout, `"faults":["peer `) {
			t.Errorf("exit code %d, printed %s", code, stdout)
		}
	})
}

func TestANetworkThatCannotBeBuiltIsExitCode1(t *testing.T) {
	// Given a file where the directory should be
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// when the command is run
	code, stdout, stderr := inside(t.Context(), nil, "4", "--json", "--dir", file)
	// then it says so in a sentence
	if code != exitNotFound || stdout != "" || !strings.HasPrefix(stderr, "khashmir-testnet: make a directory for the peers' files: ") {
		t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
	}
}

// broken is an output that nobody can write to.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestAReportThatCannotBeWrittenIsExitCode1(t *testing.T) {
	for _, args := range []string{"3 --transport mem --store memory", "3 --transport mem --store memory --json"} {
		var stderr bytes.Buffer
		p := program{stdout: broken{}, stderr: &stderr, network: testnet.Run}
		code := p.run(t.Context(), strings.Fields(args))
		if code != exitNotFound || stderr.String() != "khashmir-testnet: the disk is full\n" {
			t.Errorf("%s: exit code %d, on stderr %q", args, code, stderr.String())
		}
	}
}

func TestAnInterruptAtEveryStageCleansUp(t *testing.T) {
	for _, stage := range []testnet.Stage{testnet.Building, testnet.Meeting, testnet.Joining, testnet.Finding, testnet.Storing} {
		t.Run(string(stage), func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			// Given a run that is interrupted in the middle of a stage
			ctx, interrupt := context.WithCancelCause(t.Context())
			network := func(ctx context.Context, c testnet.Config) (testnet.Report, error) {
				show := c.Progress
				c.Progress = func(s testnet.Stage, done, total int) {
					show(s, done, total)
					if s == stage && done == total/2 {
						interrupt(errInterrupted)
					}
				}
				return testnet.Run(ctx, c)
			}
			// when it ends
			code, stdout, stderr := inside(ctx, network, "12")
			// then it says so, without a scoreboard, and nothing is left
			const want = "interrupted: the peers are closed and their temporary files removed\n"
			if code != exitInterrupted || stderr != want || strings.Contains(stdout, "found ") {
				t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
			}
			empty(t, os.Getenv("TMPDIR"))
		})
	}
}
