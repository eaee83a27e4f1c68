// Package shell is Kademlua's shell on our node: Lua 5.1 with the network's verbs
// as functions, typed at a prompt or read from a script.
//
//	s := shell.New(node, shell.Config{Interactive: true})
//	err := s.Run(ctx)
//
// It owns the Lua state, the terminal while a line is edited, and the file of
// the history. It does not own the node, which it knows as the interface Node
// alone, nor the process: it never exits it.
//
// Scripts are kept in a sandbox: they reach the node and what the shell writes
// to, and no file, no process, no environment and no other module. What they may
// take is in const.go. Two things cannot be interrupted, because gopher-lua does
// them in one go: matching a pattern once, and compiling a chunk. They can take
// very long where somebody wants them to. A second interruption gives the command
// up and leaves the shell (ErrStuck).
//
// To read on: prompt.go is the prompt, run.go how a chunk runs and is
// interrupted, sandbox.go what Lua is left with, command.go the list of ours.
package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	lua "github.com/yuin/gopher-lua"
)

// What Run and RunFile end with, beside what a script did wrong.
var (
	// ErrInterrupted: Config.Interrupt, or the context, ended the script.
	ErrInterrupted = errors.New("interrupted")

	// ErrStuck: what was interrupted did not end, and was left running. The
	// process should end.
	ErrStuck = errors.New("gave up what could not be interrupted")
)

// Config is how the shell is opened. The zero value reads a script from the
// standard input.
type Config struct {
	// In, Out and Err are where lines come from, where what is printed goes, and
	// where the prompt's complaints go. Default: the process's own.
	In       io.Reader
	Out, Err io.Writer

	// Interactive shows a prompt and reads a line at a time; with line editing
	// where In and Out are the process's own and a terminal. Default: In is one
	// script, which prints what it prints.
	Interactive bool

	// History is the file that remembers lines, for their owner alone. Default:
	// none.
	History string

	// Interrupt interrupts the running command. Default: at a prompt Ctrl-C
	// (SIGINT), else only the context does.
	Interrupt <-chan os.Signal

	// MaxMemory is how many bytes the process may grow by while a command runs.
	// Default: the constant.
	MaxMemory int64
}

// Shell is one Lua state on one node. It runs one thing at a time.
type Shell struct {
	config Config
	node   Node
	lua    *lua.LState
	out    *writer
	err    *writer
	named  map[*lua.LFunction]*command
	shown  *lua.LTable // what a command at the prompt has said last
	broken string      // what ends the line that Ctrl-C was typed in
	lost   bool        // the node has not said how it is
	stuck  bool
}

// New opens a shell on node. Close it.
func New(node Node, config Config) *Shell {
	if config.In == nil {
		config.In = os.Stdin
	}
	if config.Out == nil {
		config.Out = os.Stdout
	}
	if config.Err == nil {
		config.Err = os.Stderr
	}
	config.MaxMemory = cmp.Or(config.MaxMemory, MaxMemory)
	s := &Shell{
		config: config,
		node:   node,
		out:    &writer{to: config.Out, escapes: config.Interactive || isTerminal(config.Out)},
		err:    &writer{to: config.Err},
		named:  make(map[*lua.LFunction]*command),
	}
	s.lua = s.sandbox()
	return s
}

// Close frees what the Lua state has. It does not close the node.
func (s *Shell) Close() {
	if !s.stuck {
		s.lua.Close()
	}
}

// Run reads from Config.In until it ends: line by line at a prompt, else as one
// script. The error is the script's: one line, with the place.
func (s *Shell) Run(ctx context.Context) error {
	if s.config.Interactive {
		return s.prompt(ctx)
	}
	return s.RunFile(ctx, "stdin", s.config.In, nil)
}

// RunFile runs a script that is called name in errors, and finds its arguments
// in the table arg, and name in arg[0]. The error is one line, with the place.
func (s *Shell) RunFile(ctx context.Context, name string, source io.Reader, args []string) error {
	text, err := io.ReadAll(io.LimitReader(source, MaxSource+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	table := s.lua.NewTable()
	table.RawSetInt(0, lua.LString(name))
	for i, arg := range args {
		table.RawSetInt(i+1, lua.LString(arg))
	}
	s.lua.SetGlobal("arg", table)
	return s.run(ctx, name, func() error {
		chunk, err := s.compile(name, withoutShebang(string(text)))
		if err != nil {
			return err
		}
		s.lua.Push(chunk)
		return s.lua.PCall(0, 0, nil)
	})
}

// writer is where everything is printed: whole pieces, and from a trace too.
type writer struct {
	mu      sync.Mutex
	to      io.Writer
	escapes bool // it is somebody's terminal
}

// Printf prints what is our own words but for escaped arguments.
func (w *writer) Printf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.to, format, args...)
}

// mute is for what was left running: nobody waits for what it prints.
func (w *writer) mute() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = io.Discard
}

// isTerminal tells whether what is written may be obeyed.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
