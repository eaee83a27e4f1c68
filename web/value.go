package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// put is PUT /v1/values/{key}.
func (g *Gateway) put(ctx context.Context, r *http.Request, body []byte) (any, error) {
	key, err := pathKey(r, "key")
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	var options []khashmir.StoreOption
	if q.Has("ttl") {
		ttl, err := time.ParseDuration(q.Get("ttl"))
		if err != nil {
			return nil, bad("ttl is no duration, as 90s, 10m or 24h")
		}
		options = append(options, khashmir.TTL(ttl))
	}
	keep, err := flag(q, "keep")
	if err != nil {
		return nil, err
	}
	prompt, err := flag(q, "prompt")
	if err != nil {
		return nil, err
	}
	if prompt {
		options = append(options, khashmir.Prompt())
	}
	store := g.node.Store
	if keep {
		store = g.node.Keep
	}
	begun := time.Now()
	result, err := store(ctx, key, body, options...)
	return resultOf(result, time.Since(begun), err), err
}

// remove is DELETE /v1/values/{key}.
func (g *Gateway) remove(ctx context.Context, r *http.Request, body []byte) (any, error) {
	key, err := pathKey(r, "key")
	if err != nil {
		return nil, err
	}
	forget, err := flag(r.URL.Query(), "forget")
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if !forget {
		result, err := g.node.Remove(ctx, key, body)
		return resultOf(result, time.Since(begun), err), err
	}
	ok, err := g.node.Forget(key, body)
	if err == nil && !ok {
		err = missing("this value is not kept alive under this key")
	}
	return resultOf(khashmir.Result{Key: key}, time.Since(begun), err), err
}

// pathKey is the key that the path names.
func pathKey(r *http.Request, name string) (khashmir.ID, error) {
	text := r.PathValue(name)
	if len(text) > kad.GatewayKey {
		return khashmir.ID{}, bad("the key is too long")
	}
	return keyOf(text), nil
}

// flag is a parameter that is on or off.
func flag(q url.Values, name string) (on bool, err error) {
	if !q.Has(name) {
		return false, nil
	}
	if on, err = strconv.ParseBool(q.Get(name)); err != nil {
		return false, bad(name + " is 1 or 0")
	}
	return on, nil
}

// number is a parameter between low and high.
func number(q url.Values, name string, low, high, otherwise int) (int, error) {
	if !q.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < low || n > high {
		return 0, bad(name + " is a number from " + strconv.Itoa(low) + " to " + strconv.Itoa(high))
	}
	return n, nil
}
