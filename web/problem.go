package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// known says of each error of the node what it is called, with which status, and
// in which sentence. Nothing else of an error reaches a client: its text may be
// a stranger's, or name files of ours. The first that fits counts.
var known = []struct {
	err     error
	status  int
	code    string
	message string
}{
	{khashmir.ErrNoContacts, http.StatusServiceUnavailable, api.NoContacts, "this node knows nobody to ask: it was given no contact, or none has answered"},
	{khashmir.ErrNoAnswer, http.StatusServiceUnavailable, api.NoAnswer, "contacts are known and none of them answered"},
	{khashmir.ErrIncomplete, http.StatusServiceUnavailable, api.Incomplete, "a holder stopped before it had given all its values"},
	{khashmir.ErrRefused, http.StatusInsufficientStorage, api.AllRefused, "every node that was asked to store refused or was silent"},
	{khashmir.ErrClosed, http.StatusServiceUnavailable, api.Closing, "the node is closed"},
	{errClosing, http.StatusServiceUnavailable, api.Closing, "the gateway is closed"},
	{khashmir.ErrTooManyLookups, http.StatusTooManyRequests, api.Busy, "the node has too many lookups in progress"},
	{khashmir.ErrBusy, http.StatusTooManyRequests, api.Busy, "too many questions are in flight"},
	{khashmir.ErrHolderBusy, http.StatusTooManyRequests, api.Busy, "the holder is busy"},
	{khashmir.ErrTooLarge, http.StatusRequestEntityTooLarge, api.TooLarge, "the value is too large"},
	{khashmir.ErrLifetime, http.StatusUnprocessableEntity, api.BadLifetime, "the lifetime is out of bounds"},
	{khashmir.ErrFull, http.StatusInsufficientStorage, api.Full, "there is no room"},
	{khashmir.ErrQuota, http.StatusInsufficientStorage, api.Quota, "the publisher's quota is used up"},
	{khashmir.ErrExpired, http.StatusInsufficientStorage, api.AllRefused, "its lifetime was over before it came"},
	{khashmir.ErrSuperseded, http.StatusInsufficientStorage, api.AllRefused, "a newer version is there"},
	{khashmir.ErrSignature, http.StatusInsufficientStorage, api.AllRefused, "its publisher has not signed it"},
	{khashmir.ErrBadToken, http.StatusInsufficientStorage, api.AllRefused, "the write token was not accepted"},
	{khashmir.ErrHolderFault, http.StatusInsufficientStorage, api.AllRefused, "the holder could not store it"},
	{khashmir.ErrSelf, http.StatusBadRequest, api.BadRequest, "that is this node itself"},
	{khashmir.ErrClient, http.StatusServiceUnavailable, api.NoAnswer, "that node is a client, and answers nothing"},
	{khashmir.ErrWrongID, http.StatusServiceUnavailable, api.NoAnswer, "another node is at that address"},
	{khashmir.ErrUnreachable, http.StatusServiceUnavailable, api.NoAnswer, "nobody can be reached at that address"},
	{khashmir.ErrProtocol, http.StatusServiceUnavailable, api.NoAnswer, "what came back was no answer"},
	{khashmir.ErrTimeout, http.StatusGatewayTimeout, api.Timeout, "there was no answer in time"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, api.Timeout, "it took too long"},
	{context.Canceled, http.StatusServiceUnavailable, api.Closing, "the client has gone"},
	{errors.ErrUnsupported, http.StatusNotImplemented, api.Unsupported, "this node's store has no file"},
}

// errClosing is why operations end that a closed gateway waits for no longer.
var errClosing = errors.New("the gateway is closed")

// fault is a failure with the status that goes with it.
type fault struct {
	status int
	api.Problem
}

func (f *fault) Error() string { return f.Message }

func bad(message string) *fault {
	return &fault{http.StatusBadRequest, api.Problem{Code: api.BadRequest, Message: message}}
}

func missing(message string) *fault {
	return &fault{http.StatusNotFound, api.Problem{Code: api.NotFound, Message: message}}
}

func busy(message string) *fault {
	return &fault{http.StatusTooManyRequests, api.Problem{Code: api.Busy, Message: message}}
}

// faultOf is what a client is told of err.
func faultOf(err error) *fault {
	if f := (*fault)(nil); errors.As(err, &f) {
		return f
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return &fault{k.status, api.Problem{Code: k.code, Message: k.message}}
		}
	}
	return &fault{http.StatusInternalServerError, api.Problem{Code: api.Internal, Message: "something failed here: the node's log says what"}}
}

// problemOf is faultOf where there is no status; nil for no error.
func problemOf(err error) *api.Problem {
	if err == nil {
		return nil
	}
	return &faultOf(err).Problem
}
