package web

import (
	"context"
	"errors"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// trail is what one lookup leaves behind: its steps as they happen, and what came
// of it. The node is never kept waiting: there is room for all steps that a
// lookup can have.
type trail struct {
	steps chan khashmir.Step
	ended chan khashmir.Lookup
}

func newTrail() *trail {
	const steps = 4 // of a question: asked, late, answered or failed, stored or refused
	return &trail{
		steps: make(chan khashmir.Step, steps*kad.MaxLookupQuestions),
		ended: make(chan khashmir.Lookup, 1),
	}
}

// observe has the lookups that are begun with the context leave the trail.
func (t *trail) observe(ctx context.Context) context.Context {
	return khashmir.Observe(ctx, khashmir.Observer{
		Lookup: func(l khashmir.Lookup) {
			select {
			case t.ended <- l:
			default:
			}
		},
		Step: func(s khashmir.Step) {
			select {
			case t.steps <- s:
			default:
			}
		},
	})
}

// end is what came of the lookup, when its caller has been told err. What the
// observer hears comes by another way than what the caller is told, so it may
// be a moment later; a lookup that never began has no end.
func (t *trail) end(ctx context.Context, err error, target khashmir.ID) khashmir.Lookup {
	began := err == nil || slices.ContainsFunc([]error{
		khashmir.ErrNoContacts, khashmir.ErrNoAnswer, khashmir.ErrIncomplete, khashmir.ErrBusy,
	}, func(e error) bool { return errors.Is(err, e) })
	l := khashmir.Lookup{Target: target}
	if began {
		select {
		case l = <-t.ended:
		case <-ctx.Done():
		}
	} else {
		select {
		case l = <-t.ended:
		default:
		}
	}
	l.Err = err
	return l
}
