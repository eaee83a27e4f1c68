package main

import (
	"bytes"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/khashmir/kad/testnet"
)

// shown is what two stages look like, with the times blanked.
func shown(width int, stay bool) string {
	var out bytes.Buffer
	p := &progress{out: &out, width: func() int { return width }, stay: stay, said: time.Now()}
	p.update(testnet.Building, 0, 4)
	p.update(testnet.Building, 4, 4) // too soon to be drawn
	p.update(testnet.Finding, 0, 0)  // nothing to do
	p.end()                          // something else is printed in between
	p.update(testnet.Closing, 0, 4)
	p.update(testnet.Closing, 3, 4)
	p.update(testnet.Closing, 2, 4) // overtaken
	p.end()
	return regexp.MustCompile(`\d+\.\d\d s`).ReplaceAllString(out.String(), "? s")
}

func TestProgressIsDrawnOnATerminalAndWrittenElsewhere(t *testing.T) {
	const (
		built  = "building peers                      4/4     ? s\n"
		closed = "closing peers                       3/4     ? s\n"
		bar    = "........................"
	)
	for _, c := range []struct {
		name  string
		width int
		stay  bool
		want  string
	}{
		{"in a file", 0, true, built + closed},
		{"in a file, for JSON", 0, false, ""},
		{"on a terminal", 80, true,
			"\r\x1b[Kbuilding peers              " + bar + "  0/4\r\x1b[K" + built +
				"\r\x1b[Kclosing peers               " + bar + "  0/4\r\x1b[K" + closed},
		{"on a terminal, for JSON", 80, false,
			"\r\x1b[Kbuilding peers              " + bar + "  0/4\r\x1b[K" +
				"\r\x1b[Kclosing peers               " + bar + "  0/4\r\x1b[K"},
		{"on a narrow terminal", 30, true,
			"\r\x1b[Kbuilding peers 0/4\r\x1b[K" + built +
				"\r\x1b[Kclosing peers 0/4\r\x1b[K" + closed},
	} {
		if got := shown(c.width, c.stay); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
		}
	}
}

func TestALineNeverWraps(t *testing.T) {
	p := &progress{stage: testnet.Storing, done: 123456, total: 1234567}
	for width := range 120 {
		if line := p.line(width); len(line) > 0 && len(line) >= width {
			t.Errorf("%q on %d columns", line, width)
		}
	}
	if p.line(80) == "" {
		t.Error("nothing on 80 columns")
	}
}

// A long run into a file says now and then that it goes on.
func TestProgressIsSaidNowAndThenWhereNothingIsDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, false)
		p.unit = "min"
		for i := range 70 {
			p.update("measuring", i, 100)
			time.Sleep(time.Second)
		}
		p.end()
		if want := "measuring 30/100 min\nmeasuring 60/100 min\n"; out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	})
}
