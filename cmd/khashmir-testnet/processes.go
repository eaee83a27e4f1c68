package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"

	"golang.org/x/term"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/shell"
	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/client"
)

// control is Kademlua's start.sh: it builds a network of processes and opens a
// shell on a node of its own, which is one of them. The end of the shell is that
// of all.
func (p program) control(ctx context.Context, config testnet.Config) (err error) {
	lines := newProgress(p.stdout, true)
	defer lines.end()
	config.Progress = lines.update
	network, err := testnet.Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		if closing := network.Close(); ctx.Err() == nil {
			err = errors.Join(err, closing)
		}
	}()
	if err := network.Join(ctx); err != nil {
		return err
	}
	daemons, err := network.Daemons()
	if err != nil {
		return err
	}
	lines.end()
	p.present(daemons)

	hub := web.NewHub()
	node, err := khashmir.Open(khashmir.Config{Store: khashmir.NewMemoryStore(), Listen: "127.0.0.1:0", Observer: hub.Observer()})
	if err != nil {
		return err
	}
	defer node.Abort()
	for _, i := range rand.Perm(len(daemons))[:min(config.Contacts, len(daemons))] {
		if _, err := node.AddContact(ctx, daemons[i].Addr); err != nil {
			return err
		}
	}
	if _, err := node.FindCloseNodes(ctx); err != nil {
		return err
	}
	gateway := web.New(node, web.Config{Hub: hub, Local: true})
	defer gateway.Close()
	c := client.Handler(gateway)
	defer c.Close()
	return p.shell(ctx, c)
}

// present says what there is.
func (p program) present(daemons []testnet.Daemon) {
	var resident, own float64
	contacts := 0
	for _, d := range daemons {
		resident, own, contacts = resident+d.RSSMiB, own+d.OwnMiB, contacts+d.Contacts
	}
	n := float64(len(daemons))
	largest := slices.MaxFunc(daemons, func(a, b testnet.Daemon) int { return cmp.Compare(a.OwnMiB, b.OwnMiB) })
	fmt.Fprintf(p.stdout, `
%d daemons are up, each a process with its log in %s
a daemon      %.1f contacts, %.1f MiB resident, %.1f MiB of it its own (%.1f at the most)
in all        %.0f MiB of their own

help() says what this shell knows; Ctrl-D, or Ctrl-C twice, ends it and all of them.

`, len(daemons), filepath.Dir(daemons[0].Log), float64(contacts)/n, resident/n, own/n, largest.OwnMiB, own)
}

// shell is at the terminal, where Ctrl-C is for what runs in it, or runs what
// comes from a pipe.
func (p program) shell(ctx context.Context, c *client.Client) error {
	config := shell.Config{In: os.Stdin, Out: p.stdout, Err: p.stderr}
	config.Interactive = term.IsTerminal(int(os.Stdin.Fd()))
	s := shell.New(c, config)
	defer s.Close()
	if !config.Interactive {
		return s.RunFile(ctx, "standard input", os.Stdin, nil)
	}
	signal.Reset(os.Interrupt)
	return s.Run(ctx)
}
