package shell

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"github.com/ergochat/readline"
)

// lines are edited where there is a terminal to edit them at, else just read.
func (s *Shell) lines(ctx context.Context) (lines, error) {
	atTerminal := s.config.In == os.Stdin && s.config.Out == os.Stdout &&
		isTerminal(os.Stdin) && isTerminal(os.Stdout) && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
	if atTerminal {
		s.broken = "\n"
		return s.newEditor(ctx)
	}
	scanner := bufio.NewScanner(s.config.In)
	scanner.Buffer(nil, MaxLine)
	return &typist{scanner: scanner, out: s.out}, nil
}

// typist reads lines as they come.
type typist struct {
	scanner *bufio.Scanner
	out     *writer
}

func (t *typist) read(prompt string) (string, error) {
	t.out.Printf("%s", prompt)
	if t.scanner.Scan() {
		return t.scanner.Text(), nil
	}
	t.out.Printf("\n")
	if err := t.scanner.Err(); err != nil {
		return "", err
	}
	return "", io.EOF
}

func (t *typist) remember(string) {}
func (t *typist) close()          {}

// editor edits lines.
type editor struct {
	line    *readline.Instance
	history *history
	typed   []rune // what there is of the line
	stop    func() bool
}

func (s *Shell) newEditor(ctx context.Context) (*editor, error) {
	e := &editor{history: openHistory(s.config.History)}
	var err error
	e.line, err = readline.NewFromConfig(&readline.Config{
		HistoryLimit:           MaxHistory,
		DisableAutoSaveHistory: true,
		HistorySearchFold:      true,
		AutoComplete:           completer{s},
		Undo:                   true,
		EOFPrompt:              "\n", // nothing but the end of the line
		Listener: func(line []rune, _ int, _ rune) ([]rune, int, bool) {
			e.typed = line
			return nil, 0, false
		},
	})
	if err != nil {
		return nil, err
	}
	for _, line := range e.history.lines {
		e.line.SaveToHistory(line)
	}
	e.stop = context.AfterFunc(ctx, func() { e.line.Close() })
	return e, nil
}

func (e *editor) read(prompt string) (string, error) {
	e.line.SetPrompt(prompt)
	line, err := e.line.ReadLine()
	if errors.Is(err, readline.ErrInterrupt) {
		return string(e.typed), errCleared
	}
	return line, err
}

// remember keeps a line. What cannot be written is remembered until the end.
func (e *editor) remember(line string) {
	if e.history.add(line) {
		e.line.SaveToHistory(line)
	}
}

func (e *editor) close() {
	e.stop()
	e.line.Close()
	e.history.close()
}
