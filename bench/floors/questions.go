package floors

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// inFlight is how many questions are on their way in the second measurement.
const inFlight = 64

// questionSize and answerSize are what the floors send there and back, in
// bytes: a find_value question as it is padded, and an answer of 8 contacts.
const (
	questionSize = 310
	answerSize   = 560
)

// questions are find_values with an answer of K contacts, between two who know
// each other.
func questions(string) ([]pair, error) {
	sealed, err := newConversation(false)
	if err != nil {
		return nil, err
	}
	streams, err := newConversation(true)
	if err != nil {
		return nil, err
	}
	packets, err := newPackets()
	if err != nil {
		return nil, err
	}
	raw, err := newRawQUIC()
	if err != nil {
		return nil, err
	}
	packet := func(callers int) task { return task{"bare UDP echo", packets.ask(callers)} }
	stream := func(callers int) task { return task{"raw quic-go, a stream each", raw.ask(callers)} }
	return []pair{
		{"question", []task{{"question, sealed datagram", sealed.ask(1)}, packet(1), stream(1)}, nothing},
		{"question", []task{{fmt.Sprintf("question, sealed datagram, %d in flight", inFlight), sealed.ask(inFlight)}, packet(inFlight), stream(inFlight)}, sealed.close},
		{"question", []task{{"question, QUIC stream", streams.ask(1)}, stream(1)}, nothing},
		{"question", []task{{fmt.Sprintf("question, QUIC stream, %d in flight", inFlight), streams.ask(inFlight)}, stream(inFlight)}, func() error {
			return errors.Join(streams.close(), packets.close(), raw.close())
		}},
	}, nil
}

// conversation is two of our transports.
type conversation struct {
	asker, answerer *transport.QUIC
	to              kad.Contact
}

func newConversation(streams bool) (*conversation, error) {
	c := &conversation{}
	reply := krpc.Reply{Contacts: neighbours(), Token: "12345678"}
	open := func(number byte) (*transport.QUIC, kad.Contact, error) {
		t := transport.NewQUIC(transport.QUICConfig{Listen: loopback, StreamsOnly: streams})
		key := identity(number)
		err := t.Serve(key, func(kad.Contact, krpc.Query) krpc.Reply { return reply })
		return t, kad.NewContact(kad.PublicKey(key.Public().(ed25519.PublicKey)), t.Addr()), err
	}
	var errs [2]error
	c.asker, _, errs[0] = open(1)
	c.answerer, c.to, errs[1] = open(2)
	return c, errors.Join(errs[:]...)
}

func identity(number byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), number))
}

// neighbours are K contacts.
func neighbours() (contacts []kad.Contact) {
	for i := range byte(kad.K) {
		key := kad.PublicKey(identity(i + 3).Public().(ed25519.PublicKey))
		contacts = append(contacts, kad.NewContact(key, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, i + 1}), 6881)))
	}
	return contacts
}

// ask keeps so many questions on their way.
func (c *conversation) ask(callers int) func(count int) error {
	q := krpc.Query{Method: krpc.FindValue, Target: kad.HashID([]byte("floor"))}
	return func(count int) error {
		room := make(chan struct{}, callers)
		var all sync.WaitGroup
		var mu sync.Mutex
		var first error
		for range count {
			room <- struct{}{}
			all.Add(1)
			c.asker.Ask(c.to, q, func(r krpc.Reply, err error) {
				if err == nil && len(r.Contacts) != kad.K {
					err = fmt.Errorf("an answer of %d contacts", len(r.Contacts))
				}
				if err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
				}
				<-room
				all.Done()
			})
		}
		all.Wait()
		return first
	}
}

func (c *conversation) close() error { return errors.Join(c.asker.Close(), c.answerer.Close()) }
