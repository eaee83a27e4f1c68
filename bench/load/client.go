package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	batch    = 64   // packets for one call of the system
	longest  = 4096 // bytes of an answer
	patience = time.Second
)

var errLost = errors.New("an answer did not come, or was not one")

// client asks one kind of question from one socket.
type client struct {
	kind
	*wire
	next int // question
}

func connect(k kind) (*client, error) {
	w, _, err := listen(k.server.addr)
	return &client{kind: k, wire: w}, err
}

// flood keeps so many questions on their way, for so long, and takes the answers
// to all of them.
func (c *client) flood(ctx context.Context, about time.Duration, inFlight int) (answered int, err error) {
	end, flying := time.Now().Add(about), 0
	for room := inFlight; ; {
		if time.Now().Before(end) && ctx.Err() == nil {
			if err := c.ask(room); err != nil {
				return answered, err
			}
			flying += room
		}
		if flying == 0 {
			return answered, ctx.Err()
		}
		if room, err = c.hear(); err != nil {
			return answered, fmt.Errorf("%w, after %d: %w", errLost, answered, err)
		}
		flying -= room
		answered += room
	}
}

// ask puts some questions on their way.
func (c *client) ask(count int) error {
	for count > 0 {
		some := min(count, batch)
		for i := range some {
			c.put(i, c.questions[(c.next+i)%len(c.questions)])
		}
		sent, err := c.send(some)
		if err != nil {
			return err
		}
		c.next += sent
		count -= sent
	}
	return nil
}

// hear waits for answers and counts them.
func (c *client) hear() (count int, err error) {
	count, err = c.take()
	for i := range count {
		if !c.good(c.packet(i)) {
			return 0, fmt.Errorf("answered %q", c.packet(i))
		}
	}
	return count, err
}

// one asks one question after another and says how long an answer takes: the
// median and the 99th of a hundred, in µs.
func (c *client) one(ctx context.Context, about time.Duration) (p50, p99 float64, err error) {
	var took []time.Duration
	for end := time.Now().Add(about); time.Now().Before(end) && ctx.Err() == nil; {
		begun := time.Now()
		if err := c.ask(1); err != nil {
			return 0, 0, err
		}
		if _, err := c.hear(); err != nil {
			return 0, 0, fmt.Errorf("%w: %w", errLost, err)
		}
		took = append(took, time.Since(begun))
	}
	if len(took) == 0 {
		return 0, 0, ctx.Err()
	}
	slices.Sort(took)
	at := func(percent int) float64 { return took[(percent*len(took)+99)/100-1].Seconds() * 1e6 }
	return at(50), at(99), nil
}
