package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// errNever is the answer to what a client has no command for.
var errNever = errors.New("cannot")

// client is a DHT node that is told what to do: by a line, see package lines.
type client interface {
	do(words ...string) (answer string, err error)
	addr() string
	close()
}

// foreignClient is one that no one here wrote.
type foreignClient struct {
	name    string
	among   int // how many nodes of ours it needs
	start   func(ip string, d *door) (client, error)
	missing func(alone bool) (reason string)
}

// foreign are all of them.
func foreign(built string) []foreignClient {
	here, _ := os.Getwd()
	clients := filepath.Join(here, "clients")
	// Debian's libtorrent is for Debian's Python, whatever comes first in PATH.
	const python = "/usr/bin/python3"
	return []foreignClient{
		{
			"libtorrent", 3,
			speaker(python, "-B", filepath.Join(clients, "libtorrent_node.py")),
			func(bool) string {
				if exec.Command(python, "-c", "import libtorrent").Run() != nil {
					return "apt-get install python3-libtorrent"
				}
				return ""
			},
		},
		{
			"transmission", 16, // it announces nothing before it knows eight or more
			startTransmission,
			func(alone bool) string {
				if _, err := exec.LookPath("transmission-daemon"); err != nil {
					return "apt-get install transmission-daemon"
				}
				if !alone {
					return "it takes nothing from 127.0.0.1; run this as root, or where user namespaces are allowed"
				}
				return ""
			},
		},
		{
			"bittorrent-dht", 3,
			speaker("node", filepath.Join(clients, "bittorrent_dht_node.mjs")),
			func(bool) string {
				_, err := exec.LookPath("node")
				if _, missing := os.Stat(filepath.Join(clients, "node_modules", "bittorrent-dht")); err != nil || missing != nil {
					return "npm install --no-package-lock --prefix interop/clients"
				}
				return ""
			},
		},
		{
			"anacrolix", 3,
			speaker(filepath.Join(built, "anacrolix")),
			func(bool) string {
				if _, err := os.Stat(filepath.Join(built, "anacrolix")); err != nil {
					return "go -C interop mod download"
				}
				return ""
			},
		},
	}
}

// spoken is a client that is a process and speaks lines.
type spoken struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     chan string
	at      string
}

func speaker(words ...string) func(string, *door) (client, error) {
	return func(ip string, _ *door) (client, error) {
		s, err := speak(append(words, ip)...)
		if err != nil {
			return nil, err // and no client that is a nil of some type
		}
		return s, nil
	}
}

// speak starts a client and waits until it is ready.
func speak(words ...string) (*spoken, error) {
	s := &spoken{command: exec.Command(words[0], words[1:]...), out: make(chan string)}
	s.command.SysProcAttr = bound()
	if *keep {
		s.command.Stderr = os.Stderr
	}
	var err error
	if s.in, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go s.read(out)
	ready, err := s.hear()
	if err == nil && !strings.HasPrefix(ready, "ready ") {
		err = fmt.Errorf("it begins with %q", ready)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", filepath.Base(words[0]), err)
	}
	s.at = strings.TrimPrefix(ready, "ready ")
	return s, nil
}

func (s *spoken) read(out io.Reader) {
	defer close(s.out)
	for in := bufio.NewScanner(out); in.Scan(); {
		s.out <- in.Text()
	}
}

func (s *spoken) hear() (string, error) {
	select {
	case line, ok := <-s.out:
		if !ok {
			return "", errors.New("it has ended")
		}
		return line, nil
	case <-time.After(patience):
		return "", fmt.Errorf("no answer within %v", patience)
	}
}

func (s *spoken) do(words ...string) (string, error) {
	if _, err := fmt.Fprintln(s.in, strings.Join(words, " ")); err != nil {
		return "", err
	}
	line, err := s.hear()
	verdict, answer, _ := strings.Cut(line, " ")
	switch {
	case err != nil:
		return "", err
	case verdict != "ok":
		return "", errors.New(answer)
	}
	return strings.TrimSpace(answer), nil
}

func (s *spoken) addr() string { return s.at }

func (s *spoken) close() {
	s.in.Close()
	s.command.Process.Kill()
	for range s.out { // until it has ended
	}
	s.command.Wait()
}
