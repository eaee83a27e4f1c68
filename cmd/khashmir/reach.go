package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

// reach finds a node to ask: the one whose gateway was named, or the one of this
// directory. close ends what was begun for it.
func (p *program) reach(ctx context.Context) (c *client.Client, close func(), err error) {
	s := p.settings
	if s.at != "" {
		token, err := p.token()
		if err != nil {
			return nil, nil, err
		}
		if !strings.HasPrefix(s.at, "http://") && !strings.HasPrefix(s.at, "https://") {
			return nil, nil, usage("--at takes a URL, as http://127.0.0.1:7401")
		}
		c := client.HTTP(s.at, token)
		return c, c.Close, answers(ctx, c, s.at)
	}
	c = client.Unix(s.socketPath())
	if err = answers(ctx, c, s.socketPath()); err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, c.Close, nil
}

func answers(ctx context.Context, c *client.Client, where string) error {
	_, err := c.Status(ctx)
	if errors.Is(err, client.ErrUnreachable) {
		return &api.Problem{Code: noNode, Message: fmt.Sprintf("no node runs at %s; \"khashmir run\" starts one", where)}
	}
	return err
}

// reachOrJoin is reach, but comes to the network as a client where no node runs.
func (p *program) reachOrJoin(ctx context.Context) (c *client.Client, close func(), err error) {
	c, close, err = p.reach(ctx)
	if err == nil || p.settings.at != "" || problemOf(err).Code != noNode {
		return c, close, err
	}
	return p.joinForAMoment(ctx)
}

// joinForAMoment opens a node that asks and does not serve, with the identity of
// the directory if there is one, and waits until it knows somebody. Who publishes
// needs an identity that lasts: nobody else can take back what it has stored.
func (p *program) joinForAMoment(ctx context.Context) (*client.Client, func(), error) {
	met := make(chan struct{}, 1)
	hub := web.NewHub()
	config := khashmir.Config{
		Client:    true,
		Path:      p.settings.database(),
		Bootstrap: p.settings.bootstrap,
		Observer: khashmir.Observers(hub.Observer(), khashmir.Observer{Met: func(khashmir.Contact) {
			select {
			case met <- struct{}{}:
			default:
			}
		}}),
	}
	if _, err := os.Stat(config.Path); err != nil {
		if len(p.settings.bootstrap) == 0 {
			return nil, nil, &api.Problem{Code: noNode, Message: fmt.Sprintf(
				"no node runs at %s, and no contact is known: \"khashmir run\" starts a node, --bootstrap HOST:PORT names a contact", p.settings.socketPath())}
		}
		if !p.publishes {
			config.Store = khashmir.NewMemoryStore()
		} else if err := os.MkdirAll(p.settings.dir, 0o700); err != nil {
			return nil, nil, fmt.Errorf("make the node's directory: %w", err)
		}
	}
	if !p.settings.json { // a contact with a wrong name, say
		config.Logger = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	node, err := khashmir.Open(config)
	if err != nil {
		return nil, nil, err
	}
	if err := p.meet(ctx, met); err != nil {
		return nil, nil, errors.Join(err, node.Abort())
	}
	gateway := web.New(node, web.Config{Hub: hub, Local: true, Client: true, Version: version()})
	c := client.Handler(gateway)
	return c, func() {
		c.Close()
		gateway.Close()
		_ = node.Close() // there is nothing to hand over
	}, nil
}

func (p *program) meet(ctx context.Context, met <-chan struct{}) error {
	if !p.settings.json {
		fmt.Fprintln(p.err, "no node runs here: asking as a client")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, kad.MeetTimeout, errTooLong)
	defer cancel()
	select {
	case <-met:
		return nil
	case <-ctx.Done():
	}
	if err := context.Cause(ctx); err != errTooLong {
		return err
	}
	return &api.Problem{Code: api.NoContacts, Message: "no node runs here, and no contact answers: is the network up, and reachable by UDP?"}
}

// errTooLong is why a context ends that --timeout has ended.
var errTooLong error = &api.Problem{Code: api.Timeout, Message: "it has taken longer than --timeout"}

// reacher is one of the ways above.
type reacher func(context.Context) (c *client.Client, close func(), err error)

// ask runs f with a node to ask.
func (p *program) ask(cmd *cobra.Command, reach reacher, f func(context.Context, *client.Client) error) error {
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), p.settings.timeout, errTooLong)
	defer cancel()
	c, close, err := reach(ctx)
	if err != nil {
		return err
	}
	defer close()
	return f(ctx, c)
}
