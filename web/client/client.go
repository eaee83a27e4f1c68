// Package client asks a gateway (package web): over a Unix socket, over TCP, or
// one in this very process. It has a method for each verb of the API and speaks
// the words of package web/api; it knows nothing of nodes.
//
//	c := client.Unix("/run/khashmir/khashmir.sock")
//	defer c.Close()
//	result, err := c.Put(ctx, "greeting", []byte("hello"), client.PutOptions{})
//
// A key is text: 40 hexadecimal digits are an ID, anything else is hashed, as
// everywhere.
//
// Where the gateway said what is wrong the error is an *api.Problem; where nobody
// could be asked it wraps ErrUnreachable. A context that ends ends the call.
package client

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/khashmir/kad/web/api"
)

// ErrUnreachable: there is no gateway, or none that can be reached.
var ErrUnreachable = errors.New("the gateway cannot be reached")

// Client is safe for concurrent use.
type Client struct {
	base  string // of all URLs, without the last slash
	token string
	http  http.Client
	close func()
}

// Unix is a client of the gateway at a socket file.
func Unix(path string) *Client {
	return dialing("http://khashmir", "", func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	})
}

// HTTP is a client of the gateway at url ("http://127.0.0.1:7070"), with its
// token, or "" where it has none.
func HTTP(url, token string) *Client {
	var d net.Dialer
	return dialing(strings.TrimSuffix(url, "/"), token, d.DialContext)
}

func dialing(base, token string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			return conn, nil
		},
		DisableCompression: true,
	}
	c := &Client{base: base, token: token, close: transport.CloseIdleConnections}
	c.http.Transport = transport
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Close lets go of the connections. Calls in progress are not its business, but
// for those to a Handler, which it ends.
func (c *Client) Close() { c.close() }

// ask makes a request; what comes back has a body to close. An error status is
// an answer too.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, accept string, body []byte) (*http.Response, error) {
	at := c.base + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	request.Header.Set("Accept", accept)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("client: %s %s: %w", method, path, err)
	}
	return response, nil
}

// call is ask for an answer in JSON, which goes into answer whatever the status
// is: some errors come with all that is known. Then its error field is the error.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body []byte, answer any) error {
	response, err := c.ask(ctx, method, path, query, "application/json", body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("client: %s %s: the answer broke off: %w", method, path, err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(said, answer); err != nil {
			return fmt.Errorf("client: %s %s: the answer made no sense: %w", method, path, err)
		}
		return nil
	}
	if problem := problemIn(said); problem != nil {
		_ = json.Unmarshal(said, answer) // as far as it goes: it has the error
		return problem
	}
	return stranger(method, path, response)
}

// problemIn is what the gateway says is wrong, if it was a gateway.
func problemIn(said []byte) *api.Problem {
	var answer struct {
		Error *api.Problem `json:"error"`
	}
	if json.Unmarshal(said, &answer) != nil || answer.Error == nil || answer.Error.Code == "" {
		return nil
	}
	return answer.Error
}

func stranger(method, path string, response *http.Response) error {
	return fmt.Errorf("client: %s %s: not a gateway's answer: status %d", method, path, response.StatusCode)
}

// open is ask for an answer of this kind; any other is an error.
func (c *Client) open(ctx context.Context, path string, query url.Values, kind string) (*http.Response, error) {
	response, err := c.ask(ctx, http.MethodGet, path, query, kind, nil)
	if err != nil {
		return nil, err
	}
	got, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode == http.StatusOK && got == kind {
		return response, nil
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, maxEvent))
	if problem := problemIn(said); problem != nil {
		return nil, problem
	}
	return nil, stranger(http.MethodGet, path, response)
}

// segment is the text of a key as one part of a path. What would be taken for more
// than that, or is long, goes as its hash, which is the same key.
func segment(text string) string {
	if text == "." || text == ".." || text == "/" || len(text) > maxSegment {
		sum := sha1.Sum([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	return url.PathEscape(text)
}

const maxSegment = 1 << 10
