package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// atLast is a file that is written at the end of a long run. What was there before stays
// until there is a new one, and that there can be one is known from the beginning.
type atLast struct {
	path string
	file *os.File
	part string // the name of file, which becomes path when it is whole; empty: it is path itself
}

func writtenAtLast(path string) (*atLast, error) {
	mode := fs.FileMode(0o666)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		file, err := os.OpenFile(real, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		info, err := file.Stat()
		if err == nil && !info.Mode().IsRegular() { // a device is not replaced
			return &atLast{path: path, file: file}, nil
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		path, mode = real, info.Mode().Perm()
	}
	part := fmt.Sprintf("%s.%d.part", path, os.Getpid())
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return nil, err
	}
	return &atLast{path, file, part}, nil
}

// write has the page written, or leaves what was there before.
func (p *atLast) write(as func(io.Writer) error) error {
	err := errors.Join(as(p.file), p.file.Close())
	if p.part == "" {
		return err
	}
	if err == nil {
		err = os.Rename(p.part, p.path)
	}
	if err != nil {
		os.Remove(p.part)
	}
	return err
}

// drop leaves no page, unless it was written.
func (p *atLast) drop() {
	p.file.Close()
	if p.part != "" {
		os.Remove(p.part)
	}
}
