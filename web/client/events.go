package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/khashmir/kad/web/api"
)

// maxEvent is the longest line of a stream, in bytes: a value of the largest size
// twice, as base64 and as text, with room to spare.
const maxEvent = 1 << 20

// errEnough ends a stream that has said all that was wanted.
var errEnough = errors.New("enough")

// stream runs handle with each event of the stream at path, in order, until it
// returns an error, the stream ends (io.EOF) or the context does.
func (c *Client) stream(ctx context.Context, path string, query url.Values, handle func(name string, data []byte) error) error {
	response, err := c.open(ctx, path, query, "text/event-stream")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxEvent)
	name, data := "message", []byte(nil)
	for lines.Scan() {
		line := lines.Bytes()
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0:
			if data != nil {
				if err := handled(name, data, handle); err != nil {
					return err
				}
			}
			name, data = "message", nil
		case string(field) == "event":
			name = string(value)
		case string(field) == "data" && data == nil:
			data = bytes.Clone(value)
		case string(field) == "data":
			if data = append(append(data, '\n'), value...); len(data) > maxEvent {
				return fmt.Errorf("client: GET %s: %w", path, bufio.ErrTooLong)
			}
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("client: GET %s: %w", path, cause)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("client: GET %s: the stream broke off: %w", path, err)
	}
	return fmt.Errorf("client: GET %s: the stream ended: %w", path, io.ErrUnexpectedEOF)
}

// handled runs handle, unless the gateway says why the stream ends here.
func handled(name string, data []byte, handle func(name string, data []byte) error) error {
	if name != "problem" {
		return handle(name, data)
	}
	problem := &api.Problem{}
	if err := json.Unmarshal(data, problem); err != nil {
		return nonsense(err)
	}
	return problem
}

// event hands what data says to f, which may be nil.
func event[T any](data []byte, f func(T)) error {
	if f == nil {
		return nil
	}
	var said T
	if err := json.Unmarshal(data, &said); err != nil {
		return nonsense(err)
	}
	f(said)
	return nil
}

func nonsense(err error) error { return fmt.Errorf("client: an event made no sense: %w", err) }

// Events runs each with all that the node does, as it does it, one at a time,
// until the context ends or the gateway does, and returns why. Whoever is too
// slow loses events and is told how many.
func (c *Client) Events(ctx context.Context, each func(api.Event)) error {
	return c.stream(ctx, "/v1/events", nil, func(_ string, data []byte) error { return event(data, each) })
}
