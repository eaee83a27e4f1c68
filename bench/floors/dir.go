package floors

import (
	"errors"
	"fmt"
	"os"
)

// inTemporaryDir prepares in a directory that goes with the last of the pairs.
func inTemporaryDir(prepare func(dir string) ([]pair, error)) ([]pair, error) {
	dir, err := os.MkdirTemp("", "khashmir-floors-*")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	pairs, err := prepare(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	last := &pairs[len(pairs)-1]
	closeLast := last.close
	last.close = func() error { return errors.Join(closeLast(), os.RemoveAll(dir)) }
	return pairs, nil
}

// nothing is to be closed.
func nothing() error { return nil }
