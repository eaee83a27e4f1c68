package store

import (
	"context"
	"fmt"
	"net/netip"

	kad "github.com/khashmir/kad"
)

// SaveContacts replaces all saved contacts in one transaction. Contacts
// without an address are left out.
func (s *SQLite) SaveContacts(contacts []kad.Contact) error {
	if err := s.enter(); err != nil {
		return fmt.Errorf("store: save contacts: %w", err)
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.transact(func() error { return s.replaceContacts(contacts) }); err != nil {
		return fmt.Errorf("store: save contacts: %w", s.noticed(err))
	}
	return nil
}

func (s *SQLite) replaceContacts(contacts []kad.Contact) error {
	ctx := context.Background()
	if _, err := s.conn.ExecContext(ctx, "DELETE FROM contacts"); err != nil {
		return err
	}
	insert, err := s.conn.PreparexContext(ctx, "INSERT INTO contacts (public_key, v4, v6) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, c := range contacts {
		c, ok := savable(c)
		if !ok {
			continue
		}
		if _, err := insert.Exec(c.Key[:], addrText(c.V4), addrText(c.V6)); err != nil {
			return err
		}
	}
	return nil
}

// Contacts is the saved contacts, in the order they were saved. Damaged rows
// are left out; where the table itself is damaged there is an error beside
// those that could be read, and a node does best to log it and to go on.
func (s *SQLite) Contacts() ([]kad.Contact, error) {
	if err := s.enter(); err != nil {
		return nil, fmt.Errorf("store: contacts: %w", err)
	}
	defer s.leave()
	s.turn.Lock()
	defer s.turn.Unlock()
	contacts, err := s.readContacts()
	if err == nil {
		err = s.shrink()
	}
	if err != nil {
		return contacts, fmt.Errorf("store: contacts: %w", s.noticed(explain(err)))
	}
	return contacts, nil
}

func (s *SQLite) readContacts() ([]kad.Contact, error) {
	rows, err := s.conn.QueryxContext(context.Background(), "SELECT public_key, v4, v6 FROM contacts ORDER BY position")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var contacts []kad.Contact
	for rows.Next() {
		var key []byte
		var v4, v6 string
		if err := rows.Scan(&key, &v4, &v6); err != nil {
			continue
		}
		if c, ok := contact(key, v4, v6); ok {
			contacts = append(contacts, c)
		}
	}
	return contacts, rows.Err()
}

// contact reads one row; an address that does not parse is none.
func contact(key []byte, v4, v6 string) (kad.Contact, bool) {
	if len(key) != len(kad.PublicKey{}) {
		return kad.Contact{}, false
	}
	addr4, _ := netip.ParseAddrPort(v4)
	addr6, _ := netip.ParseAddrPort(v6)
	c := kad.NewContact(kad.PublicKey(key), addr4, addr6)
	return c, c.Reachable()
}

func addrText(addr netip.AddrPort) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
