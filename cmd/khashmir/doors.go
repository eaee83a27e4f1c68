package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web"
)

// doors are the ways to a running node.
type doors struct {
	gateways []*web.Gateway
	url      string     // of the gateway; empty if there is none
	failed   chan error // one of them has ended by itself
}

func (p *program) openDoors(node *khashmir.Node, config web.Config) (*doors, error) {
	d := &doors{failed: make(chan error, 2)}
	at, err := listenLocal(p.settings.socketPath())
	if err != nil {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	local := config
	local.Local, local.Token = true, ""
	d.open(node, local, at)
	if p.settings.gateway == "" {
		return d, nil
	}
	if at, err = net.Listen("tcp", p.settings.gateway); err != nil {
		d.close()
		return nil, fmt.Errorf("open the gateway: %w", err)
	}
	d.url = "http://" + at.Addr().String() + "/"
	d.open(node, config, at)
	return d, nil
}

func (d *doors) open(node *khashmir.Node, config web.Config, at net.Listener) {
	g := web.New(node, config)
	d.gateways = append(d.gateways, g)
	go func() {
		if err := g.Serve(at); err != nil {
			d.failed <- err
		}
	}()
}

func (d *doors) close() {
	for _, g := range d.gateways {
		g.Close()
	}
}

// listenLocal makes the socket that only the owner may talk to. A socket that a
// crash has left behind answers nobody; that its node is gone the lock on the
// file has told.
func listenLocal(path string) (net.Listener, error) {
	const most = 104 // bytes of a path that every system takes
	if len(path) > most {
		return nil, usage("the socket's path %s is longer than %d bytes; --socket names a shorter one", path, most)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, usage("%s is there, and is no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	at, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, at.Close())
	}
	return at, nil
}

// token is what the gateway wants to be shown; empty: nothing.
func (p *program) token() (string, error) {
	if p.settings.tokenFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(p.settings.tokenFile)
	if err != nil {
		return "", usage("the token's file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", usage("the token's file %s is empty", p.settings.tokenFile)
	}
	return token, nil
}

// checkGateway refuses, before anything is begun, a gateway that anybody could
// use.
func (p *program) checkGateway(token string) error {
	at := p.settings.gateway
	if at == "" {
		return nil
	}
	addr, err := net.ResolveTCPAddr("tcp", at)
	switch {
	case err != nil:
		return usage("--gateway %q: %w", at, err)
	case addr.IP.IsLoopback():
		return nil
	case token == "":
		return usage("--gateway %s: others than this machine reach it: give it a --token-file, or take 127.0.0.1", at)
	case len(token) < kad.MinGatewayToken:
		return usage("--token-file: %d bytes are too easy to guess where others than this machine reach the gateway: take %d or more", len(token), kad.MinGatewayToken)
	}
	return nil
}
