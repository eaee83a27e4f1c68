package khashmir

import (
	"errors"
	"fmt"

	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

// What callers branch on, with errors.Is.
var (
	// ErrNoContacts: the node knows nobody to ask. One that was started with
	// contacts says so when they are given up, or after kad.MeetTimeout. A store has kept the value
	// on this node alone; a find has looked at this node alone.
	ErrNoContacts = errors.New("no contacts")

	// ErrNoAnswer: contacts are known and none of them answered.
	ErrNoAnswer = errors.New("no contact answered")

	// ErrIncomplete: a holder of many values stopped answering before it had
	// given them all. What it gave, and what others hold, has been delivered.
	ErrIncomplete = errors.New("a holder did not give all its values")

	// ErrRefused: every other node that was asked to store refused or was
	// silent; Result.Refused says why.
	ErrRefused = errors.New("every node refused the value")

	// ErrClosed: the node was closed before or during the call.
	ErrClosed = errors.New("node is closed")

	// ErrTooManyLookups: Config.MaxLookups calls are in progress.
	ErrTooManyLookups = errors.New("too many lookups at once")

	// ErrBusy: more questions are in flight than the transport takes, here or at
	// the one asked. It is nobody's fault; try again when some have ended.
	ErrBusy = transport.ErrBusy

	// ErrInUse: another node, of this process or another, has Config.Path open.
	ErrInUse = store.ErrInUse

	// ErrSelf: the address is this node's own.
	ErrSelf = errors.New("that address is this node's own")

	// ErrTooLarge: the value is over the limit, here or at the holder.
	ErrTooLarge = errors.New("value is too large")

	// ErrLifetime: the lifetime is over the limit, here or at the holder, or
	// no lifetime at all.
	ErrLifetime = errors.New("lifetime is out of bounds")
)

// Why a holder refused or stayed silent, in Refusal.Err beside ErrTooLarge,
// ErrLifetime and ErrBusy; and why AddContact found nobody.
var (
	ErrFull        = store.ErrFull
	ErrQuota       = store.ErrQuota
	ErrExpired     = store.ErrExpired
	ErrSuperseded  = store.ErrSuperseded
	ErrSignature   = errors.New("publisher has not signed it")
	ErrBadToken    = errors.New("write token was not accepted")
	ErrHolderBusy  = errors.New("holder is busy")
	ErrHolderFault = errors.New("holder could not store it")
	ErrTimeout     = transport.ErrTimeout
	ErrWrongID     = transport.ErrWrongID
	ErrUnreachable = transport.ErrUnreachable
	ErrProtocol    = transport.ErrProtocol
	ErrClient      = errors.New("that node is a client, and answers nothing")
)

// errNameless: who was asked for its key gave none.
var errNameless = fmt.Errorf("%w: it does not say whose it is", ErrProtocol)

// refusal turns a stranger's error reply into ours. Only the code is believed;
// its text is the stranger's and goes nowhere.
func refusal(e *krpc.Error) error {
	switch e.Code {
	case krpc.CodeTooLarge:
		return ErrTooLarge
	case krpc.CodeFull:
		return ErrFull
	case krpc.CodeQuota:
		return ErrQuota
	case krpc.CodeLifetime:
		return ErrLifetime
	case krpc.CodeExpired:
		return ErrExpired
	case krpc.CodeSuperseded:
		return ErrSuperseded
	case krpc.CodeSignature:
		return ErrSignature
	case krpc.CodeBadToken:
		return ErrBadToken
	case krpc.CodeBusy:
		return ErrHolderBusy
	default:
		return ErrHolderFault
	}
}

// ours is err, or ErrClosed where a part of the node says that it is closed.
func ours(err error) error {
	if errors.Is(err, store.ErrClosed) || errors.Is(err, transport.ErrClosed) {
		return ErrClosed
	}
	return err
}

// asReply is our own failure to store, as a refusal for the asker.
func asReply(err error) krpc.Reply {
	code, text := krpc.CodeServer, "could not store"
	switch {
	case errors.Is(err, store.ErrFull):
		code, text = krpc.CodeFull, "no room"
	case errors.Is(err, store.ErrQuota):
		code, text = krpc.CodeQuota, "quota used up"
	case errors.Is(err, store.ErrExpired):
		code, text = krpc.CodeExpired, "already expired"
	case errors.Is(err, store.ErrSuperseded):
		code, text = krpc.CodeSuperseded, "a newer version is here"
	}
	return refuse(code, text)
}

func refuse(code int, text string) krpc.Reply {
	return krpc.Reply{Error: &krpc.Error{Code: code, Message: text}}
}

// blameless says that the contact is not why a question had no answer.
func blameless(err error) bool {
	return errors.Is(err, transport.ErrClosed) || errors.Is(err, ErrBusy)
}
