package shell

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// history is the lines that were typed, the oldest first, and a file that keeps
// them for their owner alone. Several shells may write to it at once: each adds
// its lines, and shortens it when it opens it.
type history struct {
	lines []string
	file  *os.File // nil: it cannot be written, or is not wanted
}

// openHistory reads what there is. A history that cannot be had is no reason not
// to begin.
func openHistory(path string) *history {
	h := &history{}
	if path == "" || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return h
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return h
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || file.Chmod(0o600) != nil {
		file.Close()
		return h
	}
	h.file = file
	if h.readAll() > MaxHistory {
		h.shorten(path)
	}
	return h
}

// readAll keeps the last lines, and counts all that there are.
func (h *history) readAll() (count int) {
	scanner := bufio.NewScanner(h.file)
	scanner.Buffer(nil, MaxLine)
	for scanner.Scan() {
		count++
		if line := scanner.Text(); rememberable(line) {
			h.lines = append(h.lines, line)
		}
		if len(h.lines) >= 2*MaxHistory {
			h.lines = append([]string(nil), h.lines[MaxHistory:]...)
		}
	}
	if scanner.Err() != nil {
		count = MaxHistory + 1 // whatever that is, it is not ours
	}
	h.lines = h.lines[max(0, len(h.lines)-MaxHistory):]
	return count
}

// shorten puts a file of the lines that are kept in the place of the old one.
func (h *history) shorten(path string) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return
	}
	var text strings.Builder
	for _, line := range h.lines {
		text.WriteString(line + "\n")
	}
	if _, err := file.WriteString(text.String()); err != nil || os.Rename(file.Name(), path) != nil {
		file.Close()
		os.Remove(file.Name())
		return
	}
	h.file.Close()
	h.file = file
}

func rememberable(line string) bool {
	return strings.TrimSpace(line) != "" && len(line) <= MaxHistoryLine
}

// add tells whether line is worth remembering: not the same twice in a row.
func (h *history) add(line string) bool {
	if !rememberable(line) || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return false
	}
	h.lines = append(h.lines, line)
	h.lines = h.lines[max(0, len(h.lines)-MaxHistory):]
	if h.file != nil {
		h.file.WriteString(line + "\n")
	}
	return true
}

func (h *history) close() {
	if h.file != nil {
		h.file.Close()
	}
}
