package store_test

import (
	"crypto/ed25519"
	"errors"
	"net/netip"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

func TestTheIdentityIsSetOnceAndForGood(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		if key, ok, err := s.Identity(); key != nil || ok || err != nil {
			t.Fatalf("a new store has identity %x, %v, %v", key, ok, err)
		}
		mine, other := nodeKey(1), nodeKey(2)
		if err := s.SetIdentity(mine[:40]); err == nil {
			t.Error("half a key was accepted")
		}
		for range 2 {
			if err := s.SetIdentity(mine); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SetIdentity(other); !errors.Is(err, store.ErrHasIdentity) {
			t.Errorf("a second identity: %v, want ErrHasIdentity", err)
		}
		if key, ok, err := s.Identity(); !key.Equal(mine) || !ok || err != nil {
			t.Fatalf("identity %x, %v, %v", key, ok, err)
		}
	})
}

func TestContactsComeBackAsTheyWereSavedInOrder(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		if got, err := s.Contacts(); len(got) != 0 || err != nil {
			t.Fatalf("a new store has contacts %v, %v", got, err)
		}
		first := contacts()
		save(t, s, first)
		wantContacts(t, s, first)
		// A save replaces all of it.
		second := []kad.Contact{first[2], first[0]}
		save(t, s, second)
		wantContacts(t, s, second)
		// One without an address is not worth keeping, an ID is its key's.
		lost, liar := kad.NewContact(publicKey(9)), first[1]
		liar.ID = kad.ID{1}
		save(t, s, []kad.Contact{lost, liar})
		wantContacts(t, s, []kad.Contact{first[1]})
		save(t, s, nil)
		wantContacts(t, s, nil)
	})
}

func TestSavedContactsAreTheStoresOwn(t *testing.T) {
	eachTwin(t, store.Config{}, func(t *testing.T, s subject) {
		mine := contacts()
		save(t, s, mine)
		mine[0] = mine[1]
		if got, err := s.Contacts(); err != nil || len(got) == 0 {
			t.Fatal(got, err)
		} else {
			got[1] = got[0]
		}
		wantContacts(t, s, contacts())
	})
}

// contacts is one with IPv4, one with IPv6, one with both, one without a key.
func contacts() []kad.Contact {
	v4, v6 := netip.MustParseAddrPort("192.0.2.1:8468"), netip.MustParseAddrPort("[2001:db8::1]:8469")
	return []kad.Contact{
		kad.NewContact(publicKey(3), v4), kad.NewContact(publicKey(1), v6),
		kad.NewContact(publicKey(2), v4, v6), kad.NewContact(kad.PublicKey{}, v4),
	}
}

func save(t *testing.T, s subject, contacts []kad.Contact) {
	t.Helper()
	if err := s.SaveContacts(contacts); err != nil {
		t.Fatal(err)
	}
}

func wantContacts(t *testing.T, s subject, want []kad.Contact) {
	t.Helper()
	if got, err := s.Contacts(); err != nil || !slices.Equal(got, want) {
		t.Fatalf("contacts %v, %v, want %v", got, err, want)
	}
}

func nodeKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append([]byte{seed}, make([]byte, ed25519.SeedSize-1)...))
}

func publicKey(seed byte) kad.PublicKey { return kad.PublicKeyOf(nodeKey(seed)) }
