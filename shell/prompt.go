package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// errCleared is a line given up with Ctrl-C.
var errCleared = errors.New("cleared")

// continued is the prompt where a chunk goes on.
const continued = ">> "

// lines is where a prompt's lines come from.
type lines interface {
	read(prompt string) (line string, err error) // io.EOF, errCleared
	remember(line string)
	close()
}

// prompt reads and runs until Ctrl-D, or Ctrl-C twice.
func (s *Shell) prompt(ctx context.Context) error {
	if s.config.Interrupt == nil {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt)
		defer signal.Stop(signals)
		s.config.Interrupt = signals
		defer func() { s.config.Interrupt = nil }()
	}
	in, err := s.lines(ctx)
	if err != nil {
		return fmt.Errorf("open the terminal: %w", err)
	}
	defer in.close()
	c := &conversation{s: s, in: in}
	for {
		if over, err := c.turn(ctx); over || err != nil {
			return err
		}
	}
}

// conversation is what is going on at the prompt.
type conversation struct {
	s       *Shell
	in      lines
	chunk   strings.Builder // the lines so far
	leaving bool            // the next Ctrl-C leaves
}

// turn reads a line, and runs what is complete with it.
func (c *conversation) turn(ctx context.Context) (over bool, err error) {
	prompt := continued
	if c.chunk.Len() == 0 {
		prompt = c.s.statusLine(ctx)
	}
	line, err := c.in.read(prompt)
	switch {
	case ctx.Err() != nil:
		return true, ErrInterrupted
	case errors.Is(err, errCleared):
		return c.cleared(line), nil
	case errors.Is(err, io.EOF):
		return true, nil
	case err != nil:
		return true, fmt.Errorf("read a line: %w", err)
	}
	c.leaving = false
	c.in.remember(line)
	if c.chunk.WriteString(line + "\n"); strings.TrimSpace(c.chunk.String()) == "" {
		c.chunk.Reset()
		return false, nil
	}
	switch err := c.s.runLine(ctx, c.chunk.String()); {
	case errors.Is(err, errIncomplete):
		return false, nil
	case errors.Is(err, ErrStuck):
		return true, err
	case err != nil:
		c.s.complain(err.Error())
	}
	c.chunk.Reset()
	return false, nil
}

// cleared is Ctrl-C: it forgets what was typed, and leaves where there is nothing
// to forget for the second time.
func (c *conversation) cleared(line string) (over bool) {
	empty := c.chunk.Len() == 0 && line == ""
	c.chunk.Reset()
	if empty && c.leaving {
		return true
	}
	if c.leaving = empty; empty {
		c.s.complain("Ctrl-C once more leaves, and so does Ctrl-D")
	}
	return false
}

// errIncomplete: more lines belong to it.
var errIncomplete = errors.New("incomplete")

// runLine runs what was typed, and shows what it comes to.
func (s *Shell) runLine(ctx context.Context, text string) error {
	s.drain()
	s.shown = nil
	begun, more := time.Now(), false
	err := s.run(ctx, "stdin", func() error {
		chunk, err := s.compileLine("stdin", strings.TrimSuffix(text, "\n"))
		if more = err != nil && incomplete(err); err != nil {
			return err
		}
		s.lua.SetTop(0)
		s.lua.Push(chunk)
		if err := s.lua.PCall(0, lua.MultRet, nil); err != nil {
			return err
		}
		for i := 1; s.lua.Context().Err() == nil && i <= s.lua.GetTop(); i++ {
			s.echo(s.lua.Get(i))
		}
		s.lua.SetTop(0)
		return nil
	})
	switch {
	case errors.Is(err, ErrInterrupted):
		return fmt.Errorf("%w after %.1f s", err, time.Since(begun).Seconds())
	case err != nil && !errors.Is(err, ErrStuck) && more:
		return errIncomplete
	}
	return err
}

// drain forgets interruptions of what has ended meanwhile.
func (s *Shell) drain() {
	for {
		select {
		case <-s.config.Interrupt:
		default:
			return
		}
	}
}

// echo shows the value of an expression; not again what a command has just said.
func (s *Shell) echo(value lua.LValue) {
	t, ok := value.(*lua.LTable)
	switch {
	case ok && t == s.shown:
	case ok && s.lua.GetMetaField(t, "__tostring") != lua.LNil:
		s.out.Printf("%s\n", escape(s.lua.ToStringMeta(t).String(), "\n\t"))
	default:
		s.out.Printf("%s", s.show(value, 0))
	}
}

// statusLine is the prompt as Kademlua had it: contacts, the estimated number of
// nodes, and the KiB that the node takes.
func (s *Shell) statusLine(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, StatusTimeout)
	defer cancel()
	status, err := s.node.Status(ctx)
	if err != nil {
		if !s.lost {
			s.complain("the node does not say how it is: " + err.Error())
		}
		s.lost = true
		return "?~? | ? > "
	}
	s.lost = false
	return fmt.Sprintf("%d~%s | %d > ", status.Contacts, known(status.Network), status.Memory>>10)
}

// complain says in one line what went wrong.
func (s *Shell) complain(text string) {
	s.err.Printf("! %s\n", escaped(text))
}
