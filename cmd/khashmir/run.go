package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/metrics"
	"github.com/khashmir/kad/web/page"
)

const runHelp = `Keeps a node up until it is told to go (SIGTERM, Ctrl-C). Then it leaves: what it
holds is handed over to those who take its place, for --leave-timeout at the most,
and its contacts are saved. A second signal cuts that short, as a crash would:
nothing that was acknowledged is lost by it.

Its identity, its contacts and what it holds are in DIR/khashmir.db. Only the owner
may read it, and talk to the node by its socket.

With --gateway 127.0.0.1:7401 it has an HTTP gateway and a page on which one can
watch it: http://127.0.0.1:7401/. A gateway that others than this machine can
reach needs a token (--token-file).

Under systemd it says when it is ready (Type=notify) and keeps its files in
StateDirectory; cmd/khashmir/khashmir.service is a unit.`

func (p *program) runCommand() *cobra.Command {
	s := &p.settings
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Keep a node up",
		Long:  runHelp,
		Example: `  khashmir run
  khashmir run --listen 0.0.0.0:7400 --bootstrap 192.0.2.7:7400,dht.example.org:7400
  khashmir run --gateway 127.0.0.1:7401 --token-file token`,
		Args: args(0, 0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.keepUp(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	c := &s.node
	flags.StringVar(&c.Listen, "listen", ":7400", "the UDP `address` to listen at")
	flags.StringVar(&s.gateway, "gateway", "", "serve HTTP and the page at this `address`")
	flags.BoolVar(&c.Client, "client", false, "ask and do not serve")
	flags.BoolVar(&c.PowerSafe, "power-safe", false, "what is acknowledged outlives a power cut, at an fsync a commit")
	flags.BoolVar(&s.streams, "streams", false, "send everything on QUIC streams, and no sealed datagrams")
	flags.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&s.logFormat, "log-format", "text", "text or json")
	flags.DurationVar(&c.LeaveTimeout, "leave-timeout", kad.LeaveTimeout, "how long handing over may take")
	flags.DurationVar(&c.ValueTTL, "value-ttl", kad.ValueTTL, "the lifetime of a value that does not say")
	flags.DurationVar(&c.MaxValueTTL, "max-value-ttl", kad.MaxValueTTL, "the longest one that is granted")
	flags.IntVar(&c.MaxValueSize, "max-value-size", kad.MaxValueSize, "`bytes` a value")
	flags.IntVar(&c.MaxEntries, "max-entries", kad.MaxEntries, "entries in all")
	flags.Int64Var(&c.MaxBytes, "max-bytes", kad.MaxBytes, "`bytes` of values in all")
	flags.IntVar(&c.MaxConnections, "max-connections", kad.MaxConnections, "QUIC connections at once")
	flags.IntVar(&c.K, "k", kad.K, "contacts a bucket, and a lookup")
	flags.IntVar(&c.Alpha, "alpha", kad.Alpha, "questions of a lookup at once")
	flags.IntVar(&c.Replicas, "replicas", kad.Replicas, "nodes that hold a value")
	return cmd
}

// keepUp is the life of the daemon.
func (p *program) keepUp(ctx context.Context) error {
	log, err := p.logger()
	if err != nil {
		return err
	}
	token, err := p.token()
	if err == nil {
		err = p.checkGateway(token)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.settings.dir, 0o700); err != nil {
		return fmt.Errorf("make the node's directory: %w", err)
	}
	hub, numbers := web.NewHub(), metrics.New()
	node, err := p.open(log, khashmir.Observers(hub.Observer(), numbers.Observer(), logged(log)))
	if err != nil {
		return err
	}
	doors, err := p.openDoors(node, web.Config{
		Hub: hub, Token: token, Metrics: numbers.Handler(node), Page: page.Handler(), Scratch: p.settings.dir, Logger: log, Version: version(),
		Client: p.settings.node.Client, K: p.settings.node.K, MaxValueSize: p.settings.node.MaxValueSize,
	})
	if err != nil {
		return errors.Join(err, node.Abort())
	}
	log.Info("the node is up", "id", node.ID(), "addr", node.Addr(), "version", version(), "dir", p.settings.dir, "socket", p.settings.socketPath(), "gateway", doors.url)
	tell(log, daemon.SdNotifyReady+"\nSTATUS=up as "+node.ID().String()+" at "+node.Addr().String())

	var failed error
	select {
	case <-ctx.Done():
	case failed = <-doors.failed:
		log.Error("the gateway has failed", "err", failed)
	}
	tell(log, daemon.SdNotifyStopping)
	return errors.Join(failed, p.leave(log, node, doors))
}

func (p *program) open(log *slog.Logger, observer khashmir.Observer) (*khashmir.Node, error) {
	config := p.settings.node
	config.Path, config.Bootstrap, config.Logger, config.Observer = p.settings.database(), p.settings.bootstrap, log, observer
	addr, err := net.ResolveUDPAddr("udp", config.Listen)
	if err != nil {
		return nil, usage("--listen %q is no address: %w", config.Listen, err)
	}
	if p.settings.streams {
		config.Transport = transport.NewQUIC(transport.QUICConfig{Listen: addr.AddrPort(), MaxConnections: config.MaxConnections, StreamsOnly: true})
	}
	node, err := khashmir.Open(config)
	switch {
	case errors.Is(err, khashmir.ErrInUse):
		return nil, fmt.Errorf("a node runs on %s already: %w", p.settings.dir, err)
	case err != nil:
		return nil, err
	}
	return node, nil
}

// leave hands over and closes; a second signal cuts it short.
func (p *program) leave(log *slog.Logger, node *khashmir.Node, d *doors) error {
	log.Info("leaving", "at most", p.settings.node.LeaveTimeout)
	begun := time.Now()
	before, _ := node.Stats()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-p.again:
			log.Warn("cut short")
			_ = node.Abort()
		case <-over:
		}
	}()
	d.close()
	node.Leave(func() {
		if after, failed := node.Stats(); failed == nil {
			log.Info("handed over", "entries", after.Handed-before.Handed)
		}
	})
	err := node.Close()
	if errors.Is(err, khashmir.ErrClosed) {
		err = nil
	}
	log.Info("gone", "after", time.Since(begun).Round(time.Millisecond))
	return err
}

// tell is for systemd, if that is who has started us.
func tell(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd could not be told", "err", err)
	}
}
