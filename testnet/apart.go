package testnet

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/khashmir/kad/khashmir"
)

// Daemon is a peer that is a process of its own.
type Daemon struct {
	ID       khashmir.ID
	Addr     string
	Log      string // its file
	Contacts int
	RSSMiB   float64 // resident
	OwnMiB   float64 // of it, pages that no other process shares
}

// Daemons are the peers of a network of processes, as they are now.
func (n *Network) Daemons() ([]Daemon, error) {
	all := make([]Daemon, len(n.peers))
	for i, p := range n.peers {
		s, err := p.Stats()
		if err != nil {
			return nil, fmt.Errorf("peer %d: %w", i, err)
		}
		all[i] = Daemon{p.ID(), p.Addr(), n.logOf(i), s.Contacts, s.RSSMiB, s.OwnMiB}
	}
	return all, nil
}

// logOf is the i-th peer's.
func (n *Network) logOf(i int) string { return filepath.Join(n.dir, fmt.Sprintf("peer-%04d.log", i)) }

// logger writes to the peer's log, which stays open as long as the process; nil
// if it has none.
func (o opening) logger() (*slog.Logger, error) {
	if o.Log == "" {
		return nil, nil
	}
	file, err := os.OpenFile(o.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open its log: %w", err)
	}
	return slog.New(slog.NewTextHandler(file, nil)), nil
}

// watch writes to the log whom a peer meets and loses.
func watch(log *slog.Logger) func(khashmir.ID) khashmir.Observer {
	if log == nil {
		return nil
	}
	return func(peer khashmir.ID) khashmir.Observer {
		log.Info("the peer is up", "id", peer)
		return khashmir.Observer{
			Met:  func(c khashmir.Contact) { log.Info("contact met", "contact", c) },
			Lost: func(c khashmir.Contact) { log.Info("contact lost", "contact", c) },
		}
	}
}
