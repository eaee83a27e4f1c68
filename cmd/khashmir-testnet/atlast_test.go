package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khashmir/kad/sim"
)

// Whether there can be a page is known before the run, and a page that was there
// before is there until there is a new one.
func TestAPageIsReplacedWhenThereIsAnother(t *testing.T) {
	// Given a page, and a place where none can be
	dir := t.TempDir()
	path := filepath.Join(dir, "page.html")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	during := ""
	sweep := func(ctx context.Context, c sim.Config, parameter string, values []string, seeds int, _ func(sim.Progress)) ([]sim.Point, error) {
		b, _ := os.ReadFile(path)
		during = string(b)
		return sim.Sweep(ctx, c, parameter, values, seeds, nil)
	}
	p := program{stdout: &out, stderr: &errs, sweep: sweep}
	for _, bad := range []string{dir, filepath.Join(dir, "nowhere", "page.html")} {
		// when it is to be there
		code := p.run(t.Context(), append([]string{"sim", "--report", bad}, small...))
		// then nothing is run
		if code != exitNotFound || during != "" || out.Len() > 0 {
			t.Errorf("exit %d, run: %q, %q", code, during, &out)
		}
	}
	// And when the other is to be written again, then it is, at the end
	code := p.run(t.Context(), append([]string{"sim", "--report", path}, small...))
	b, err := os.ReadFile(path)
	if code != exitFound || during != "old" || err != nil || len(b) < 1000 {
		t.Errorf("exit %d, %q while it ran, %d bytes, %v", code, during, len(b), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// and nothing is left beside it, nor by a run that has no result
	p.sweep = func(context.Context, sim.Config, string, []string, int, func(sim.Progress)) ([]sim.Point, error) {
		return nil, errors.New("no")
	}
	if code := p.run(t.Context(), append([]string{"sim", "--report", path}, small...)); code != exitNotFound {
		t.Errorf("exit %d", code)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, b) {
		t.Error("the page has gone")
	}
}

// A pipe is written to, and a link leads to the page, wherever that is: neither is
// replaced by one.
func TestAPipeAndALinkStayWhatTheyAre(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	pipe := fmt.Sprintf("/dev/fd/%d", write.Fd())
	if _, err := os.Stat(pipe); err != nil {
		t.Skip("an open file has no name here")
	}
	for link, to := range map[string]string{"stdout": pipe, "new": "later.html", "old": at("earlier.html")} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(at("earlier.html"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	piped := make(chan int)
	go func() {
		b, _ := io.ReadAll(read)
		piped <- len(b)
	}()
	for _, link := range []string{"stdout", "new", "old"} {
		if code, _, errs := simulates(t, append([]string{"--report", at(link)}, small...)...); code != exitFound {
			t.Errorf("%s: exit %d, %s", link, code, errs)
		}
		if info, err := os.Lstat(at(link)); err != nil || info.Mode().Type() != os.ModeSymlink {
			t.Errorf("%s is %v, %v", link, info.Mode(), err)
		}
	}
	write.Close()
	if n := <-piped; n < 1000 {
		t.Errorf("%d bytes came through the pipe", n)
	}
	for _, page := range []string{"later.html", "earlier.html"} {
		if info, err := os.Stat(at(page)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", page, err)
		}
	}
}

// What is begun beside the page is the program's own, whatever lies there under its name,
// and allows whom the page has allowed.
func TestAPageIsBegunInAFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "page.html"), filepath.Join(dir, "other")
	if err := errors.Join(os.WriteFile(other, []byte("of another"), 0o600), os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, fmt.Sprintf("%s.%d.part", path, os.Getpid())); err != nil {
		t.Skip(err)
	}
	if code, _, errs := simulates(t, append([]string{"--report", path}, small...)...); code != exitFound {
		t.Errorf("exit %d, %s", code, errs)
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "of another" {
		t.Errorf("of what lay there %d bytes are left, %v", len(b), err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o666 || info.Size() < 1000 {
		t.Errorf("the page is %v, %v", info.Mode(), err)
	}
}

// A page that cannot take its place in the end is not lost for that.
func TestAPageThatHasNoPlaceStays(t *testing.T) {
	// Given a place where there can be a page, and no more when there is one
	dir := t.TempDir()
	path := filepath.Join(dir, "page.html")
	var out, errs bytes.Buffer
	p := program{stdout: &out, stderr: &errs}
	p.sweep = func(ctx context.Context, c sim.Config, parameter string, values []string, seeds int, _ func(sim.Progress)) ([]sim.Point, error) {
		if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
			t.Error(err)
		}
		return sim.Sweep(ctx, c, parameter, values, seeds, nil)
	}
	// when it is to be there
	code := p.run(t.Context(), append([]string{"sim", "--report", path}, small...))
	// then it is beside it, and that is said
	pages, _ := filepath.Glob(path + ".*")
	if code != exitNotFound || len(pages) != 1 || !strings.Contains(errs.String(), "stays at "+pages[0]) {
		t.Fatalf("exit %d, %s; there are %v", code, &errs, pages)
	}
	if info, err := os.Stat(pages[0]); err != nil || info.Size() < 1000 {
		t.Errorf("%v", err)
	}
}

// What has been measured is shown, whatever cannot be written.
func TestAResultIsShownThoughTheRestFails(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	for _, args := range [][]string{{"--trace", "/dev/full"}, {"--report", "/dev/full"}, {"--report", "/dev/full", "--json"}} {
		code, out, errs := simulates(t, append(args, small...)...)
		if code != exitNotFound || len(out) < 300 || strings.Contains(out, "interrupted") || !strings.Contains(errs, "/dev/full") || strings.Contains(errs, "not at its end") {
			t.Errorf("%q: exit %d, %s\n%s", args, code, errs, out)
		}
	}
}

// Of several runs the ones before the one that breaks are shown.
func TestWhatRanBeforeAnInvariantBrokeIsShown(t *testing.T) {
	for _, args := range [][]string{{"--json"}, {}} {
		var out, errs bytes.Buffer
		p := program{stdout: &out, stderr: &errs}
		p.sweep = func(ctx context.Context, c sim.Config, parameter string, values []string, _ int, _ func(sim.Progress)) ([]sim.Point, error) {
			points, err := sim.Sweep(ctx, c, parameter, values[:1], 1, nil)
			c.Nodes, c.Values = 8, 1 // there is nothing smaller to be looked for
			return points, errors.Join(err, &sim.Broken{Config: c, What: "it was told to"})
		}
		page := filepath.Join(t.TempDir(), "page.html")
		code := p.run(t.Context(), append(append([]string{"sim", "--sweep", "alpha=3,4", "--report", page}, small...), args...))
		if code != exitNotFound || !strings.Contains(errs.String(), "it was told to") || !strings.Contains(errs.String(), "shows it again") {
			t.Errorf("exit %d, %s", code, &errs)
		}
		if len(args) > 0 && !json.Valid(out.Bytes()) || out.Len() < 300 {
			t.Errorf("shown is %s", &out)
		}
		if b, err := os.ReadFile(page); err != nil || len(b) < 1000 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
}
