// Package transport carries one question to one contact and brings back one
// answer. There are two of it: QUIC, the default, and Mem, in process, with
// latency, loss and partitions to order. UDP is a third, for the messages of
// BitTorrent's DHT, where nobody proves anything.
//
// It owns connections, sockets, time-outs and the goroutines that wait for
// them. It proves who asks and who answers. It does not know what a question
// means, keeps no contacts and decides nothing about the network.
package transport

import (
	"errors"
	"fmt"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// Handler answers a query of a contact whose key is proven and whose address
// is the one its packets came from. Of a question on a stream that address is
// proven too; of one in a datagram it is the sender's word, and more than the
// answer should go there only once it has answered something. It runs on a
// goroutine of its own.
type Handler = func(from kad.Contact, q krpc.Query) krpc.Reply

// Why there is no answer. A refusal by the far side is not among them: it is
// an answer, with Reply.Error set.
var (
	// ErrTimeout: the contact is there, or was, and did not answer in time.
	ErrTimeout = errors.New("no answer in time")

	// ErrClosed: this transport is not open, or was closed meanwhile.
	ErrClosed = errors.New("the transport is closed")

	// ErrWrongID: another node than the one asked for is at that address.
	ErrWrongID = errors.New("another node is at this address")

	// ErrUnreachable: nobody at that address answers at all.
	ErrUnreachable = errors.New("nobody can be reached at this address")

	// ErrProtocol: what came back was no answer to the question.
	ErrProtocol = errors.New("the answer made no sense")

	// ErrBusy: too much is in flight here already, or over there.
	ErrBusy = errors.New("too many questions at once")
)

// Stats is what a transport counted since Serve.
type Stats struct {
	Connections int    // open now, both directions
	Handshakes  uint64 // completed, dialled and accepted
	Resumed     uint64 // of these, with a remembered session
	Asked       uint64 // questions put to others
	Answered    uint64 // questions of others answered
	BytesIn     uint64 // of messages, without headers
	BytesOut    uint64
}

// failure is an error for people: what was being done and a sentence that
// says what became of it. The cause stays reachable for errors.Is and As.
type failure struct {
	doing string
	kind  error
	cause error
}

func (f *failure) Error() string { return f.doing + ": " + f.kind.Error() }

func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

// askFailed says that the question to a contact came to nothing, and why.
func askFailed(to kad.Contact, kind, cause error) error {
	return &failure{doing: askDoing(to), kind: kind, cause: cause}
}

func askDoing(to kad.Contact) string {
	if to.Key.IsZero() && to.ID.IsZero() {
		return fmt.Sprintf("ask %s", to.Addr())
	}
	return fmt.Sprintf("ask %s", to)
}

// identity is the ID the contact must prove: zero when anybody at its address
// will do, ok == false when it contradicts itself and nobody can be it.
func identity(to kad.Contact) (id kad.ID, ok bool) {
	if to.Key.IsZero() {
		return to.ID, true
	}
	id = to.Key.ID()
	return id, to.ID.IsZero() || to.ID == id
}
