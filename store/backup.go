package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"modernc.org/sqlite"
)

// backupPages are copied at a time, some milliseconds of work; then others have
// their turn.
const backupPages = 1024

// Backup copies the store to a new file at path, readable by its owner only:
// entries, contacts and the identity, which is a secret. Others go on using the
// store; what they put meanwhile is in the copy. A copy that is not whole is
// removed.
func (s *SQLite) Backup(ctx context.Context, path string) error {
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("store: back up to %s: %w", path, s.noticed(err))
	}
	return nil
}

func (s *SQLite) backup(ctx context.Context, path string) (err error) {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	b, err := s.beginBackup(path)
	for more := err == nil; more; {
		if err = context.Cause(ctx); err != nil {
			break
		}
		more, err = s.copyPages(b)
		more = more && err == nil
	}
	if b != nil {
		s.turn.Lock()
		err = errors.Join(err, b.Finish())
		s.turn.Unlock()
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func (s *SQLite) beginBackup(path string) (b *sqlite.Backup, err error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	err = s.conn.Raw(func(driver any) error {
		b, err = driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		}).NewBackup(path)
		return err
	})
	return b, err
}

func (s *SQLite) copyPages(b *sqlite.Backup) (more bool, err error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	return b.Step(backupPages)
}
