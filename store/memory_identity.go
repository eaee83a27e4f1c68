package store

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	kad "github.com/khashmir/kad"
)

// Identity is SQLite.Identity.
func (m *Memory) Identity() (ed25519.PrivateKey, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, false, fmt.Errorf("store: identity: %w", ErrClosed)
	}
	return slices.Clone(m.identity), m.identity != nil, nil
}

// SetIdentity is SQLite.SetIdentity.
func (m *Memory) SetIdentity(key ed25519.PrivateKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("store: set identity: %w", ErrClosed)
	}
	if err := checkIdentity(key, m.identity); err != nil {
		return fmt.Errorf("store: set identity: %w", err)
	}
	m.identity = slices.Clone(key)
	return nil
}

// SaveContacts is SQLite.SaveContacts.
func (m *Memory) SaveContacts(contacts []kad.Contact) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("store: save contacts: %w", ErrClosed)
	}
	m.contacts = nil
	for _, c := range contacts {
		if c, ok := savable(c); ok {
			m.contacts = append(m.contacts, c)
		}
	}
	return nil
}

// Contacts is SQLite.Contacts.
func (m *Memory) Contacts() ([]kad.Contact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("store: contacts: %w", ErrClosed)
	}
	return slices.Clone(m.contacts), nil
}
