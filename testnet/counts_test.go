package testnet_test

import (
	"crypto/ed25519"
	"net/netip"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/transport"
)

// What the counts below may be at the most. They hang on no machine's speed, so
// they are close to what is counted: a sixth above at the most, for the order
// in which answers happen to come. Who makes them fewer moves them down.
const (
	mostAFind      = 9.7  // messages among 50 peers that know nearly all; ping-backs among them
	mostAStore     = 16.9 // of the storing peer alone; 8 is the least that finds the place, and 8 store
	mostAGet       = 9.7
	mostGoroutines = 4.7 // a peer
	mostAllocated  = 36  // times, both ends of a find_value in a datagram
)

func TestTheNetworkCostsNoMoreThanItDid(t *testing.T) {
	// Given fifty peers with a socket and a file each
	config := testnet.Default()
	config.Finds, config.Stores, config.Readers, config.Seed = 50, 50, 2, 1
	// when they find and store, one after another
	r, err := testnet.Run(t.Context(), config)
	if err != nil || !r.OK() {
		t.Fatalf("error %v, faults %q", err, r.Faults)
	}
	// then no operation takes more messages, and no peer more goroutines
	for _, count := range []struct {
		what      string
		got, most float64
	}{
		{"messages a find", r.MessagesPerFind, mostAFind},
		{"messages a store", r.MessagesPerStore, mostAStore},
		{"messages a get", r.MessagesPerGet, mostAGet},
		{"goroutines a peer", float64(r.Goroutines) / float64(r.Peers), mostGoroutines},
	} {
		t.Logf("%s: %.1f", count.what, count.got)
		if count.got > count.most || count.got <= 0 {
			t.Errorf("%s: %.1f, more than %v or none", count.what, count.got, count.most)
		}
	}
	// and what fits a packet opens no connection
	if r.Connections != 0 || r.Handshakes != 0 {
		t.Errorf("%d connections, %d handshakes", r.Connections, r.Handshakes)
	}
}

func TestAQuestionAllocatesNoMoreThanItDid(t *testing.T) {
	// Given two who know each other, one of them with K contacts to tell
	var contacts []kad.Contact
	for i := range byte(kad.K) {
		contacts = append(contacts, kad.NewContact(public(i+3), netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, i + 1}), 6881)))
	}
	reply := krpc.Reply{Contacts: contacts, Token: "12345678"}
	open := func(number byte) *transport.QUIC {
		q := transport.NewQUIC(transport.QUICConfig{Listen: netip.MustParseAddrPort("127.0.0.1:0")})
		if err := q.Serve(secret(number), func(kad.Contact, krpc.Query) krpc.Reply { return reply }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { q.Close() })
		return q
	}
	asker, answerer := open(1), open(2)
	to := kad.NewContact(public(2), answerer.Addr())
	question := krpc.Query{Method: krpc.FindValue, Target: kad.HashID([]byte("key"))}
	// when one asks the other, again and again
	allocated := testing.AllocsPerRun(200, func() {
		failed := make(chan error, 1)
		asker.Ask(to, question, func(_ krpc.Reply, err error) { failed <- err })
		if err := <-failed; err != nil {
			t.Error(err)
		}
	})
	// then both ends together allocate no more often than they did
	if allocated > mostAllocated {
		t.Errorf("%.0f allocations, more than %d", allocated, mostAllocated)
	}
	t.Logf("%.0f allocations", allocated)
}

func secret(number byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), number))
}

func public(number byte) kad.PublicKey {
	return kad.PublicKey(secret(number).Public().(ed25519.PublicKey))
}
