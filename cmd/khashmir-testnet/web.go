package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/signal"
	"slices"
	"syscall"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/web/lab"
	"github.com/khashmir/kad/web/page"
)

// anyPort is what --web takes where it is not told where to listen.
const anyPort = "any"

// listenAt is where that is.
func listenAt(at string) string {
	if at == anyPort {
		return "127.0.0.1:0"
	}
	return at
}

// addressed says what is wrong with the address of --web.
func addressed(at string, asJSON bool) error {
	if at == "" {
		return nil
	}
	addr, err := netip.ParseAddrPort(listenAt(at))
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
func (p program) exhibit(ctx context.Context, config testnet.Config, at string) error {
	signal.Ignore(syscall.SIGPIPE) // every browser that goes away is one
	lines := newProgress(p.stdout, true)
	defer lines.end()
	config.Progress = lines.update
	listener, err := net.Listen("tcp", listenAt(at))
	if err != nil {
		return fmt.Errorf("--web: %w", err)
	}
	l, err := lab.Start(ctx, config, page.Handler())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve(listener) }()
	err = l.Join(ctx)
	if err == nil {
		stored := deposit(ctx, l.Network.Peers(), config.Stores)
		lines.end()
		if ctx.Err() == nil {
			fmt.Fprintf(p.stdout, "\n%d peers are up and %s stored. Look at them with a browser:\n\n  http://%s/\n\nCtrl-C ends it.\n",
				config.Peers, counted(stored, "value"), listener.Addr())
		}
		select {
		case err = <-served:
			served <- nil
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if closing := l.Close(); closing != nil {
		err = errors.Join(err, closing)
	}
	<-served
	return err
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
