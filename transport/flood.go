package transport

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// Half-open handshakes cost 54 KB and four goroutines each, and anybody can
// start them with a made-up address.
const (
	// verifyHalfOpen is from how many on a newcomer must first show that it
	// receives at its address (QUIC's Retry: one more round trip, no state).
	verifyHalfOpen = 64

	// maxHalfOpen is from how many on newcomers are refused.
	maxHalfOpen = 256
)

var errRefused = errors.New("no room for another connection")

// flood counts the handshakes that others began and did not finish.
type flood struct {
	halfOpen atomic.Int64
	refusing func() bool // no room for more connections at all
}

type handshakeKey struct{}

// suspicious makes quic-go verify the address of who begins a handshake.
func (f *flood) suspicious(net.Addr) bool { return f.halfOpen.Load() >= verifyHalfOpen }

// admit counts a handshake until it is completed or its context ends.
func (f *flood) admit(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	if f.halfOpen.Load() >= maxHalfOpen || f.refusing() {
		return nil, errRefused
	}
	f.halfOpen.Add(1)
	stop := context.AfterFunc(ctx, func() { f.halfOpen.Add(-1) })
	return context.WithValue(ctx, handshakeKey{}, stop), nil
}

// completed ends the count of the handshake with this context.
func (f *flood) completed(ctx context.Context) {
	if stop, ok := ctx.Value(handshakeKey{}).(func() bool); ok && stop() {
		f.halfOpen.Add(-1)
	}
}
