package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/khashmir/kad/web/api"
)

// Status is how the node is, at a glance.
func (c *Client) Status(ctx context.Context) (s api.Status, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/status", nil, nil, &s)
	return s, err
}

// Stats is what the node has counted.
func (c *Client) Stats(ctx context.Context) (s api.Stats, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/stats", nil, nil, &s)
	return s, err
}

// Table is the node's routing table.
func (c *Client) Table(ctx context.Context) (t api.Table, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/table", nil, nil, &t)
	return t, err
}

// Network is all nodes that the gateway knows of: one, or those of a test network.
func (c *Client) Network(ctx context.Context) (n api.Network, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/network", nil, nil, &n)
	return n, err
}

// Holdings is a page of what the node holds for the network: up to limit keys from
// the ID on. "" is the beginning, 0 the gateway's own limit.
func (c *Client) Holdings(ctx context.Context, from string, limit int) (h api.Holdings, err error) {
	query := url.Values{}
	if from != "" {
		query.Set("from", from)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	err = c.call(ctx, http.MethodGet, "/v1/holdings", query, nil, &h)
	return h, err
}

// PutOptions change how one value is stored. The zero value works.
type PutOptions = api.PutOptions

// Put stores value under key. There is a Result beside an error that says what
// the nodes that were asked had to say.
func (c *Client) Put(ctx context.Context, key string, value []byte, o PutOptions) (r api.Result, err error) {
	query := url.Values{}
	if o.TTL != 0 {
		query.Set("ttl", o.TTL.String())
	}
	if o.Keep {
		query.Set("keep", "1")
	}
	if o.Prompt {
		query.Set("prompt", "1")
	}
	err = c.change(ctx, http.MethodPut, key, query, value, &r)
	return r, err
}

// Remove takes back what this node has stored: value goes everywhere.
func (c *Client) Remove(ctx context.Context, key string, value []byte) (r api.Result, err error) {
	err = c.change(ctx, http.MethodDelete, key, nil, value, &r)
	return r, err
}

// Forget ends what Put has begun with Keep; the value goes when its time has come.
func (c *Client) Forget(ctx context.Context, key string, value []byte) (r api.Result, err error) {
	err = c.change(ctx, http.MethodDelete, key, url.Values{"forget": {"1"}}, value, &r)
	return r, err
}

func (c *Client) change(ctx context.Context, method, key string, query url.Values, value []byte, r *api.Result) error {
	if key == "" {
		return errNoKey
	}
	return c.call(ctx, method, "/v1/values/"+segment(key), query, value, r)
}

// errNoKey: an empty text is no key.
var errNoKey = &api.Problem{Code: api.BadRequest, Message: "the key is empty"}

// GetOptions change one search. The zero value works.
type GetOptions = api.GetOptions

// Get looks for the values under key. That there is none is no error. What was
// found comes beside any error.
func (c *Client) Get(ctx context.Context, key string, o GetOptions) (f api.Found, err error) {
	query := url.Values{}
	if o.Enough > 0 {
		query.Set("enough", strconv.Itoa(o.Enough))
	}
	if o.Trace != nil {
		query.Set("trace", "1")
	}
	values := []api.Value{}
	take := o.Value
	if take == nil {
		take = func(v api.Value) { values = append(values, v) }
	}
	err = c.find(ctx, key, query, func(name string, data []byte) error {
		switch name {
		case "value":
			return event(data, take)
		case "step":
			return event(data, o.Trace)
		case "end":
			return ended(data, &f, &f.Error)
		}
		return nil
	})
	f.Values = values
	return f, err
}

func (c *Client) find(ctx context.Context, key string, query url.Values, handle func(name string, data []byte) error) error {
	if key == "" {
		return errNoKey
	}
	return all(c.stream(ctx, "/v1/values/"+segment(key), query, handle))
}

// all is nil for a stream that has said all that was wanted.
func all(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// ended reads the last event into what, of which problem is a part.
func ended(data []byte, what any, problem **api.Problem) error {
	if err := json.Unmarshal(data, what); err != nil {
		return nonsense(err)
	}
	if *problem != nil {
		return *problem
	}
	return errEnough
}

// Watch looks for the values under key again and again, and runs each with those
// that are new, and with those that are there no more (Gone), until the context
// ends or the gateway does. It returns why. every is how often; 0: as the gateway
// has it.
func (c *Client) Watch(ctx context.Context, key string, every time.Duration, each func(api.Value)) error {
	query := url.Values{"watch": {"1"}}
	if every > 0 {
		query.Set("every", every.String())
	}
	return c.find(ctx, key, query, func(name string, data []byte) error {
		if name != "value" {
			return nil
		}
		return event(data, each)
	})
}

// FindNode looks for the node with this ID, or for those closest to it. trace
// hears of what happens on the way; it may be nil.
func (c *Client) FindNode(ctx context.Context, id string, trace func(api.Step)) (l api.Lookup, err error) {
	if id == "" {
		return l, errNoKey
	}
	if trace == nil {
		err = c.call(ctx, http.MethodGet, "/v1/lookup/"+segment(id), nil, nil, &l)
		return l, err
	}
	err = all(c.stream(ctx, "/v1/lookup/"+segment(id), url.Values{"trace": {"1"}}, func(name string, data []byte) error {
		switch name {
		case "step":
			return event(data, trace)
		case "end":
			return ended(data, &l, &l.Error)
		}
		return nil
	}))
	return l, err
}

// Ping asks for a sign of life: of whoever is at an address ("host:port"), who is
// a contact from then on, or of the node with an ID.
func (c *Client) Ping(ctx context.Context, to string) (p api.Pong, err error) {
	body, err := json.Marshal(map[string]string{"to": to})
	if err != nil {
		return p, fmt.Errorf("client: %w", err)
	}
	err = c.call(ctx, http.MethodPost, "/v1/ping", nil, body, &p)
	return p, err
}

// Backup writes the node's file to w: what it holds, and its secret key. After an
// error what was written is worth nothing.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	response, err := c.open(ctx, "/v1/backup", nil, "application/octet-stream")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(w, response.Body); err != nil {
		return fmt.Errorf("client: the backup broke off: %w", err)
	}
	return nil
}
