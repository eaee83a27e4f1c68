package kad

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// PublicKey is a node's Ed25519 public key: its identity.
type PublicKey [ed25519.PublicKeySize]byte

// PublicKeyOf is the public half of key.
func PublicKeyOf(key ed25519.PrivateKey) PublicKey {
	return PublicKey(key.Public().(ed25519.PublicKey))
}

// ID is the first 20 bytes of the key's SHA-256. Nobody can choose an ID
// freely, and whoever holds the key can prove it.
func (k PublicKey) ID() ID {
	sum := sha256.Sum256(k[:])
	return ID(sum[:IDSize])
}

// IsZero reports whether the key is not known.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// String prints 64 hexadecimal digits.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// Contact is another node: its identity and where it listens, at most one
// UDP address a family. Contacts are values and compare with ==.
//
// A contact whose Key is zero is only an address: enough to ask who is there.
type Contact struct {
	ID     ID
	Key    PublicKey
	V4, V6 netip.AddrPort
}

// NewContact is the contact with this key at these addresses; a later address
// of the same family replaces an earlier one, unusable ones are left out.
func NewContact(key PublicKey, addrs ...netip.AddrPort) Contact {
	c := Contact{Key: key}
	if !key.IsZero() {
		c.ID = key.ID()
	}
	for _, addr := range addrs {
		c = c.WithAddr(addr)
	}
	return c
}

// WithAddr is c with addr in its family's place; an address that nobody can
// be asked at leaves c as it is.
func (c Contact) WithAddr(addr netip.AddrPort) Contact {
	addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
	switch {
	case !usable(addr):
	case addr.Addr().Is4():
		c.V4 = addr
	default:
		c.V6 = addr
	}
	return c
}

// Addr is the address to prefer: IPv4 where there is one.
func (c Contact) Addr() netip.AddrPort {
	if c.V4.IsValid() {
		return c.V4
	}
	return c.V6
}

// Reachable reports whether c has an address to ask at.
func (c Contact) Reachable() bool { return c.V4.IsValid() || c.V6.IsValid() }

// String prints the address and the first 8 digits of the ID.
func (c Contact) String() string {
	return fmt.Sprintf("%s@%s", c.ID.String()[:8], c.Addr())
}

func usable(addr netip.AddrPort) bool {
	ip := addr.Addr()
	return addr.IsValid() && addr.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast()
}

// Group is the network that c's address belongs to, as far as one party is
// likely to rule all of it: a /24 of IPv4, a /48 of IPv6. Addresses that are
// not on the public internet (loopback, private) have none, the zero Prefix.
func (c Contact) Group() netip.Prefix {
	ip := c.Addr().Addr()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return netip.Prefix{}
	}
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	group, _ := ip.Prefix(bits) // fails only where bits are too many
	return group
}
