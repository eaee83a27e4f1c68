package mainline

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

func (n *Node) open() error {
	rand.Read(n.seed[:]) // never fails: it ends the program instead
	saved, err := n.openStore()
	if err != nil {
		return err
	}
	sockets, err := listen(n.config)
	if err != nil {
		return err
	}
	for _, udp := range sockets {
		n.sides = append(n.sides, n.newSide(udp))
	}
	if len(n.sides) == 2 {
		n.sides[0].other, n.sides[1].other = n.sides[1], n.sides[0]
	}
	for _, s := range n.sides {
		if err := s.udp.Serve(s); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.startHousekeeping(saved)
	return nil
}

// openStore opens the file, if there is to be one, and takes from it what there
// is. It returns the saved contacts.
func (n *Node) openStore() ([]kad.Contact, error) {
	if n.config.Path == "" {
		return nil, nil
	}
	var err error
	n.store, err = store.Open(n.config.Path, store.Config{
		Warn: func(message string, err error) { n.log.Warn(message, "path", n.config.Path, "err", err) },
	})
	if err != nil {
		return nil, err
	}
	if err := n.identify(); err != nil {
		return nil, err
	}
	n.loadItems()
	saved, err := n.store.Contacts()
	if err != nil {
		n.log.Warn("saved contacts could not be read", "err", err)
	}
	return saved, nil
}

// identify takes the seed of the IDs from the identity in the file, made on the
// first start. Nobody sees the key itself.
func (n *Node) identify() error {
	key, ok, err := n.store.Identity()
	if err != nil {
		return err
	}
	if !ok {
		if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return fmt.Errorf("make an identity: %w", err)
		}
		if err := n.store.SetIdentity(key); err != nil {
			return err
		}
	}
	n.seed = sha256.Sum256(append([]byte("mainline id "), key.Seed()...))
	return nil
}

// firstID is the side's until others have told where it is: one that fits the
// address it listens at, if that is one that the world can see.
func (n *Node) firstID(ip netip.Addr) kad.ID {
	if !n.config.ID.IsZero() {
		return n.config.ID
	}
	random := kad.ID(n.seed[:kad.IDSize])
	if exempt(ip) {
		return random
	}
	return SecureID(ip, random)
}

// listen opens the sockets: one a family, on the same port if nothing else is
// said.
func listen(c Config) (sockets []*transport.UDP, err error) {
	open := func(at netip.AddrPort) error {
		udp, err := transport.NewUDP(transport.UDPConfig{Listen: at, Logger: c.Logger})
		if err == nil {
			sockets = append(sockets, udp)
		}
		return err
	}
	if c.Listen.IsValid() || c.Listen6.IsValid() {
		for _, at := range []netip.AddrPort{netip.AddrPortFrom(c.Listen.Addr().Unmap(), c.Listen.Port()), c.Listen6} {
			if err == nil && at.IsValid() {
				err = open(at)
			}
		}
	} else if err = open(netip.AddrPortFrom(netip.IPv4Unspecified(), 0)); err == nil {
		if err := open(netip.AddrPortFrom(netip.IPv6Unspecified(), sockets[0].Addr().Port())); err != nil {
			c.Logger.Info("no socket for IPv6", "err", err)
		}
	}
	if err != nil {
		for _, udp := range sockets {
			udp.Close()
		}
		return nil, err
	}
	return sockets, nil
}

// resolve turns "host:port" into addresses that the node could ask at.
func (n *Node) resolve(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port", addr)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("%q has no port number", addr)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("host %q is not known: %w", host, err)
	}
	var addrs []netip.AddrPort
	for _, ip := range ips {
		if ip = ip.Unmap(); n.sideOf(ip) != nil && n.asksAt(ip) {
			addrs = append(addrs, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%q has no address to ask at", addr)
	}
	return addrs, nil
}
