package khashmir

import (
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/store"
)

// handover is a number of entries on their way to one holder, one at a time.
type handover struct {
	round *round
	comparison
	token string
	given time.Time // when the token was
	left  []store.Mark
}

// send reads the next entry and has it stored. It runs without the lock.
func (h *handover) send() {
	n := h.round.node
	for len(h.left) > 0 {
		m := h.left[0]
		h.left = h.left[1:]
		now := n.clock.Now()
		e, ok, err := n.store.Entry(m, now)
		if err != nil {
			n.log.Error("entry could not be read", "key", m.Key, "err", err)
		}
		if !ok || err != nil {
			continue
		}
		q := krpc.Query{Method: krpc.StoreValue, Target: m.Key, Token: h.token, Entry: asCopy(e, now)}
		n.mu.Lock()
		if !n.closed {
			n.ask(h.with, q, h.answered)
		}
		n.unlock()
		return
	}
	n.mu.Lock()
	defer n.unlock()
	h.let.end(true)
	h.round.next()
}

// asCopy is e as it goes to another holder: with its age to the nearest second,
// so that a copy of a copy lives neither ever longer nor ever shorter.
func asCopy(e kad.Entry, now time.Time) krpc.Entry {
	return krpc.Entry{
		Value:     e.Value,
		Publisher: e.Publisher,
		Age:       max(0, now.Sub(e.Created)).Round(time.Second),
		TTL:       e.TTL,
		Seq:       e.Seq,
		Removed:   e.Removed,
		Signature: e.Signature,
	}
}

func (h *handover) answered(reply krpc.Reply, err error) {
	r, n := h.round, h.round.node
	if err == nil && reply.Error != nil {
		err = refusal(reply.Error)
	}
	switch err {
	case nil:
		n.counts.handed++
	case ErrSuperseded, ErrSignature, ErrExpired, ErrTooLarge, ErrLifetime, ErrQuota:
		// It will not have this one, which is its right; maybe the next.
		if err != ErrSuperseded && err != ErrExpired {
			h.let.end(false)
			h.let = nil
		}
	case ErrBadToken:
		h.let.end(false)
		h.let = nil
		if n.clock.Now().Sub(h.given) >= kad.TokenInterval { // it has become too old: a new one comes with a new comparison
			r.todo = append(r.todo, h.comparison)
		}
		r.next()
		return
	default: // silent, full, busy or broken: the next closest takes its place
		if h.let == nil {
			r.failed(&h.comparison)
		} else {
			h.let.end(false)
			r.bury(h.with)
		}
		r.next()
		return
	}
	n.after = append(n.after, h.send)
}
