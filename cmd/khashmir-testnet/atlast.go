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
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if target, failed := os.Readlink(path); failed == nil { // a link to what is to be there
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			return writtenAtLast(target)
		}
		return partOf(path, nil)
	case err != nil:
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a device or a pipe is not replaced
		return &atLast{path: path, file: file}, nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return partOf(real, info)
}

// partOf begins what becomes path when it is whole, with the permissions of what is
// there, if anything is.
func partOf(path string, before fs.FileInfo) (*atLast, error) {
	part := fmt.Sprintf("%s.%d.part", path, os.Getpid())
	os.Remove(part) // of one that was killed, or a link that somebody has laid there
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	p := &atLast{path, file, part}
	if before != nil {
		if err := file.Chmod(before.Mode().Perm()); err != nil {
			p.drop()
			return nil, err
		}
	}
	return p, nil
}

// write has the page written, or leaves what was there before. A page that is whole and
// cannot take its place stays beside it.
func (p *atLast) write(as func(io.Writer) error) error {
	err := errors.Join(as(p.file), p.file.Close())
	if p.part == "" || err != nil {
		return err
	}
	part := p.part
	p.part = ""
	if err := os.Rename(part, p.path); err != nil {
		return fmt.Errorf("the page stays at %s: %w", part, err)
	}
	return nil
}

// drop leaves no page, unless it was written.
func (p *atLast) drop() {
	p.file.Close()
	if p.part != "" {
		os.Remove(p.part)
	}
}
