package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/web/lab"
	"github.com/khashmir/kad/web/page"
)

// anyPort is where --web listens when it is not told.
const anyPort = "127.0.0.1:0"

// addressed says what is wrong with the address of --web.
func addressed(at string, asJSON bool) error {
	if at == "" {
		return nil
	}
	addr, err := netip.ParseAddrPort(at)
	switch {
	case err != nil:
		return fmt.Errorf("--web takes an address and a port, as 127.0.0.1:8080, not %q", at)
	case !addr.Addr().IsLoopback():
		return fmt.Errorf("--web is for this machine alone, and %s is not: take 127.0.0.1 or [::1]", addr.Addr())
	case asJSON:
		return errors.New("--web shows a network and reports nothing: leave out --json")
	}
	return nil
}

// exhibit builds the network and shows it at an address until ctx is done.
func (p program) exhibit(ctx context.Context, config testnet.Config, at string) (err error) {
	lines := newProgress(p.stdout, true)
	defer lines.end()
	config.Progress = lines.update
	listener, err := net.Listen("tcp", at)
	if err != nil {
		return fmt.Errorf("--web: %w", err)
	}
	defer listener.Close()
	l, err := lab.Start(ctx, config, page.Handler())
	if err != nil {
		return err
	}
	defer func() {
		if closing := l.Close(); closing != nil && ctx.Err() == nil {
			err = errors.Join(err, closing)
		}
	}()
	if err := l.Join(ctx); err != nil {
		return err
	}
	stored := deposit(ctx, l.Network.Peers(), config.Stores)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	lines.end()
	fmt.Fprintf(p.stdout, "\n%d peers are up and %s stored. Look at them with a browser:\n\n  http://%s/\n\nCtrl-C ends it.\n",
		config.Peers, counted(stored, "value"), listener.Addr())
	served := make(chan error, 1)
	go func() { served <- l.Serve(listener) }()
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// deposit has the peers store values, one after another, and returns how many
// were acknowledged.
func deposit(ctx context.Context, peers []testnet.Peer, values int) (acknowledged int) {
	for i := range values {
		text := fmt.Sprintf("key %d", i)
		_, err := peers[i%len(peers)].Node.Store(ctx, khashmir.HashID([]byte(text)), slices.Concat([]byte("the value of "), []byte(text)))
		if ctx.Err() != nil {
			return acknowledged
		}
		if err == nil {
			acknowledged++
		}
	}
	return acknowledged
}
