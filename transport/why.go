package transport

import (
	"context"
	"errors"
	"os"

	"github.com/quic-go/quic-go"
)

var (
	errNoRoute = errors.New("no address that this socket can send to")
	errNoReply = errors.New("not a reply")
	errNotSent = errors.New("the question was not sent")
)

// lost reports whether the connection went away under a question, for no
// reason that would hold for the next one.
func lost(err error) bool {
	var closed *quic.ApplicationError
	var forgotten *quic.StatelessResetError
	var idle *quic.IdleTimeoutError
	switch {
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, errNotSent):
		return true
	case errors.As(err, &closed):
		return closed.ErrorCode == codeIdle || closed.ErrorCode == codeSuperseded
	default:
		return errors.As(err, &forgotten) || errors.As(err, &idle)
	}
}

// why is the sentinel that an error of ours, of quic-go or of crypto/tls
// comes down to.
func (t *QUIC) why(err error) error {
	if t.root.Err() != nil {
		return ErrClosed
	}
	for _, kind := range []error{ErrTimeout, ErrClosed, ErrWrongID, ErrUnreachable, ErrProtocol, ErrBusy} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	var wrong *wrongIDError
	switch {
	case errors.As(err, &wrong):
		return ErrWrongID
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout
	case errors.Is(err, errTooLarge), errors.Is(err, errNoIdentity):
		return ErrProtocol
	}
	return whyQUIC(err)
}

// whyQUIC reads the errors that a connection or a stream ended with.
func whyQUIC(err error) error {
	var stream *quic.StreamError
	var closed *quic.ApplicationError
	var broken *quic.TransportError
	var version *quic.VersionNegotiationError
	switch {
	case errors.As(err, &stream) && stream.ErrorCode == streamBusy:
		return ErrBusy
	case errors.As(err, &stream) && stream.ErrorCode == streamTimeout:
		return ErrTimeout
	case errors.As(err, &stream), errors.As(err, &version):
		return ErrProtocol
	case errors.As(err, &closed) && closed.ErrorCode == codeFull:
		return ErrBusy
	case errors.As(err, &closed) && closed.ErrorCode > codeFull:
		return ErrProtocol
	case errors.As(err, &broken) && broken.ErrorCode == quic.ConnectionRefused:
		return ErrBusy
	case errors.As(err, &broken):
		return ErrProtocol
	}
	// It left, it forgot us twice, it never was there, or there is no way.
	return ErrUnreachable
}
