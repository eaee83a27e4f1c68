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
	if os.Getenv(asCommand) != "" {
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
		messages_per_find messages_per_store connections goroutines rss_mib cpu_s wall_s`) {
		if _, ok := got[key]; !ok {
			t.Errorf("no %s in %s", key, stdout)
		}
	}
	for key, want := range map[string]string{"peers": "10", "seed": "18446744073709551615", "finds": "4", "finds_ok": "4", "gets": "30"} {
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
		"--verbose":                       `unknown flag: --verbose`,
		"help":                            "",
		"--kill x":                        `invalid argument "x" for "--kill" flag: it takes a share, such as 0.2`,
		"--kill 1":                        `the share to kill is at least 0 and less than 1, not 1`,
		"3 --kill 0.9":                    `of 3 peers at least 2 must live on`,
		"--partition 30":                  `invalid argument "30" for "--partition" flag: it takes a time, such as 30s`,
		"--partition -1s":                 `a partition lasts a while, not -1s`,
		"3 --partition 1s":                `each half of a partition needs 2 peers, and 3 are not enough`,
		"--entries 0":                     `a key has 1 to 1024 entries, not 0`,
		"--restart --store memory":        `peers that are killed and come back need files and sockets: sqlite store, and quic or streams for transport`,
		"--restart --kill 0.2":            `a restart is of all peers, in processes of their own; try the other faults without it`,
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
		--transport --store --dir --json quic streams mem sqlite memory status`) {
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
