package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// server is a process that serves.
type server struct {
	process   *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	complaint strings.Builder
	addr      netip.AddrPort
	contacts  int
}

// start starts the program with one core to itself.
func start(ctx context.Context, command []string, what string) (*server, error) {
	s := &server{process: exec.CommandContext(ctx, command[0], append(command[1:], what)...)}
	s.process.Env = append(os.Environ(), "GOMAXPROCS=1")
	s.process.Stderr = &s.complaint
	var err error
	if s.in, err = s.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	line, err := s.out.ReadString('\n')
	if err == nil {
		addr, contacts, _ := strings.Cut(strings.TrimSpace(line), " ")
		if s.addr, err = netip.ParseAddrPort(addr); err == nil {
			s.contacts, err = strconv.Atoi(contacts)
		}
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w: %s", what, err, strings.TrimSpace(s.complaint.String()))
	}
	return s, nil
}

// cpu is what the process has used so far.
func (s *server) cpu() (time.Duration, error) {
	if _, err := io.WriteString(s.in, "\n"); err != nil {
		return 0, err
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		return 0, errors.Join(errors.New("the server is gone"), err)
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(ns), err
}

// stop ends the process and waits for it.
func (s *server) stop() {
	s.in.Close()
	_ = s.process.Wait() // all that it has to say has been heard
}
