package store

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
)

// Identity is the node's key; false where none was set yet.
func (s *SQLite) Identity() (ed25519.PrivateKey, bool, error) {
	if err := s.enter(); err != nil {
		return nil, false, fmt.Errorf("store: identity: %w", err)
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	key, err := s.readIdentity()
	if err != nil {
		return nil, false, fmt.Errorf("store: identity: %w", s.noticed(err))
	}
	return key, key != nil, nil
}

// SetIdentity keeps key for good. The same key again is welcome, another one
// is ErrHasIdentity.
func (s *SQLite) SetIdentity(key ed25519.PrivateKey) error {
	if err := s.setIdentity(key); err != nil {
		return fmt.Errorf("store: set identity: %w", err)
	}
	return nil
}

func (s *SQLite) setIdentity(key ed25519.PrivateKey) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	kept, err := s.readIdentity()
	if err != nil {
		return s.noticed(err)
	}
	if err := checkIdentity(key, kept); err != nil || kept != nil {
		return err
	}
	if _, err = s.conn.ExecContext(context.Background(), "INSERT INTO identity (one, seed) VALUES (1, ?)", key.Seed()); err == nil {
		err = s.shrink()
	}
	return s.noticed(err)
}

// readIdentity is nil where there is none. A damaged one is an error, never an
// invitation to make another.
func (s *SQLite) readIdentity() (ed25519.PrivateKey, error) {
	var seed []byte
	err := s.conn.GetContext(context.Background(), &seed, "SELECT seed FROM identity")
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case len(seed) != ed25519.SeedSize:
		return nil, fmt.Errorf("the seed has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
