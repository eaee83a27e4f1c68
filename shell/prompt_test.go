package shell_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/shell"
)

var update = flag.Bool("update", false, "write testdata/play.txt anew")

// varies is what is another number each time.
var varies = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?m)^\d+~(\d+|\?) \| \d+ > `), "C~N | K > "},
	{regexp.MustCompile(`taken back at \d+ nodes`), "taken back at N nodes"}, // it remembers itself
	{regexp.MustCompile(`\d+ asked`), "Q asked"},
	{regexp.MustCompile(`\d+ answered`), "A answered"},
	{regexp.MustCompile(`\d+ hops?`), "H hops"},
	{regexp.MustCompile(`\d+\.\d ms`), "T ms"},
	{regexp.MustCompile(`\d+\.\d s`), "T s"},
	{regexp.MustCompile(`\d+ KiB`), "K KiB"},
	{regexp.MustCompile(`10\.0\.0\.\d+:4000`), "ADDRESS"},
}

// The play: what is typed is in testdata/play.txt behind the prompts, and what is
// answered below it.
func TestAPlay(t *testing.T) {
	path := filepath.Join("testdata", "play.txt")
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := network(t)
	other := gateway(t, all[9])
	says(t, other, `add(sha1("greeting"), "servus")`, "")

	stage := &stage{}
	s := shell.New(gateway(t, all[0]), shell.Config{
		In: &actor{lines: typed(string(script)), stage: stage}, Out: stage, Err: stage, Interactive: true,
	})
	defer s.Close()
	if err := s.Run(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("the play ends with %v", err)
	}

	got := strings.TrimSuffix(stage.String(), "\n") // the prompt that nobody answered
	for _, v := range varies {
		got = v.what.ReplaceAllString(got, v.as)
	}
	got = strings.TrimSuffix(got, "C~N | K > ")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got != string(script) {
		t.Errorf("the play was another:\n%s", got)
	}
}

// typed are the lines behind the prompts.
func typed(script string) (lines []string) {
	for line := range strings.Lines(script) {
		for _, prompt := range []string{"C~N | K > ", ">> "} {
			if text, ok := strings.CutPrefix(line, prompt); ok {
				lines = append(lines, strings.TrimSuffix(text, "\n"))
			}
		}
	}
	return lines
}

// prompted is a shell at a prompt that is typed lines, and interrupted by hand.
func prompted(t *testing.T, node shell.Node, lines ...string) (play *stage, interrupt chan os.Signal, run func() error) {
	play, interrupt = &stage{}, make(chan os.Signal, 1)
	s := shell.New(node, shell.Config{
		In: &actor{lines: lines, stage: play}, Out: play, Err: play, Interactive: true, Interrupt: interrupt,
	})
	return play, interrupt, func() error {
		defer s.Close()
		return s.Run(t.Context())
	}
}

// Ctrl-C ends whatever runs, and nothing else.
func TestInterruption(t *testing.T) {
	node := nobody(t)
	for _, endless := range []string{
		`while true do end`,
		`while true do pcall(function() while true do end end) end`,
		`repeat until pcall(error)  while true do xpcall(function() error() end, function() while true do end end) end`,
		`local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end`,
		`coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()`,
		`("x"):rep(1000):gsub("x", function() while true do end end)`,
		`table.sort({3, 2, 1}, function() while true do end end)`,
		`local t = setmetatable({}, {__index = function() while true do end end}) return t.x`,
		`load(function() while true do end end)`,
		`while true do pcall(add, sha1("x"), "y") end`,
	} {
		play, interrupt, run := prompted(t, node, `mine = 7`, `print("it " .. "runs"); `+endless, `print("mine is " .. mine)`)
		running := play.cue("it runs\n")
		go func() {
			<-running
			interrupt <- os.Interrupt
		}()
		if err := run(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s\nends the shell: %v", endless, err)
		}
		if got := play.String(); !strings.Contains(got, "! interrupted after ") || !strings.Contains(got, "\nmine is 7\n") {
			t.Errorf("%s\nplays:\n%s", endless, got)
		}
	}
}

// A node that does not answer does not hold anybody up either.
func TestInterruptionOfACall(t *testing.T) {
	for _, call := range []string{`add(sha1("a"), "b")`, `findvalue(sha1("a"))`, `findnode(sha1("a"))`, `lookup(sha1("a"))`,
		`remove(sha1("a"), "b")`, `ping(sha1("a"))`, `routing()`} {
		asked := make(chan struct{}, 1)
		silent := handled(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/status" {
				http.Error(w, "no", http.StatusNotFound)
				return
			}
			io.Copy(io.Discard, r.Body) // or who has gone is not missed
			asked <- struct{}{}
			<-r.Context().Done()
		}))
		play, interrupt, run := prompted(t, silent, call, `print("go" .. "es on")`)
		go func() {
			<-asked
			interrupt <- os.Interrupt
		}()
		if err := run(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s ends the shell: %v", call, err)
		}
		if got := play.String(); !strings.Contains(got, "! interrupted after ") || !strings.Contains(got, "\ngoes on\n") ||
			!strings.Contains(got, "\n?~? | ? > ") || strings.Count(got, "! the node does not say how it is") != 1 {
			t.Errorf("%s plays:\n%s", call, got)
		}
	}
}

// What cannot be interrupted is left behind, and said to be. The interruption may
// come before it begins, and then it is one like any other.
func TestStuck(t *testing.T) {
	for range 20 {
		play, interrupt, run := prompted(t, nobody(t), `print("it " .. "runs"); print(("a"):rep(24):find(("a?"):rep(24) .. ("a"):rep(24) .. "b"))`)
		running, warned := play.cue("it runs\n"), play.cue("! this cannot be interrupted")
		over := make(chan struct{})
		var typing sync.WaitGroup
		typing.Go(func() {
			<-running
			interrupt <- os.Interrupt
			select {
			case <-warned:
				interrupt <- syscall.SIGINT
			case <-over:
			}
		})
		err := run()
		close(over)
		typing.Wait()
		if errors.Is(err, shell.ErrStuck) {
			return
		}
		if !strings.Contains(play.String(), "! interrupted after ") {
			t.Fatalf("ends with %v:\n%s", err, play)
		}
	}
	t.Error("it never gets stuck")
}

// An interruption that comes too late is not the next command's.
func TestInterruptionTooLate(t *testing.T) {
	play, interrupt, run := prompted(t, nobody(t), `print("fine")`)
	interrupt <- os.Interrupt
	if err := run(); !errors.Is(err, os.ErrClosed) || !strings.Contains(play.String(), "\nfine\n") {
		t.Errorf("%v:\n%s", err, play)
	}
}

// The context ends the shell, a script, and what a script waits for.
func TestTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	play := &stage{}
	running := play.cue("runs\n")
	go func() {
		<-running
		cancel()
	}()
	s := shell.New(nobody(t), shell.Config{Out: play})
	defer s.Close()
	err := s.RunFile(ctx, "play.lua", strings.NewReader(`print("runs") while true do pcall(error) end`), nil)
	if !errors.Is(err, shell.ErrInterrupted) {
		t.Errorf("ends with %v", err)
	}
	at := shell.New(nobody(t), shell.Config{In: strings.NewReader("print(1)\n"), Out: play, Err: play, Interactive: true})
	defer at.Close()
	if err := at.Run(ctx); !errors.Is(err, shell.ErrInterrupted) || strings.Contains(play.String(), "1\n") {
		t.Errorf("the prompt ends with %v:\n%s", err, play)
	}
}

// From a pipe there is no prompt, and nothing is shown that is not printed.
func TestAPipe(t *testing.T) {
	all := network(t)
	node := gateway(t, all[0])
	for _, play := range []struct{ source, out, err string }{
		{`add(sha1("k"), "v") findvalue(sha1("k")) findnode(sha1("k")) routing() status() 1 + 1`, "", "stdin:1: syntax error near '1'"},
		{`add(sha1("k"), "v") findvalue(sha1("k")) findnode(sha1("k")) routing() status()`, "", ""},
		{`print(findvalue(sha1("k"))[1], arg[0], #arg)`, "v\tstdin\t0\n", ""},
		{"print(1)\nprint(2)\nerror('three')\nprint(4)", "1\n2\n", "stdin:3: three"},
		{"print(1)\nx.y = 1", "1\n", "stdin:2: attempt to index a non-table object(nil) with key 'y'"},
		{"print(1)\nfor", "", "stdin: syntax error at the end"},
		{"print('a\\27[31m\\0\\255')", "a\x1b[31m\x00\xff\n", ""},
		{"error({message = 'in a table'})", "", "in a table"},
		{"error(nil)", "", "nil"},
		{"error('two\\nlines')", "", `stdin:1: two\nlines`},
		{"", "", ""},
	} {
		out := &stage{}
		s := shell.New(node, shell.Config{In: strings.NewReader(play.source), Out: out, Err: out})
		err := s.Run(t.Context())
		s.Close()
		if out.String() != play.out || (err == nil) != (play.err == "") || err != nil && err.Error() != play.err {
			t.Errorf("%q\nprints %q and ends with %v; want %q and %q", play.source, out, err, play.out, play.err)
		}
	}
	out, err := script(t, node, `print(arg[0], arg[1], arg[2], #arg)`, "a", "b c")
	if err != nil || out != "play.lua\ta\tb c\t2\n" {
		t.Errorf("arguments: %q, %v", out, err)
	}
}

// What strangers have stored reaches no terminal as it is.
func TestAStrangersValueIsEscaped(t *testing.T) {
	all := network(t)
	evil := "\x1b]0;owned\x07\x1b[2J\u202e\xff\r\n"
	if _, err := all[5].Store(t.Context(), khashmir.HashID([]byte("evil")), []byte(evil)); err != nil {
		t.Fatal(err)
	}
	play, _, run := prompted(t, gateway(t, all[0]), `v = findvalue(sha1("evil"))`, `print(v[1])`, `v`, `v[1]`, `pprint(v)`, `error(v[1])`, `_G[v[1]] = 1`, `pprint(_G)`)
	run()
	if got := play.String(); strings.ContainsAny(got, "\x1b\x07\u202e\xff\r") || !strings.Contains(got, `\027]0;owned\007\027[2J\226\128\174\255\r`) {
		t.Errorf("shows %q", got)
	}
}
