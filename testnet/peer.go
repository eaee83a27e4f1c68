package testnet

import (
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

// open starts the i-th peer. Its identity follows from the seed, unless its
// file already has one.
func (n *Network) open(i int) (*khashmir.Node, error) {
	kept, err := n.openStore(i)
	if err != nil {
		return nil, err
	}
	_, known, err := kept.Identity()
	if err == nil && !known {
		err = kept.SetIdentity(identity(n.config.Seed, i))
	}
	if err != nil {
		return nil, also(err, kept.Close())
	}
	config := khashmir.Config{Store: kept, Transport: n.transport()}
	if n.config.Partition > 0 {
		n.cut.attach(&config)
	}
	return khashmir.Open(config)
}

func (n *Network) openStore(i int) (khashmir.Store, error) {
	if n.config.Store == Memory {
		return khashmir.NewMemoryStore(), nil
	}
	kept, err := store.Open(filepath.Join(n.dir, fmt.Sprintf("peer-%04d.db", i)), store.Config{})
	if err != nil {
		return nil, err // and not a nil store in an interface
	}
	return kept, nil
}

func (n *Network) transport() khashmir.Transport {
	if n.config.Transport == Mem {
		return n.inProcess.Transport()
	}
	return transport.NewQUIC(transport.QUICConfig{
		Listen:      netip.MustParseAddrPort("127.0.0.1:0"),
		StreamsOnly: n.config.Transport == Streams,
	})
}

// identity is the i-th peer's key. Who knows the seed knows it too: it is for
// networks like this one.
func identity(seed uint64, i int) ed25519.PrivateKey {
	hash := drawn(seed, "identity", i)
	return ed25519.NewKeyFromSeed(hash[:])
}
